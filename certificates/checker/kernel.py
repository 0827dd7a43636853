"""The kernel: two files in, one theorem out. This file is the whole of what others may call.

`check` is the only function that makes a `Theorem`, and its last line is the only place where it
does. Anything that is not established raises `Rejected` or `Declined`.
"""

from collections.abc import Callable
from fractions import Fraction

from arithmetic.tally import Tally
from files.claims import Claim, Counts, Pins, read_claim, require_model, require_pins
from files.tensors import digest, read_tensors
from files.verdict import Rejected, Theorem, decline_unless
from parts.float32 import deviation
from parts.transformer import Model, read_model
from strategies import brute_force, cubic, exact, ladder, subcubic

Strategy = Callable[[Model, Claim, Tally], Counts]
# Each returns how many inputs are right in the real semantics, at least and at most.
STRATEGIES: dict[str, Strategy] = {
    "brute-force": brute_force.count_right,
    "exact": exact.count_right,
    "cubic": cubic.count_right,
    **dict.fromkeys(ladder.NAMES, ladder.count_right),
    **dict.fromkeys(subcubic.NAMES, subcubic.count_right),
}
# How far each logit gap of the program that the semantics names may be from the real one.
DEVIATIONS: dict[str, Callable[[Model, Tally], Fraction]] = {"float32": deviation}


def check(weights: bytes, certificate: bytes, pins: Pins) -> Theorem:
    """Return the theorem that the certificate proves about these weights.

    Recomputes the strategy's bounds with this folder's own arithmetic, within the certificate's
    budget, and demands that they reach the claim: no tolerance. Raises `Declined` or `Rejected`.
    """
    claim, model = read(weights, certificate, pins)
    tally = Tally(claim.operations)
    at_least, at_most = _established(model, claim, tally)
    if at_least < claim.correct_at_least or claim.correct_at_most < at_most:
        sentence = f"the check establishes at least {at_least} and at most {at_most} correct."
        counts = {"correct_at_least": at_least, "correct_at_most": at_most, "tally": tally.spent}
        raise Rejected("count", sentence, **counts)
    statement = (claim.question, claim.model, claim.sha256, claim.semantics, claim.margin_text)
    claimed = (claim.total, claim.correct_at_least, claim.correct_at_most, claim.operations)
    return Theorem(*statement, *claimed, tally.spent)


def read(weights: bytes, certificate: bytes, pins: Pins) -> tuple[Claim, Model]:
    """Return the claim and the model that it is about, pins and statement compared."""
    claim = read_claim(certificate, pins.max_operations)
    decline_unless(claim.strategy in STRATEGIES, "unsupported", f"no {claim.strategy[:80]!a}.")
    tensors = read_tensors(weights)
    model = read_model(tensors)
    require_model(claim, digest(tensors), model.shape)
    require_pins(claim, pins)
    return claim, model


def shifted(model: Model, claim: Claim, tally: Tally) -> tuple[Claim, Claim]:
    """Return claims of the real function whose counts enclose the claim's, below and above.

    T12: the gaps of the float32 program are within eps of the real ones, so that the real counts at
    margin + eps and at margin - eps enclose its count.
    """
    if claim.semantics not in DEVIATIONS:
        return claim, claim
    eps = DEVIATIONS[claim.semantics](model, tally)
    ends = (Fraction(*claim.margin) + x for x in (eps, -eps))
    below, above = (claim._replace(margin=end.as_integer_ratio()) for end in ends)
    return below, above


def _established(model: Model, claim: Claim, tally: Tally) -> Counts:
    """Return how many inputs are right, at least and at most, in the claim's semantics.

    An upper end that claims nothing is free.
    """
    count = STRATEGIES[claim.strategy]
    below, above = shifted(model, claim, tally)
    at_least, at_most = count(model, below, tally)
    if below != above:
        free = claim.correct_at_most == claim.total
        at_most = claim.total if free else count(model, above, tally)[1]
    return at_least, at_most
