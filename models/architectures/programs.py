"""The program that computes a model in float32, in any order of summation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
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
