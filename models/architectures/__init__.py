"""Architectures: which function the tensors of a file define, and what the theorems need of it.

A new architecture is a file or a folder of its own, and a row of the table.
"""

from __future__ import annotations

from ballproof.models.architectures.architecture import (
    NOTHING_STATED,
    Architecture,
    Shape,
    Shapes,
    Stated,
    Weights,
)
from ballproof.models.architectures.attention_only import ATTENTION_ONLY
from ballproof.models.architectures.factors import Factors
from ballproof.models.architectures.layers import LAYERS
from ballproof.models.architectures.one_layer import ONE_LAYER
from ballproof.models.architectures.pair import PAIR
from ballproof.models.architectures.program import Program, ProgramHead
from ballproof.models.architectures.tables import Head, Tables

__all__ = [
    "ARCHITECTURES",
    "NOTHING_STATED",
    "Architecture",
    "Factors",
    "Head",
    "Program",
    "ProgramHead",
    "Shape",
    "Shapes",
    "Stated",
    "Tables",
    "Weights",
    "architecture_of",
]

# The first is the one that explains what is wrong with tensors that fit none.
ARCHITECTURES: tuple[Architecture, ...] = (ATTENTION_ONLY, ONE_LAYER, PAIR, LAYERS)


def architecture_of(shapes: Shapes, stated: Stated = NOTHING_STATED) -> Architecture:
    """Return the row that has tensors of these names and shapes, buffers left out.

    Where several have them, it is the first that can be what the file states.
    """
    rows = [one for one in ARCHITECTURES if one.fits(shapes)]
    able = [one for one in rows if one.may_be(stated)]
    return (able or rows or ARCHITECTURES)[0]
