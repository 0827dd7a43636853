"""Read the tensors of a torch checkpoint without running any code that it holds."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import Any

from ballproof.models.errors import ModelError
from ballproof.models.files import read_limited
from ballproof.models.tensors import Tensor

_TAGS = {
    "torch.bool": "BOOL",
    "torch.float64": "F64",
    "torch.float32": "F32",
    "torch.float16": "F16",
    "torch.bfloat16": "BF16",
    "torch.int8": "I8",
    "torch.int16": "I16",
    "torch.int32": "I32",
    "torch.int64": "I64",
    "torch.uint8": "U8",
    "torch.uint16": "U16",
    "torch.uint32": "U32",
    "torch.uint64": "U64",
}
_WRAPPERS = ("state_dict", "model")


def read_checkpoint(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Return the tensors of a torch state dict, buffers with them.

    The state dict may stand by itself or under `state_dict` or `model`. Raises ModelError where
    torch is missing, and for a file that holds anything but tensors in plain containers.
    """
    source = os.fspath(path)
    state = _unwrap(_load(read_limited(path), source))
    if not isinstance(state, Mapping) or not state:
        raise ModelError(f"{source} holds no state dict, neither by itself nor under 'state_dict'.")
    return {name: _to_tensor(name, value, source) for name, value in state.items()}


def _load(data: bytes, source: str) -> Any:
    try:
        import torch
    except ImportError as error:
        raise ModelError(
            f'Reading {source} needs torch, which `pip install "ballproof[train]"` installs.'
        ) from error
    try:
        return torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    except Exception as error:  # torch raises many types for files that are not its own
        raise ModelError(
            f"{source} cannot be read as a torch file of plain tensors: it is damaged, or its "
            "pickle asks for more than weights, which might run code."
        ) from error


def _unwrap(loaded: Any) -> Any:
    for key in _WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            return loaded[key]
    return loaded


def _to_tensor(name: object, value: Any, source: str) -> Tensor:
    import torch

    if not isinstance(name, str) or not isinstance(value, torch.Tensor):
        raise ModelError(
            f"{source} holds {name!r}, a {type(value).__name__}, where only tensors are expected."
        )
    tag = _TAGS.get(str(value.dtype))
    if tag is None or value.layout != torch.strided or value.is_quantized:
        raise ModelError(f"{source}: {name} is a {value.dtype} tensor, which is not supported.")
    flat = value.detach().resolve_neg().contiguous().reshape(-1)
    # numpy has no bfloat16, so the bytes are taken as they are.
    return Tensor(name, tag, tuple(value.shape), flat.view(torch.uint8).numpy().tobytes())
