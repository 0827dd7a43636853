"""Go through the quantities of a certificate, both precisions at a time."""

from __future__ import annotations

from random import Random

import flint

from ballproof.verifier.audit.precisions.levels import LAST_BITS, Level, Nearest, Precisions
from ballproof.verifier.audit.subject import Finding, Subject
from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.strategies.quantities import Counted, Item, Part, Quantities

PART = "precisions"
SEED = 0
# Operations on balls at each precision; parts are sampled where all would take more.
MOST_OPERATIONS = 12_000_000
# At most so many quantities are named in findings of one kind.
NAMED = 3
# A ball is as good as its precision allows if it has lost no more than so many bits.
LOST_BITS = 16
Pair = tuple[Part, Item, flint.arb, flint.arb]


class Comparison:
    """Goes through the parts, both precisions at a time."""

    def __init__(self, quantities: Quantities, coarse: int, fine: int) -> None:
        self.quantities = quantities
        self.coarse, self.fine = Level(coarse, flint.arb(0)), Level(fine, flint.arb(0))
        self.compared = self.overlapping = self.narrower = self.zeros = 0
        self.parts = (0, 0)
        self.apart: list[Pair] = []
        self.wider: list[Pair] = []
        self.nearest: tuple[Part, Item, flint.arb] | None = None
        self.radii = flint.arb(0)

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
        fine = of.balls(part, items, self.fine.bits)
        coarse = of.balls(part, items, self.coarse.bits)
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
        if _shrinks(coarse, fine, self.fine.bits):
            self.narrower += 1
        else:
            self.wider.append((part, item, coarse, fine))
        if bool(fine == 0):
            self.zeros += 1
            return
        radii = _radii(coarse, fine)
        if radii is not None and (self.nearest is None or radii < self.radii):
            self.nearest, self.radii = (part, item, fine), radii

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
                *self._findings("enclosures at two precisions do not overlap", self.apart),
                *self._findings("the finer enclosure is wider than the coarser", self.wider),
                *(x for level in (self.coarse, self.fine) for x in _counts(level, subject)),
            ],
        )

    def _decided(self) -> Nearest | None:
        """Return the quantity nearest to 0 with the fewest bits, a multiple of 8, that decide."""
        if self.nearest is None:
            return None
        part, item, ball = self.nearest
        name = self.quantities.name(item)
        high = self.fine.bits
        while not self._tells(part, item, high):
            high *= 2
            if high > LAST_BITS:
                return Nearest(part.name, name, ball, None)
        low = 0
        while high - low > 8:
            middle = (low + high) // 16 * 8
            if middle in (low, high):
                break
            low, high = (low, middle) if self._tells(part, item, middle) else (middle, high)
        return Nearest(part.name, name, ball, high)

    def _findings(self, sentence: str, pairs: list[Pair]) -> list[Finding]:
        return [
            Finding(
                PART,
                f"{sentence}: {self.quantities.name(item)}, of {part.name}, one of {len(pairs)}",
                {
                    "of": list(part.name),
                    "quantity": self.quantities.name(item),
                    "coarse": coarse.str(20, radius=True),
                    "fine": fine.str(20, radius=True),
                },
            )
            for part, item, coarse, fine in pairs[:NAMED]
        ]

    def _tells(self, part: Part, item: Item, bits: int) -> bool:
        ball = self.quantities.balls(part, [item], bits)[item]
        return bool(ball < 0) or bool(ball > 0)


def sampled(parts: list[Part]) -> set[Part]:
    """Return all parts, or as many as MOST_OPERATIONS allow, by an order that a seed fixes."""
    if sum(part.cost for part in parts) <= MOST_OPERATIONS:
        return set(parts)
    order = list(parts)
    Random(SEED).shuffle(order)
    chosen: set[Part] = set()
    spent = 0
    for part in order:
        if not chosen or spent + part.cost <= MOST_OPERATIONS:
            chosen.add(part)
            spent += part.cost
    return chosen


def _overlap(coarse: flint.arb, fine: flint.arb) -> bool:
    """Return whether two balls have a number in common; one without finite ends holds them all."""
    return bool(coarse.overlaps(fine)) if coarse.is_finite() else True


def _shrinks(coarse: flint.arb, fine: flint.arb, bits: int) -> bool:
    """Return whether the finer ball is no wider, and finite if the coarser is.

    One that is as good as its `bits` allow may be wider all the same: a term so small that the
    coarser takes it for 0 and an even smaller radius is added up, and rounded, in the finer.
    """
    if not fine.is_finite():
        return not coarse.is_finite()
    best = abs(fine.mid()) * flint.arb((1, LOST_BITS - bits))
    return not coarse.is_finite() or bool(fine.rad() <= coarse.rad()) or bool(fine.rad() <= best)


def _radii(coarse: flint.arb, fine: flint.arb) -> flint.arb | None:
    """Return how many radii of the coarse ball lie between the number and 0; None if it has none.

    It tells how near a decision came to being none, whatever the unit of the quantity.
    """
    if not (coarse.is_finite() and fine.is_finite()) or bool(coarse.rad() == 0):
        return None
    return abs(fine.mid()) / coarse.rad()


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
