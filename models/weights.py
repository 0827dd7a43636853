"""Read a weights file and freeze it: exact integers, sizes and a digest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ballproof.interval.dyadic import DyadicMatrix, NonFiniteError
from ballproof.models.architectures import Weights, architecture_of
from ballproof.models.buffers import check_buffers, without_buffers
from ballproof.models.errors import ModelError
from ballproof.models.files import read_limited, write_atomically
from ballproof.models.tensors import Tensor, digest_tensors, read_file, require_plain, write_tensors

__all__ = [
    "Weights",
    "file_bytes",
    "freeze",
    "load_weights",
    "save_tensors",
    "save_weights",
    "stored",
    "weights_from_bytes",
]


def load_weights(path: str | os.PathLike[str]) -> Weights:
    """Read and freeze a safetensors file in the HookedTransformer layout.

    Raises OSError if the file cannot be read and ModelError if it cannot be used.
    """
    data = read_limited(path)
    weights = weights_from_bytes(data, os.fspath(path))
    return weights if os.path.isfile(path) else replace(weights, data=data)


def weights_from_bytes(data: bytes, source: str) -> Weights:
    """Freeze the bytes of a safetensors file; `source` names it in messages."""
    tensors, metadata = read_file(data, source)
    require_plain(data, source)
    task, compared = metadata.get("task"), metadata.get("compared")
    return replace(freeze(tensors, source), task=task, compared=compared)


def freeze(tensors: Mapping[str, Tensor], source: str) -> Weights:
    """Find the architecture of these tensors and freeze them exactly, or raise ModelError.

    Buffers may be among them: they are checked, and left out of the model.
    """
    kept = without_buffers(tensors)
    shapes = {name: tensor.shape for name, tensor in kept.items()}
    architecture = architecture_of(shapes)
    shape = architecture.sizes(shapes, source)
    check_buffers(tensors, shape, source)
    frozen = {name: _freeze_tensor(tensor, source) for name, tensor in kept.items()}
    expected = architecture.tensors(shape)
    for name in architecture.optional:
        frozen.setdefault(name, DyadicMatrix.zeros(1, expected[name][-1]))
    return Weights(architecture, shape, frozen, digest_tensors(kept.values()), source)


def stored(
    weights: Weights, tensors: Mapping[str, Tensor], task: str | None, compared: str | None
) -> Weights:
    """Return weights with the bytes of the file that holds these tensors, and says this of them.

    `task` is the task's name in full, `compared` what a comparison with the program found.
    """
    known = {"task": task, "compared": compared}
    metadata = {key: value for key, value in known.items() if value is not None}
    data = write_tensors(tensors.values(), metadata or None)
    return replace(weights, task=task, compared=compared, data=data)


def file_bytes(weights: Weights) -> bytes:
    """Return the safetensors file of these weights: kept, or read again from their source."""
    return weights.data or read_limited(weights.source)


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
