"""The kernel: two files in, one theorem out. This file is the whole of what others may call.

`check` is the only function that makes a `Theorem`, and its last line is the only place where it
does. Anything that is not established raises `Rejected` or `Declined`.
"""

from collections.abc import Callable

import brute_force
import cubic
import exact
from claims import Claim, Pins, read_claim, require_model, require_pins
from tally import Tally
from tensors import digest, read_tensors
from transformer import PathTables, path_tables, read_model
from verdict import Declined, Rejected, Theorem

Bounds = tuple[int, int]


def _two_sided(
    count_wrong: Callable[[PathTables, int, Tally], tuple[int, int]],
) -> Callable[[PathTables, Claim, Tally], Bounds]:
    def bounds(tables: PathTables, claim: Claim, tally: Tally) -> Bounds:
        certain, possible = count_wrong(tables, claim.precision, tally)
        return claim.total - possible, claim.total - certain

    return bounds


def _lower_only(
    count_right: Callable[[PathTables, int, Tally], int],
) -> Callable[[PathTables, Claim, Tally], Bounds]:
    def bounds(tables: PathTables, claim: Claim, tally: Tally) -> Bounds:
        return count_right(tables, claim.precision, tally), claim.total

    return bounds


STRATEGIES: dict[str, Callable[[PathTables, Claim, Tally], Bounds]] = {
    "brute-force": _two_sided(brute_force.count_wrong),
    "cubic": _lower_only(cubic.count_right),
    "exact": _two_sided(exact.count_wrong),
}


def check(weights: bytes, certificate: bytes, pins: Pins) -> Theorem:
    """Return the theorem that the certificate proves about these weights.

    Recomputes the strategy's bounds with this folder's own arithmetic, within the certificate's
    budget, and demands that they reach the claim: no tolerance. Raises `Declined` or `Rejected`.
    """
    claim = read_claim(certificate, pins.max_operations)
    if claim.strategy not in STRATEGIES:
        raise Declined("unsupported", f"proof.strategy: unknown {claim.strategy[:80]!a}.")
    tensors = read_tensors(weights)
    model = read_model(tensors)
    sha256 = digest(tensors)
    require_model(claim, sha256, model.shape)
    require_pins(claim, pins)
    if claim.witness:
        raise Rejected("witness", f"the strategy {claim.strategy} takes an empty witness.")
    tally = claim.tally()
    tables = path_tables(model, claim.margin, tally)
    at_least, at_most = STRATEGIES[claim.strategy](tables, claim, tally)
    _require_counts(claim, at_least, at_most, tally)
    return Theorem(
        claim.task,
        sha256,
        claim.semantics,
        claim.margin_text,
        claim.total,
        claim.correct_at_least,
        claim.correct_at_most,
        claim.operations,
        tally.spent,
    )


def _require_counts(claim: Claim, at_least: int, at_most: int, tally: Tally) -> None:
    """Reject a claim that goes beyond the recomputed counts, and say what they are."""
    if claim.correct_at_least <= at_least and at_most <= claim.correct_at_most:
        return
    refusal = Rejected(
        "count", f"the check establishes at least {at_least} and at most {at_most} correct."
    )
    refusal.established = {
        "correct_at_least": str(at_least),
        "correct_at_most": str(at_most),
        "tally": str(tally.spent),
    }
    raise refusal
