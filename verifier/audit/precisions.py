"""Recompute a certificate in balls at two precisions, which must overlap and shrink."""

from __future__ import annotations

from typing import Any

import flint

from verifier.audit.comparison import Comparison
from verifier.audit.cubic_balls import CubicQuantities
from verifier.audit.exact_balls import ExactQuantities
from verifier.audit.ladder_balls import LadderQuantities
from verifier.audit.levels import Precisions
from verifier.audit.quantities import Counted, Item, Part, Quantities
from verifier.audit.subcubic_balls import SubcubicQuantities
from verifier.audit.subject import Subject
from verifier.goal import Progress, silent
from verifier.problem import pose
from verifier.strategies import strategy_named
from verifier.strategies.subcubic import Subcubic


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
    comparison = Comparison(quantities_of(subject), *bits)
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


class _NoRival:
    """With one token there is one input, and no quantity decides it."""

    what = "nothing: there is no rival"
    alone = Counted(1, 1)

    def parts(self) -> list[Part]:
        return []

    def items(self, part: Part, bits: int) -> list[Item]:
        return []

    def balls(self, part: Part, items: Any, bits: int) -> dict[Item, flint.arb]:
        return {}

    def name(self, item: Any) -> str:
        return str(item)

    def counted(self, part: Part, balls: Any) -> Counted:
        return Counted(0, 0)
<<<<<<< HEAD


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
=======
>>>>>>> audit-bound2
