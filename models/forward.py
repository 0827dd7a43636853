"""The logits of one input, from the definition of the model: what every theorem is about."""

from __future__ import annotations

from collections.abc import Sequence

import flint

from ballproof.models.architectures import Shape, Weights


def evaluate(weights: Weights, sequence: Sequence[int], precision: int) -> list[flint.arb]:
    """Return balls that enclose the logits at the last position, one for each output.

    `precision` is the working precision in bits; more bits give narrower balls. Raises ValueError
    for a sequence of the wrong length, for a token out of range, and where the precision is too
    low for the logits to be bounded at all.
    """
    _check_sequence(sequence, weights.shape)
    with flint.ctx.workprec(precision):
        logits = weights.architecture.logits(weights, sequence)
    if not all(logit.is_finite() for logit in logits):
        raise ValueError(
            f"The logits of {list(sequence)} have no finite bounds at {precision} bits."
        )
    return logits


def _check_sequence(sequence: Sequence[int], shape: Shape) -> None:
    if len(sequence) != shape.n_ctx:
        raise ValueError(f"The sequence has {len(sequence)} tokens, where {shape.n_ctx} are read.")
    for token in sequence:
        if not 0 <= token < shape.d_vocab:
            raise ValueError(f"The token {token} is not in the vocabulary 0..{shape.d_vocab - 1}.")
