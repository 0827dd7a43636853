"""Recompute a certificate in balls at two precisions, which must overlap and shrink."""

from __future__ import annotations

from typing import Any

import flint

from ballproof.verifier.audit.precisions.comparison import Comparison
from ballproof.verifier.audit.precisions.cubic_balls import CubicQuantities
from ballproof.verifier.audit.precisions.exact_balls import ExactQuantities
from ballproof.verifier.audit.precisions.ladder_balls import LadderQuantities
from ballproof.verifier.audit.precisions.levels import Precisions
from ballproof.verifier.audit.precisions.quantities import Counted, Item, Part, Quantities
from ballproof.verifier.audit.precisions.subcubic_balls import SubcubicQuantities
from ballproof.verifier.audit.subject import Subject
from ballproof.verifier.counting.goal import Progress, silent
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.subcubic.strategy import Subcubic


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
    problem, proof = subject.problem, subject.fields["proof"]
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
