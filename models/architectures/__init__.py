"""Architectures: which function the tensors of a file define, and what the theorems need of it.

A new architecture is a file or a folder of its own, and a row of the table.
"""

from __future__ import annotations

from ballproof.models.architectures.architecture import Architecture, Shape, Shapes, Weights
from ballproof.models.architectures.attention_only import ATTENTION_ONLY
from ballproof.models.architectures.factors import Factors
from ballproof.models.architectures.program import Program, ProgramHead
from ballproof.models.architectures.tables import Head, Tables

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "Factors",
    "Head",
    "Program",
    "ProgramHead",
    "Shape",
    "Shapes",
    "Tables",
    "Weights",
    "architecture_of",
]

# The first is the one that explains what is wrong with tensors that fit none.
ARCHITECTURES: tuple[Architecture, ...] = (ATTENTION_ONLY,)


def architecture_of(shapes: Shapes) -> Architecture:
    """Return the architecture that has tensors of these names and shapes, buffers left out."""
    return next((one for one in ARCHITECTURES if one.fits(shapes)), ARCHITECTURES[0])
