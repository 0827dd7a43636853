"""The kernel: two files in, one theorem out. This file is the whole of what others may call.

`check` is the only function that makes a `Theorem`, and its last line is the only place where it
does. Anything that is not established raises `Rejected` or `Declined`.
"""

from collections.abc import Callable

import brute_force
import cubic
import exact
import ladder
import subcubic
from claims import Claim, Pins, read_claim, require_model, require_pins
from ladder_witness import RULES
from separable import ClassCount, count_wrong
from tally import Tally
from tensors import digest, read_tensors
from transformer import Model, PathTables, path_tables, read_model
from verdict import Rejected, Theorem, decline_unless, reject_unless

Bounds = tuple[int, int]
Rule = Callable[[Model, Claim, Tally], Bounds]


def _tabled(count: Callable[[PathTables, Claim, Tally], Bounds]) -> Rule:
    """Return the rule of a strategy that takes the path tables and no witness."""

    def bounds(model: Model, claim: Claim, tally: Tally) -> Bounds:
        reject_unless(not claim.witness, "witness", f"{claim.strategy} takes an empty witness.")
        tables = path_tables(model, claim.margin, tally)
        # One token has no rival, and one sequence, which is right.
        return count(tables, claim, tally) if model.shape.d_vocab > 1 else (1, 1)

    return bounds


def _two_sided(count_class: ClassCount) -> Rule:
    def bounds(tables: PathTables, claim: Claim, tally: Tally) -> Bounds:
        certain, possible = count_wrong(tables, claim.precision, tally, count_class)
        return claim.total - possible, claim.total - certain

    return _tabled(bounds)


def _cubic(tables: PathTables, claim: Claim, tally: Tally) -> Bounds:
    return cubic.count_right(tables, claim.precision, tally), claim.total


def _subcubic(model: Model, claim: Claim, tally: Tally) -> Bounds:
    return subcubic.count_right(model, claim, tally), claim.total


STRATEGIES: dict[str, Rule] = {
    "brute-force": _two_sided(brute_force.count_class),
    "cubic": _tabled(_cubic),
    "exact": _two_sided(exact.count_class),
    **dict.fromkeys(RULES, ladder.count_right),
    **dict.fromkeys(subcubic.NAMES, _subcubic),
}


def check(weights: bytes, certificate: bytes, pins: Pins) -> Theorem:
    """Return the theorem that the certificate proves about these weights.

    Recomputes the strategy's bounds with this folder's own arithmetic, within the certificate's
    budget, and demands that they reach the claim: no tolerance. Raises `Declined` or `Rejected`.
    """
    claim = read_claim(certificate, pins.max_operations)
    known = claim.strategy in STRATEGIES
    decline_unless(known, "unsupported", f"proof.strategy: unknown {claim.strategy[:80]!a}.")
    tensors = read_tensors(weights)
    model = read_model(tensors)
    sha256 = digest(tensors)
    require_model(claim, sha256, model.shape)
    require_pins(claim, pins)
    tally = Tally(claim.operations)
    at_least, at_most = STRATEGIES[claim.strategy](model, claim, tally)
    _require_counts(claim, at_least, at_most, tally)
    counts = (claim.total, claim.correct_at_least, claim.correct_at_most)
    statement = (claim.task, sha256, claim.semantics, claim.margin_text, *counts)
    return Theorem(*statement, claim.operations, tally.spent)


def _require_counts(claim: Claim, at_least: int, at_most: int, tally: Tally) -> None:
    """Reject a claim that goes beyond the recomputed counts, and say what they are."""
    if claim.correct_at_least <= at_least and at_most <= claim.correct_at_most:
        return
    counts = {"correct_at_least": at_least, "correct_at_most": at_most, "tally": tally.spent}
    sentence = f"the check establishes at least {at_least} and at most {at_most} correct."
    refusal = Rejected("count", sentence)
    refusal.established = {key: str(value) for key, value in counts.items()}
    raise refusal
