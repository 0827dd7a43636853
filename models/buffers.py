"""Buffers: tensors of the file that hold no weights, accepted where they change nothing.

The digest leaves them out, so a file whose buffers change the function must be refused.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ballproof.models.architectures import Architecture, Shape
from ballproof.models.errors import ModelError
from ballproof.models.tensors import DTYPES, Tensor, buffer_of

Bits = NDArray[np.uint8]
# What hides for sure: exp of it is 0 in every float, beside any score that is usual.
HIDES = -8192
_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<f4"}


def without_buffers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors that are weights."""
    return {name: tensor for name, tensor in tensors.items() if buffer_of(name) is None}


def check_buffers(
    tensors: Mapping[str, Tensor], architecture: Architecture, shape: Shape, source: str
) -> None:
    """Raise ModelError if a mask may hide what a row sees that counts, or is no mask at all.

    The mask is causal attention's: row r is true in the columns that position r sees. Where only
    the last of the n_ctx positions is read of one layer, only its row matters; the rows of deep
    models have to be those of the mask that the parts state. IGNORE is the score of hidden
    positions: it has to be one number, and for deep models with hidden positions one that hides.
    """
    for name, tensor in tensors.items():
        buffer = buffer_of(name)
        if buffer is None:
            continue
        _check_kind(tensor, buffer[0], shape, source)
        if buffer[1] == "mask" and 0 not in tensor.shape:
            _check_mask(tensor, architecture, shape.n_ctx, source)
        if buffer[1] == "IGNORE" and _elements(tensor) > 1:
            raise ModelError(
                f"{source}: the buffer {name} has shape {list(tensor.shape)}, where at most one "
                "number is expected."
            )
        hides = architecture.every_row and _mask_of(architecture) == "causal"
        if buffer[1] == "IGNORE" and hides and _elements(tensor):
            _check_score(tensor, source)


def _check_score(tensor: Tensor, source: str) -> None:
    """Raise ModelError for a score that lets hidden positions be seen."""
    # bfloat16 is the upper half of float32.
    data = bytes(2) + tensor.data if tensor.dtype == "BF16" else tensor.data
    layout = _FLOATS.get(tensor.dtype)
    score = None if layout is None else float(np.frombuffer(data, dtype=layout)[0])
    if score is None or not score <= HIDES:
        raise ModelError(
            f"{source}: the buffer {tensor.name} is the score of hidden positions, and is {score}, "
            f"where minus infinity, or a float to {HIDES}, is expected."
        )


def _mask_of(architecture: Architecture) -> str:
    """Return the mask that the parts state."""
    return str(next(part["mask"] for part in architecture.parts if "mask" in part))


def _check_kind(tensor: Tensor, layer: int, shape: Shape, source: str) -> None:
    if layer >= shape.n_layers:
        raise ModelError(
            f"{source} holds the buffer {tensor.name}, where the model has {shape.n_layers} "
            f"layer{'s' * (shape.n_layers != 1)}."
        )
    if tensor.dtype not in DTYPES:
        raise ModelError(
            f"{source}: the buffer {tensor.name} has the dtype {tensor.dtype}, where one of "
            f"{', '.join(sorted(DTYPES))} is expected."
        )


def _check_mask(mask: Tensor, architecture: Architecture, n_ctx: int, source: str) -> None:
    square = len(mask.shape) == 2 and mask.shape[0] == mask.shape[1] >= n_ctx
    if mask.dtype != "BOOL" or not square:
        raise ModelError(
            f"{source}: the buffer {mask.name} has the dtype {mask.dtype} and the shape "
            f"{list(mask.shape)}, where an empty one, or a square of booleans of at least {n_ctx} "
            f"rows (n_ctx) is expected."
        )
    entries = np.frombuffer(mask.data, dtype=np.uint8).reshape(mask.shape)
    if entries.max() > 1:
        raise ModelError(
            f"{source}: the buffer {mask.name} holds the byte {entries.max()}, where 0 or 1 is "
            "expected."
        )
    if architecture.every_row:
        _check_rows(mask.name, entries[:n_ctx, :n_ctx], architecture, source)
    hidden = np.flatnonzero(entries[n_ctx - 1, :n_ctx] == 0).tolist()
    if hidden:
        raise ModelError(
            f"{source}: the buffer {mask.name} hides position {hidden[0]} from position "
            f"{n_ctx - 1}, the one that is read, where a mask is expected whose row {n_ctx - 1} "
            f"shows all positions 0 to {n_ctx - 1}."
        )


def _check_rows(name: str, entries: Bits, architecture: Architecture, source: str) -> None:
    stated = _mask_of(architecture)
    expected = np.ones_like(entries)
    expected = np.tril(expected) if stated == "causal" else expected
    wrong = np.argwhere(entries != expected).tolist()
    if wrong:
        row, column = wrong[0]
        does = "shows" if entries[row, column] else "hides"
        raise ModelError(
            f"{source}: the buffer {name} {does} position {column} in row {row}, which the mask "
            f"{stated!r} that the parts state does not."
        )


def _elements(tensor: Tensor) -> int:
    return int(np.prod(tensor.shape, dtype=object))
