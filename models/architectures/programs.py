"""Programs that compute a model in floats: in float32 in any order, and with one thing changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Floats64 = NDArray[np.float64]
Tokens = NDArray[np.int64]
Arrays = Mapping[str, Floats]
# Adds up terms of equal shape, in an order of its own.
Total = Callable[[list[Floats]], Floats]


class Programs(NamedTuple):
    """From tensors in float32 and sequences (N,k) to logits (N,o).

    `numpy` takes every sum by a function that it is given, a bias being one of the terms; `torch`
    is what people run: it takes the module, and tensors of it.
    """

    numpy: Callable[[Arrays, Total, Tokens], Floats]
    torch: Callable[[Any, Mapping[str, Any], Any], Any]


class Variant(NamedTuple):
    """A function of the same tensors that might be meant, in words, and its logits (N, o)."""

    name: str
    logits: Floats64


def difference(ours: Floats64, theirs: Floats64) -> float:
    """Return the largest difference of gaps between logits (N, o), as a part of the largest gap.

    A gap is a difference of two logits, each of which may be off.
    """
    one, other = (x - x.mean(axis=1, keepdims=True) for x in (ours, theirs))
    apart = np.ptp(one - other, axis=1).max()
    largest = max(np.ptp(one, axis=1).max(), np.ptp(other, axis=1).max())
    return float(apart / largest) if largest else 0.0
