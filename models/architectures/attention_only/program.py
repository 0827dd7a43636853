"""The program of enumeration, made of the tables."""

from __future__ import annotations

from ballproof.models.architectures.architecture import Weights
from ballproof.models.architectures.attention_only.paths import tables
from ballproof.models.architectures.program import Program, ProgramHead


def program(weights: Weights, positions: int) -> Program:
    """Return the model as look-ups: the direct path at the last position, and what is attended."""
    made = tables(weights)
    (head,) = made.heads
    places = range(positions)
    values = tuple(head.output.plus_row(head.positional_output.row(i)) for i in places)
    attended = ProgramHead(values, head.score, head.positional_score, head.d_head)
    return Program((None,) * (positions - 1) + (made.direct,), (attended,), 0, ())
