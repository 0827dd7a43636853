"""Read a weights file and freeze it: exact integers, sizes and a digest."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from math import prod

import numpy as np

from ballproof.interval.dyadic import DyadicMatrix, NonFiniteError
from ballproof.models.architectures import NOTHING_STATED, Shape, Stated, Weights, architecture_of
from ballproof.models.buffers import check_buffers, without_buffers
from ballproof.models.errors import ModelError
from ballproof.models.files import read_limited, write_atomically
from ballproof.models.tasks import positions_named
from ballproof.models.tensors import Tensor, digest_tensors, read_file, require_plain, write_tensors

__all__ = [
    "NOTES",
    "Weights",
    "file_bytes",
    "freeze",
    "load_weights",
    "save_tensors",
    "save_weights",
    "stated_by",
    "stored",
    "unstated_parts",
    "weights_from_bytes",
]


# What a file may say of its origin; nothing rests on it.
NOTES = ("recipe", "cut", "variant")


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
    notes = {name: metadata[name] for name in NOTES if name in metadata}
    frozen = freeze(tensors, source, stated_by(metadata, source))
    return replace(frozen, task=task, compared=compared, notes=notes)


def freeze(tensors: Mapping[str, Tensor], source: str, stated: Stated = NOTHING_STATED) -> Weights:
    """Find the architecture of these tensors and freeze them exactly, or raise ModelError.

    `stated` is what the file states of what its tensors do not show. Buffers may be among the
    tensors: they are checked, and left out of the model.
    """
    kept = without_buffers(tensors)
    shapes = {name: tensor.shape for name, tensor in kept.items()}
    row = architecture_of(shapes, stated)
    shape = _in_context(row.sizes(shapes, source), stated, source)
    architecture = row.of(shapes, stated, source)
    check_buffers(tensors, architecture, shape, source)
    frozen = {name: _freeze_tensor(tensor, source) for name, tensor in kept.items()}
    for name, dims in architecture.tensors(shape).items():
        if name in architecture.optional:
            frozen.setdefault(name, DyadicMatrix.zeros(prod(dims[:-1]), dims[-1]))
        elif name in architecture.ones:
            frozen.setdefault(name, DyadicMatrix.from_ints([[1] * dims[-1]] * prod(dims[:-1])))
    return Weights(architecture, shape, frozen, digest_tensors(kept.values()), source)


def stated_by(metadata: Mapping[str, str], source: str) -> Stated:
    """Return what metadata state of the function, or raise ModelError for no number."""
    text = metadata.get("n_ctx")
    if text is not None and not re.fullmatch(r"(?a:[1-9]\d{0,3})", text):
        raise ModelError(
            f"{source} states n_ctx = {text!r} in its metadata, where 1 to 9999 is expected."
        )
    reads = positions_named(metadata.get("task", ""))
    return Stated(metadata.get("parts"), None if text is None else int(text), reads)


def _in_context(shape: Shape, stated: Stated, source: str) -> Shape:
    """Return the sizes with the context length, which the file states if no tensor shows it."""
    if shape.n_ctx and stated.n_ctx not in (None, shape.n_ctx):
        raise ModelError(
            f"{source} states n_ctx = {stated.n_ctx} in its metadata, where its tensors have "
            f"{shape.n_ctx}."
        )
    stated_ctx = stated.n_ctx or stated.reads
    if not shape.n_ctx and stated_ctx is None:
        raise ModelError(
            f"{source} has no positions, so that no tensor shows how many tokens the model reads: "
            "`ballproof import` states it, by --n-ctx or by --task."
        )
    return replace(shape, n_ctx=shape.n_ctx or stated_ctx or 0)


def stored(
    weights: Weights, tensors: Mapping[str, Tensor], task: str | None, compared: str | None
) -> Weights:
    """Return weights with the bytes of the file that holds these tensors, and says this of them.

    `task` is the task's name in full, `compared` what a comparison with the program found. The
    file also states what its tensors do not show: parts that are not the default, and the context
    length where there are no positions.
    """
    shapes = {name: tensor.shape for name, tensor in without_buffers(tensors).items()}
    text = weights.architecture.text
    shown = architecture_of(shapes).sizes(shapes, weights.source).n_ctx
    known = {
        "task": task,
        "compared": compared,
        "parts": None if text == unstated_parts(shapes, weights.source) else text,
        "n_ctx": None if shown else str(weights.shape.n_ctx),
        **weights.notes,
    }
    metadata = {key: value for key, value in known.items() if value is not None}
    data = write_tensors(tensors.values(), metadata or None)
    return replace(weights, task=task, compared=compared, data=data)


def unstated_parts(shapes: Mapping[str, tuple[int, ...]], source: str) -> str | None:
    """Return the parts that tensors are taken to be where a file states none, None for none."""
    try:
        return architecture_of(shapes).of(shapes, NOTHING_STATED, source).text
    except ModelError:
        return None


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
    columns, rows = tensor.shape[-1], prod(tensor.shape[:-1])
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
