"""Convert weights of other layouts and file types to the HookedTransformer layout, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ballproof.models.buffers import without_buffers
from ballproof.models.checkpoint import read_checkpoint
from ballproof.models.config import load_config
from ballproof.models.errors import ModelError
from ballproof.models.files import read_limited
from ballproof.models.layout import (
    B_K,
    B_O,
    B_Q,
    B_U,
    B_V,
    W_E,
    W_K,
    W_O,
    W_POS,
    W_Q,
    W_U,
    W_V,
)
from ballproof.models.tensors import Tensor, read_file, read_tensors
from ballproof.models.weights import freeze

TORCH_SUFFIXES = (".pt", ".pth", ".ckpt")

# Names of the linear layout (TransformerBridge, or plain nn.Linear and nn.Embedding modules).
_EMBEDDINGS = {"embed.weight": W_E, "pos_embed.weight": W_POS, "pos_embed.W_pos": W_POS}
_MATRICES = {
    "blocks.0.attn.q.weight": W_Q,
    "blocks.0.attn.k.weight": W_K,
    "blocks.0.attn.v.weight": W_V,
    "blocks.0.attn.o.weight": W_O,
    "unembed.weight": W_U,
}
_BIASES = {
    "blocks.0.attn.q.bias": B_Q,
    "blocks.0.attn.k.bias": B_K,
    "blocks.0.attn.v.bias": B_V,
    "blocks.0.attn.o.bias": B_O,
    "unembed.bias": B_U,
}
# `pos_embed.W_pos` stands in both layouts, so it tells nothing.
_LINEAR_NAMES = ({*_EMBEDDINGS} - {W_POS}) | {*_MATRICES} | {*_BIASES}
_WITH_HEAD_AXIS = (W_Q, W_K, W_V, W_O, B_Q, B_K, B_V)


def convert(
    source: Path, heads: int | None = None, config: Path | None = None
) -> dict[str, Tensor]:
    """Return the tensors of a file, renamed and reshaped to the HookedTransformer layout.

    Reads safetensors and, by suffix (.pt, .pth, .ckpt), torch state dicts, either in the
    HookedTransformer layout or as linear layers, whose matrices are transposed. No number changes.
    Linear layers merge their heads in a way that fits any number of heads, so that number has to be
    stated: by `heads`, or by `n_heads` of a `config` file, which is checked against the tensors.

    Raises OSError if a file cannot be read and ModelError if the model is not supported.
    """
    settings = None if config is None else load_config(config)
    tensors = _read(source)
    if heads is not None and heads != 1:
        raise ModelError(f"{source} is said to have {heads} heads, and one head is supported.")
    if _LINEAR_NAMES & tensors.keys():
        if heads is None and (settings is None or settings.n_heads is None):
            raise ModelError(
                f"{source} holds linear layers, which do not show how many heads they merge: state "
                "the number of heads, or give a config with n_heads."
            )
        tensors = _from_linear(tensors, str(source))
    shape = freeze(tensors, str(source)).shape
    if settings is not None:
        settings.check_shape(shape)
    return dict(sorted(without_buffers(tensors).items()))


def stated_task(source: Path) -> str | None:
    """Return the task that the metadata of a safetensors file names, if any."""
    if source.suffix.lower() in TORCH_SUFFIXES:
        return None
    return read_file(read_limited(source), str(source))[1].get("task")


def _read(source: Path) -> dict[str, Tensor]:
    if source.suffix.lower() in TORCH_SUFFIXES:
        return read_checkpoint(source)
    return read_tensors(read_limited(source), str(source))


def _from_linear(tensors: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    converted: dict[str, Tensor] = {}
    for tensor in tensors.values():
        result = _convert_tensor(tensor, source)
        if result.name in converted:
            raise ModelError(f"{source} holds {result.name} twice, under two names.")
        converted[result.name] = result
    return converted


def _convert_tensor(tensor: Tensor, source: str) -> Tensor:
    if tensor.name in _EMBEDDINGS:
        return _renamed(tensor, _EMBEDDINGS[tensor.name])
    if tensor.name in _BIASES:
        return _renamed(tensor, _BIASES[tensor.name])
    if tensor.name in _MATRICES:
        return _renamed(_transposed(tensor, source), _MATRICES[tensor.name])
    # Whatever else there is keeps its name: the layout check refuses it, and says why.
    return tensor


def _renamed(tensor: Tensor, name: str) -> Tensor:
    shape = (1, *tensor.shape) if name in _WITH_HEAD_AXIS else tensor.shape
    return Tensor(name, tensor.dtype, shape, tensor.data)


def _transposed(tensor: Tensor, source: str) -> Tensor:
    if len(tensor.shape) != 2 or 0 in tensor.shape:
        raise ModelError(
            f"{source}: {tensor.name} has shape {list(tensor.shape)}, where a matrix is expected."
        )
    rows, columns = tensor.shape
    width = len(tensor.data) // (rows * columns)
    # Entries are moved as opaque bytes: no dtype is interpreted, so none can be rounded.
    cells = np.frombuffer(tensor.data, dtype=np.uint8).reshape(rows, columns, width)
    data = cells.transpose(1, 0, 2).tobytes()
    return Tensor(tensor.name, tensor.dtype, (columns, rows), data)
