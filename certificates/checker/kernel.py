"""The kernel: two files in, one theorem out. This file is the whole of what others may call.

`check` is the only function that makes a `Theorem`, and its last line is the only place where it
does. Anything that is not established raises `Rejected` or `Declined`.
"""

from fractions import Fraction

import brute_force
import cubic
import exact
import ladder
import subcubic
from claims import Claim, Pins, read_claim, require_model, require_pins
from explain import UNLIMITED, Explanation, explainer
from float32 import deviation
from ladder_witness import RULES
from separable import count_wrong
from signs import Sequence
from tally import Tally
from tensors import digest, read_tensors
from transformer import Model, path_tables, read_model
from verdict import Rejected, Theorem, decline_unless, reject_unless

CLASS_COUNTS = {"brute-force": brute_force.count_class, "exact": exact.count_class}
STRATEGIES = (*CLASS_COUNTS, "cubic", *RULES, *subcubic.NAMES)


def check(weights: bytes, certificate: bytes, pins: Pins) -> Theorem:
    """Return the theorem that the certificate proves about these weights.

    Recomputes the strategy's bounds with this folder's own arithmetic, within the certificate's
    budget, and demands that they reach the claim: no tolerance. Raises `Declined` or `Rejected`.
    """
    claim, model = _read(weights, certificate, pins)
    tally = Tally(claim.operations)
    at_least, at_most = _established(model, claim, tally)
    if at_least < claim.correct_at_least or claim.correct_at_most < at_most:
        sentence = f"the check establishes at least {at_least} and at most {at_most} correct."
        counts = {"correct_at_least": at_least, "correct_at_most": at_most, "tally": tally.spent}
        raise Rejected("count", sentence, **counts)
    statement = (claim.task, claim.sha256, claim.semantics, claim.margin_text, claim.total)
    claimed = (claim.correct_at_least, claim.correct_at_most, claim.operations)
    return Theorem(*statement, *claimed, tally.spent)


def explanations(
    weights: bytes, certificate: bytes, pins: Pins, sequences: list[Sequence]
) -> list[Explanation]:
    """Return why each sequence counts as right or does not, of a certificate that `check` verified.

    Raises `Declined` for a sequence that is none of the model's.
    """
    claim, model = _read(weights, certificate, pins)
    v, k = model.shape.d_vocab, model.shape.n_ctx
    fits = all(len(x) == k and 0 <= min(x) <= max(x) < v for x in sequences)
    decline_unless(fits, "unsupported", f"--explain takes {k} tokens of 0 to {v - 1}.")
    eps = deviation(model, Tally(UNLIMITED)) if claim.semantics != "real" else Fraction(0)
    return list(map(explainer(model, _shifted(claim, eps)), sequences))


def _read(weights: bytes, certificate: bytes, pins: Pins) -> tuple[Claim, Model]:
    """Return the claim and the model that it is about, pins and statement compared."""
    claim = read_claim(certificate, pins.max_operations)
    decline_unless(claim.strategy in STRATEGIES, "unsupported", f"no {claim.strategy[:80]!a}.")
    tensors = read_tensors(weights)
    model = read_model(tensors)
    require_model(claim, digest(tensors), model.shape)
    require_pins(claim, pins)
    return claim, model


def _established(model: Model, claim: Claim, tally: Tally) -> tuple[int, int]:
    """Return how many sequences are right, at least and at most, in the claim's semantics.

    T12: the gaps of the float32 program are within eps of the real ones, so that the real counts at
    margin + eps and at margin - eps enclose its count. An upper end that claims nothing is free.
    """
    if claim.semantics == "real":
        return _bounds(model, claim, tally)
    eps = deviation(model, tally)
    at_least = _bounds(model, _shifted(claim, eps), tally)[0]
    free = claim.correct_at_most == claim.total
    return at_least, claim.total if free else _bounds(model, _shifted(claim, -eps), tally)[1]


def _shifted(claim: Claim, eps: Fraction) -> Claim:
    return claim._replace(margin=(Fraction(*claim.margin) + eps).as_integer_ratio())


def _bounds(model: Model, claim: Claim, tally: Tally) -> tuple[int, int]:
    """Return how many sequences are right, at least and at most, by the claim's strategy."""
    name, bits, total = claim.strategy, claim.precision, claim.total
    if name in RULES:
        return ladder.count_right(model, claim, tally)
    if name in subcubic.NAMES:
        return subcubic.count_right(model, claim, tally), total
    reject_unless(not claim.witness, "witness", f"{name} takes an empty witness.")
    tables = path_tables(model, claim.margin, tally)
    if model.shape.d_vocab == 1:
        return 1, 1  # One token has no rival, and one sequence, which is right.
    if name == "cubic":
        return cubic.count_right(tables, bits, tally), total
    certain, possible = count_wrong(tables, bits, tally, CLASS_COUNTS[name])
    return total - possible, total - certain
