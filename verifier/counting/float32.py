"""The semantics of a claim, and what rounding in float32 may do to the gaps of a model (T12)."""

from __future__ import annotations

from fractions import Fraction

from ballproof.models.architectures import Weights
from ballproof.models.errors import ModelError

SEMANTICS = ("real", "float32")


def deviation(weights: Weights) -> Fraction:
    """Return eps: the float32 program's logit gaps are within eps of the real ones (T12).

    Raises ModelError where no bound is known for the architecture, or where the program is not
    defined for these weights.
    """
    bound = weights.architecture.deviation
    if bound is None:
        raise ModelError(
            f"{weights.source}: no bound is known of what float32 does to a model of "
            f"{weights.architecture.words}."
        )
    return bound(weights)
