"""Read a weights file and freeze it: exact integers, sizes and a digest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ballproof.interval.dyadic import DyadicMatrix, NonFiniteError
from ballproof.models.buffers import check_buffers, without_buffers
from ballproof.models.errors import ModelError
from ballproof.models.files import read_limited, write_atomically
from ballproof.models.layout import B_K, B_O, B_Q, B_U, B_V, Shape, check_layout
from ballproof.models.tensors import Tensor, digest_tensors, read_file, require_plain, write_tensors


@dataclass(frozen=True)
class Weights:
    """A frozen model.

    `tensors` maps every name of the layout to an exact matrix: the head axis is dropped, biases are
    rows of shape (1, n), and a bias that the file leaves out is a row of zeros. `digest` identifies
    the tensors of the file (absent and zero biases differ); `source` names the file in messages;
    `task` is the task that its metadata names, if any.
    """

    shape: Shape
    tensors: dict[str, DyadicMatrix]
    digest: str
    source: str
    task: str | None = None


def load_weights(path: str | os.PathLike[str]) -> Weights:
    """Read and freeze a safetensors file in the HookedTransformer layout.

    Raises OSError if the file cannot be read and ModelError if it cannot be used.
    """
    return weights_from_bytes(read_limited(path), os.fspath(path))


def weights_from_bytes(data: bytes, source: str) -> Weights:
    """Freeze the bytes of a safetensors file; `source` names it in messages."""
    tensors, metadata = read_file(data, source)
    require_plain(data, source)
    return replace(freeze(tensors, source), task=metadata.get("task"))


def freeze(tensors: Mapping[str, Tensor], source: str) -> Weights:
    """Check the layout of these tensors and freeze them exactly, or raise ModelError.

    Buffers may be among them: they are checked, and left out of the model.
    """
    kept = without_buffers(tensors)
    shape = check_layout({name: tensor.shape for name, tensor in kept.items()}, source)
    check_buffers(tensors, shape, source)
    frozen = {name: _freeze_tensor(tensor, source) for name, tensor in kept.items()}
    for name, width in _bias_widths(shape).items():
        frozen.setdefault(name, DyadicMatrix.zeros(1, width))
    return Weights(shape, frozen, digest_tensors(kept.values()), source)


def save_weights(
    path: str | os.PathLike[str], tensors: Mapping[str, np.ndarray], task: str | None = None
) -> None:
    """Write arrays as a safetensors file, atomically; the same arrays give the same bytes.

    The metadata names the task that the model was trained for, if it is given.
    """
    named = {name: Tensor.from_array(name, array) for name, array in tensors.items()}
    save_tensors(path, named, task)


def save_tensors(
    path: str | os.PathLike[str], tensors: Mapping[str, Tensor], task: str | None = None
) -> None:
    """Write tensors as a safetensors file, atomically; the same tensors give the same bytes."""
    metadata = None if task is None else {"task": task}
    write_atomically(path, write_tensors(tensors.values(), metadata))


def _freeze_tensor(tensor: Tensor, source: str) -> DyadicMatrix:
    columns = tensor.shape[-1]
    rows = tensor.shape[-2] if len(tensor.shape) > 1 else 1
    try:
        return DyadicMatrix.from_bits(tensor.data, tensor.dtype, (rows, columns))
    except NonFiniteError as error:
        at = list(np.unravel_index(error.index[0] * columns + error.index[1], tensor.shape))
        raise ModelError(
            f"{source}: {tensor.name} holds a NaN or an infinity at {[int(i) for i in at]}, "
            "where a finite number is expected."
        ) from error
    except ValueError as error:
        raise ModelError(f"{source}: {tensor.name} cannot be read: {error}.") from error


def _bias_widths(shape: Shape) -> dict[str, int]:
    return {
        **dict.fromkeys((B_Q, B_K, B_V), shape.d_head),
        B_O: shape.d_model,
        B_U: shape.d_vocab_out,
    }
