"""Buffers: tensors of the file that hold no weights, accepted where they change nothing.

The digest leaves them out, so a file whose buffers change the function must be refused.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ballproof.models.architectures import Shape
from ballproof.models.errors import ModelError
from ballproof.models.tensors import BUFFER_NAMES, DTYPES, IGNORE, MASK, Tensor


def without_buffers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors that are weights."""
    return {name: tensor for name, tensor in tensors.items() if name not in BUFFER_NAMES}


def check_buffers(tensors: Mapping[str, Tensor], shape: Shape, source: str) -> None:
    """Raise ModelError if a mask may hide a position from the read row, or is no mask at all.

    The mask is causal attention's: row r is true in the columns that position r sees. Only the last
    of the n_ctx positions is read, so only its row matters. IGNORE is the score of hidden
    positions: where none is hidden it is never used.
    """
    for name in (MASK, IGNORE):
        if name in tensors:
            _check_kind(tensors[name], source)
    if MASK in tensors and 0 not in tensors[MASK].shape:
        _check_mask(tensors[MASK], shape.n_ctx, source)
    if IGNORE in tensors and _elements(tensors[IGNORE]) > 1:
        raise ModelError(
            f"{source}: the buffer {IGNORE} has shape {list(tensors[IGNORE].shape)}, where at most "
            "one number is expected."
        )


def _check_kind(tensor: Tensor, source: str) -> None:
    if tensor.dtype not in DTYPES:
        raise ModelError(
            f"{source}: the buffer {tensor.name} has the dtype {tensor.dtype}, where one of "
            f"{', '.join(sorted(DTYPES))} is expected."
        )


def _check_mask(mask: Tensor, n_ctx: int, source: str) -> None:
    square = len(mask.shape) == 2 and mask.shape[0] == mask.shape[1] >= n_ctx
    if mask.dtype != "BOOL" or not square:
        raise ModelError(
            f"{source}: the buffer {MASK} has the dtype {mask.dtype} and the shape "
            f"{list(mask.shape)}, where an empty one, or a square of booleans of at least {n_ctx} "
            f"rows (n_ctx) is expected."
        )
    entries = np.frombuffer(mask.data, dtype=np.uint8).reshape(mask.shape)
    if entries.max() > 1:
        raise ModelError(
            f"{source}: the buffer {MASK} holds the byte {entries.max()}, where 0 or 1 is expected."
        )
    hidden = np.flatnonzero(entries[n_ctx - 1, :n_ctx] == 0).tolist()
    if hidden:
        raise ModelError(
            f"{source}: the buffer {MASK} hides position {hidden[0]} from position {n_ctx - 1}, "
            f"the one that is read, where a mask is expected whose row {n_ctx - 1} shows all "
            f"positions 0 to {n_ctx - 1}."
        )


def _elements(tensor: Tensor) -> int:
    return int(np.prod(tensor.shape, dtype=object))
