"""What a subcubic bound lacks: another witness, then strategies that relax less, then `cubic`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.base import Witness
from ballproof.verifier.strategies.cubic import Cubic
from ballproof.verifier.strategies.relaxations import CLAIM, UNCOUNTED, Case, Relaxation, Step
from ballproof.verifier.strategies.subcubic.names import Parts

if TYPE_CHECKING:
    from ballproof.verifier.strategies.subcubic.strategy import Subcubic

WITNESS = Relaxation(
    "witness", "another witness for the same strategy shows more (or less, if negative)"
)
SCORE_ERROR = Relaxation(
    "score error", "the attention scores are split into a simple part and an error"
)
DIRECT_PATH = Relaxation(
    "direct path", "the direct path is bounded by a range instead of the entries needed"
)
ATTENTION = Relaxation(
    "attention", "the logits are bounded around attention 0, not around a likely one"
)
GAP = Relaxation("gap", "tokens that are not the maximum are treated alike, up to a gap below it")


def subcubic_steps(strategy: Subcubic, case: Case) -> Iterator[Step]:
    """Follow the certificate's witness, then one found anew, then strategies that relax less."""
    yield from _same_strategy(strategy, case)
    yield from _finer_strategies(strategy, case)
    for place, (cause, count) in enumerate(Cubic().relaxations(case)):
        yield (GAP if place == 0 else cause), count


def _same_strategy(strategy: Subcubic, case: Case) -> Iterator[Step]:
    case.phase()
    stated = _entries(case.problem, strategy, case.witness)
    found = _entries(case.problem, strategy, strategy.search(case.problem, Goal(), silent))
    count = sum(stated.values())
    yield CLAIM, count
    # Entries are of different inputs: any choice of witness for each of them is a bound.
    count += sum(many for entry, many in found.items() if entry not in stated)
    yield UNCOUNTED, count
    count += sum(max(found[entry] - many, 0) for entry, many in stated.items())
    yield WITNESS, count


def _finer_strategies(strategy: Subcubic, case: Case) -> Iterator[Step]:
    direct, attention, error = strategy.parts
    changes = (
        (SCORE_ERROR, (direct, attention, "exact"), error != "exact"),
        (DIRECT_PATH, ("max-diff-exact", attention, "exact"), direct != "max-diff-exact"),
        (ATTENTION, ("max-diff-exact", "mean+diff", "exact"), attention == "drop-average"),
    )
    for cause, parts, needed in changes:
        if needed:
            case.phase()
            finer = type(strategy)(Parts(*parts))
            witness = finer.search(case.problem, Goal(), silent)
            yield cause, finer.bound(case.problem, witness, silent).correct_at_least


def _entries(
    problem: Problem, strategy: Subcubic, witness: Witness
) -> Counter[tuple[int, int, int]]:
    """Return how many inputs each entry (q, m, c) settles."""
    return Counter(
        {(query, m, c): many for query, m, c, many in strategy.settled(problem, witness)}
    )
