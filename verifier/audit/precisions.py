"""Recompute a certificate in balls at two precisions, which must overlap and shrink."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import flint

from verifier.audit.cubic_balls import CubicQuantities
from verifier.audit.exact_balls import ExactQuantities
from verifier.audit.ladder_balls import LadderQuantities
from verifier.audit.quantities import Counted, Item, Part, Quantities
from verifier.audit.subcubic_balls import SubcubicQuantities
from verifier.audit.subject import Finding, Subject
from verifier.goal import Progress, silent
from verifier.problem import pose
from verifier.strategies import strategy_named
from verifier.strategies.subcubic import Subcubic

PART = "precisions"
SEED = 0
# Operations on balls at each precision; parts are sampled where all would take more.
MOST_OPERATIONS = 12_000_000
# Where the finer precision leaves a sign open, how many bits are tried for the nearest one.
LAST_BITS = 8_192
# At most so many quantities are named in findings of one kind.
NAMED = 3


@dataclass
class Level:
    """What was seen at one precision: the largest width, and the counts that follow."""

    bits: int
    width: flint.arb
    least: int = 0
    most: int = 0
    open: int = 0

    def see(self, ball: flint.arb) -> None:
        """Take one enclosure into account."""
        width = 2 * ball.rad()
        if width.is_finite() and width > self.width:
            self.width = width
        self.open += not (bool(ball < 0) or bool(ball >= 0))

    def count(self, counted: Counted) -> None:
        """Add the counts of a part."""
        self.least += counted.least
        self.most += counted.most

    def fields(self) -> dict[str, Any]:
        """Return the level for machines; widths are rounded to a few digits."""
        return {
            "bits": self.bits,
            "largest_width": float(self.width),
            "without_sign": self.open,
            "correct_at_least": str(self.least),
            "correct_at_most": str(self.most),
        }


@dataclass(frozen=True)
class Nearest:
    """The quantity nearest to 0 that is not exactly 0, and the bits that decide its sign.

    `bits` is None where none of the precisions tried does.
    """

    part: tuple[int, ...]
    item: Item
    ball: flint.arb
    bits: int | None

    def fields(self) -> dict[str, Any]:
        """Return it for machines."""
        return {
            "part": list(self.part),
            "quantity": described(self.item),
            "value": self.ball.str(12, radius=True),
            "bits": self.bits,
        }


@dataclass(frozen=True, eq=False)
class Precisions:
    """What was compared, how many overlap, how wide they are, and what follows from them."""

    what: str
    parts: tuple[int, int]
    quantities: int
    overlapping: int
    narrower: int
    zeros: int
    coarse: Level
    fine: Level
    claimed: tuple[int, int]
    nearest: Nearest | None
    findings: list[Finding] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        """The finer precision's largest width over the coarser's; None if both are exact."""
        return float(self.fine.width / self.coarse.width) if self.coarse.width > 0 else None

    def fields(self) -> dict[str, Any]:
        """Return the comparison for machines."""
        return {
            "what": self.what,
            "parts": self.parts[0],
            "all_parts": self.parts[1],
            "quantities": self.quantities,
            "overlapping": self.overlapping,
            "narrower": self.narrower,
            "exactly_zero": self.zeros,
            "levels": [self.coarse.fields(), self.fine.fields()],
            "ratio": self.ratio,
            "nearest": None if self.nearest is None else self.nearest.fields(),
            "findings": [finding.fields() for finding in self.findings],
        }

    def lines(self) -> list[str]:
        """Return the comparison in plain words."""
        done, every = self.parts
        sample = "" if done == every else f", a sample of {done} of {every} parts"
        bits = f"{self.coarse.bits} and {self.fine.bits} bits"
        lines = [
            f"Recomputed in balls of {bits}: {self.what}{sample}.",
            f"{self.overlapping} of {self.quantities} quantities overlap, "
            f"{self.narrower} are exact or narrower at {self.fine.bits} bits.",
        ]
        for level in (self.coarse, self.fine):
            lines.append(
                f"  {level.bits} bits: widths up to {float(level.width):.3g}, {level.open} without "
                f"a sign; what follows is a count from {level.least} to {level.most}"
            )
        if self.ratio is not None:
            lines.append(f"The largest width shrinks to {self.ratio:.3g} of itself.")
        if self.nearest is not None:
            lines.append(self._tightest(self.nearest))
        return lines

    def _tightest(self, nearest: Nearest) -> str:
        decided = (
            f"no precision up to {LAST_BITS} bits decides it"
            if nearest.bits is None
            else f"{nearest.bits} bits decide it"
        )
        where = ", ".join(map(str, nearest.part))
        return (
            f"Nearest to 0 is {described(nearest.item)} of ({where}): "
            f"{nearest.ball.str(6, radius=False)}; {decided}."
        )


def recompute(
    subject: Subject,
    precisions: tuple[int, int] | None = None,
    progress: Progress = silent,
) -> Precisions:
    """Recompute the deciding quantities of a certificate from its own witness, twice.

    They are computed in balls of python-flint, apart from the checker's integers, at the
    certificate's precision and at twice that, or at `precisions`. It is a finding if two
    enclosures of one number do not overlap, if the finer is wider, and if the claim counts what
    enclosures show not to count.
    """
    stated = int(subject.fields["proof"]["precision"])
    bits = precisions or (stated, 2 * stated)
    if not 2 <= bits[0] < bits[1]:
        raise ValueError(f"precisions have to ascend, from at least 2 bits; {bits} do not")
    comparison = _Comparison(quantities_of(subject), *bits)
    comparison.run(progress)
    return comparison.result(subject)


def quantities_of(subject: Subject) -> Quantities:
    """Return the deciding quantities of a certificate, at the margin of its lower end."""
    claim, proof = subject.fields["claim"], subject.fields["proof"]
    problem = pose(subject.weights, subject.margin, claim["semantics"])
    strategy, witness = strategy_named(proof["strategy"]), proof["witness"]
    if problem.shape.d_vocab == 1:
        return _NoRival()
    if isinstance(strategy, Subcubic):
        return SubcubicQuantities(problem, strategy, witness)
    if strategy.name == "cubic":
        return CubicQuantities(problem)
    if strategy.group == "ladder":
        return LadderQuantities(problem, witness)
    return ExactQuantities(problem)


def described(item: Item) -> str:
    """Return the name of a quantity within its part."""
    fields: Mapping[str, Any] | None = getattr(item, "_asdict", lambda: None)()
    if fields is None:
        return str(item)
    rivals = fields["rivals"]
    who = f"rival {rivals[0]}" if len(rivals) == 1 else f"{len(rivals)} rivals"
    star = "" if fields["star"] is None else " at its threshold"
    return f"the worst case of {who} over the queries {fields['first']}..{fields['last']}{star}"


class _NoRival:
    """With one token there is one input, and no quantity decides it."""

    what = "nothing: there is no rival"
    alone = Counted(1, 1)

    def parts(self) -> list[Part]:
        return []

    def items(self, part: Part, bits: int) -> list[Item]:
        return []

    def ball(self, part: Part, item: Item, bits: int) -> flint.arb:
        raise ValueError("there is no quantity")

    def counted(self, part: Part, balls: Any) -> Counted:
        return Counted(0, 0)


class _Comparison:
    """Goes through the parts, both precisions at a time."""

    def __init__(self, quantities: Quantities, coarse: int, fine: int) -> None:
        self.quantities = quantities
        self.coarse, self.fine = Level(coarse, flint.arb(0)), Level(fine, flint.arb(0))
        self.compared = self.overlapping = self.narrower = self.zeros = 0
        self.parts = (0, 0)
        self.apart: list[tuple[Part, Item, flint.arb, flint.arb]] = []
        self.wider: list[tuple[Part, Item, flint.arb, flint.arb]] = []
        self.nearest: tuple[Part, Item, flint.arb] | None = None

    def run(self, progress: Progress) -> None:
        """Compare all parts, or a sample of them."""
        parts = self.quantities.parts()
        chosen = sampled(parts)
        for level in (self.coarse, self.fine):
            level.count(self.quantities.alone)
        for done, part in enumerate(parts, start=1):
            if part in chosen:
                self._compare(part)
            else:
                for level in (self.coarse, self.fine):
                    level.count(Counted(0, part.size))
            progress(done, len(parts))
        self.parts = len(chosen), len(parts)

    def _compare(self, part: Part) -> None:
        of, items = self.quantities, self.quantities.items(part, self.fine.bits)
        fine = {item: of.ball(part, item, self.fine.bits) for item in items}
        coarse = {item: of.ball(part, item, self.coarse.bits) for item in items}
        for item in items:
            self._pair(part, item, coarse[item], fine[item])
        self.coarse.count(of.counted(part, coarse))
        self.fine.count(of.counted(part, fine))

    def _pair(self, part: Part, item: Item, coarse: flint.arb, fine: flint.arb) -> None:
        self.compared += 1
        self.coarse.see(coarse)
        self.fine.see(fine)
        if _overlap(coarse, fine):
            self.overlapping += 1
        else:
            self.apart.append((part, item, coarse, fine))
        if _shrinks(coarse, fine):
            self.narrower += 1
        else:
            self.wider.append((part, item, coarse, fine))
        if bool(fine == 0):
            self.zeros += 1
        elif self.nearest is None or _distance(fine) < _distance(self.nearest[2]):
            self.nearest = part, item, fine

    def result(self, subject: Subject) -> Precisions:
        """Return what was seen."""
        return Precisions(
            self.quantities.what,
            self.parts,
            self.compared,
            self.overlapping,
            self.narrower,
            self.zeros,
            self.coarse,
            self.fine,
            subject.claimed,
            self._decided(),
            [
                *_findings("enclosures at two precisions do not overlap", self.apart),
                *_findings("the finer enclosure is wider than the coarser", self.wider),
                *(x for level in (self.coarse, self.fine) for x in _counts(level, subject)),
            ],
        )

    def _decided(self) -> Nearest | None:
        """Return the quantity nearest to 0 with the fewest bits, a multiple of 8, that decide."""
        if self.nearest is None:
            return None
        part, item, ball = self.nearest
        high = self.fine.bits
        while not self._tells(part, item, high):
            high *= 2
            if high > LAST_BITS:
                return Nearest(part.name, item, ball, None)
        low = 0
        while high - low > 8:
            middle = (low + high) // 16 * 8
            if middle in (low, high):
                break
            low, high = (low, middle) if self._tells(part, item, middle) else (middle, high)
        return Nearest(part.name, item, ball, high)

    def _tells(self, part: Part, item: Item, bits: int) -> bool:
        ball = self.quantities.ball(part, item, bits)
        return bool(ball < 0) or bool(ball > 0)


def sampled(parts: list[Part]) -> set[Part]:
    """Return all parts, or as many as MOST_OPERATIONS allow, by an order that a seed fixes."""
    if sum(part.cost for part in parts) <= MOST_OPERATIONS:
        return set(parts)
    order = list(parts)
    Random(SEED).shuffle(order)
    chosen, spent = set(), 0
    for part in order:
        if not chosen or spent + part.cost <= MOST_OPERATIONS:
            chosen.add(part)
            spent += part.cost
    return chosen


def _overlap(coarse: flint.arb, fine: flint.arb) -> bool:
    """Return whether two balls have a number in common; one without finite ends holds them all."""
    return bool(coarse.overlaps(fine)) if coarse.is_finite() else True


def _shrinks(coarse: flint.arb, fine: flint.arb) -> bool:
    """Return whether the finer ball is no wider, and finite if the coarser is."""
    if not fine.is_finite():
        return not coarse.is_finite()
    return not coarse.is_finite() or bool(fine.rad() <= coarse.rad())


def _distance(ball: flint.arb) -> flint.arb:
    """Return how far the ball's midpoint is from 0; a ball without one is nowhere near."""
    return abs(ball.mid()) if ball.is_finite() else flint.arb("inf")


def _findings(sentence: str, pairs: list[tuple[Part, Item, flint.arb, flint.arb]]) -> list[Finding]:
    return [
        Finding(
            PART,
            f"{sentence}: {described(item)} of {list(part.name)}, one of {len(pairs)}",
            {
                "part_name": list(part.name),
                "quantity": described(item),
                "coarse": coarse.str(20, radius=True),
                "fine": fine.str(20, radius=True),
            },
        )
        for part, item, coarse, fine in pairs[:NAMED]
    ]


def _counts(level: Level, subject: Subject) -> list[Finding]:
    """Return findings where the claim is outside of the counts that follow."""
    low, high = subject.claimed
    details = {"claimed": [str(low), str(high)], **level.fields()}
    findings = []
    if low > level.most:
        findings.append(
            Finding(
                PART,
                f"at {level.bits} bits no more than {level.most} inputs count, {low} are claimed",
                details,
            )
        )
    if high < level.least:
        findings.append(
            Finding(
                PART,
                f"at {level.bits} bits {level.least} inputs are right, at most {high} is claimed",
                details,
            )
        )
    return findings
