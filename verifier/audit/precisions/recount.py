"""Recompute a certificate in balls at two precisions, which must overlap and shrink."""

from __future__ import annotations

from typing import Any

import flint

from ballproof.verifier.audit.precisions.comparison import Comparison
from ballproof.verifier.audit.precisions.levels import Precisions
from ballproof.verifier.audit.subject import Subject
from ballproof.verifier.counting.goal import Progress, silent
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.quantities import Counted, Item, Part, Quantities


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
    if subject.problem.is_max_of_all and subject.problem.shape.d_vocab == 1:
        return _NoRival()
    strategy, witness = strategy_named(subject.strategy), subject.fields["proof"]["witness"]
    return strategy.quantities(subject.problem, witness)


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
