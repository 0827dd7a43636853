"""Convert weights of other layouts and file types to the HookedTransformer layout, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ballproof.models.architectures import ARCHITECTURES, Architecture
from ballproof.models.architectures.architecture import LinearName
from ballproof.models.buffers import without_buffers
from ballproof.models.checkpoint import read_checkpoint, without_prefix
from ballproof.models.config import config_beside, load_config
from ballproof.models.errors import ModelError
from ballproof.models.files import read_limited
from ballproof.models.key_map import KeyMap, apply_key_map
from ballproof.models.pickles import MAGIC
from ballproof.models.tensors import Tensor, read_file
from ballproof.models.weights import freeze

TORCH_SUFFIXES = (".pt", ".pth", ".ckpt")


@dataclass(frozen=True)
class Source:
    """What a file holds before its tensors are renamed, and what else it says of the model.

    `settings` are configurations that stand beside the tensors, by their place in the file;
    `metadata` is that of a safetensors file.
    """

    name: str
    tensors: dict[str, Tensor]
    settings: dict[str, dict[str, object]] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)


def read_source(path: Path, key: str | None = None) -> Source:
    """Return what a safetensors file or a torch file holds, as its first bytes tell.

    `key` names one of several state dicts of a torch file. What all names begin with is taken off:
    `module.`, `_orig_mod.`. Raises OSError and ModelError.
    """
    name, data = str(path), read_limited(path)
    if data.startswith(MAGIC) or path.suffix.lower() in TORCH_SUFFIXES:
        checkpoint = read_checkpoint(data, name, key)
        return Source(name, checkpoint.tensors, checkpoint.settings)
    if key is not None:
        raise ModelError(f"{name} is a safetensors file, which holds one set of tensors: no --key.")
    tensors, metadata = read_file(data, name)
    return Source(name, without_prefix(tensors), {}, metadata)


def convert(
    source: Source,
    heads: int | None = None,
    config: Path | None = None,
    key_map: KeyMap | None = None,
) -> dict[str, Tensor]:
    """Return the tensors of a source, renamed and reshaped to the HookedTransformer layout.

    They may be in that layout, or linear layers, whose matrices are transposed, or whatever a key
    map says. No number changes. Linear layers merge their heads in a way that fits any number of
    heads, so that number has to be stated: by `heads`, or by `n_heads` of a configuration, in a
    file of its own or beside the tensors. Every configuration is checked against the tensors.

    Raises OSError if the configuration cannot be read and ModelError if the model is not supported.
    """
    stated = [] if config is None else [load_config(config)]
    stated += [
        config_beside(values, f"{source.name}: {at}") for at, values in source.settings.items()
    ]
    tensors = source.tensors
    if heads is not None and heads != 1:
        raise ModelError(f"{source.name} is said to have {heads} heads, and one head is supported.")
    if key_map is not None:
        tensors = apply_key_map(tensors, key_map, _with_head_axis(), source.name)
    elif (architecture := _of_linear_layers(tensors)) is not None:
        tensors = _from_linear(tensors, architecture.linear, source.name)
        architecture.check_names(without_buffers(tensors), source.name)
        if heads is None and all(settings.n_heads is None for settings in stated):
            raise ModelError(
                f"{source.name} holds linear layers, which do not show how many heads they merge: "
                "state the number of heads, or give a config with n_heads."
            )
    shape = freeze(tensors, source.name).shape
    for settings in stated:
        settings.check_shape(shape)
    return dict(sorted(without_buffers(tensors).items()))


def _with_head_axis() -> dict[str, int]:
    """Return how many axes each tensor has whose first axis is the heads': of matrices, biases."""
    linear = [each for row in ARCHITECTURES for each in row.linear.values() if each.merged_heads]
    return {each.name: 3 if each.transposed else 2 for each in linear}


def _of_linear_layers(tensors: Mapping[str, Tensor]) -> Architecture | None:
    """Return the first architecture in whose layout of linear layers these tensors are."""
    for architecture in ARCHITECTURES:
        linear = architecture.linear
        # A name that stands in both layouts tells nothing.
        telling = linear.keys() - {each.name for each in linear.values()}
        if telling & tensors.keys():
            return architecture
    return None


def _from_linear(
    tensors: Mapping[str, Tensor], linear: Mapping[str, LinearName], source: str
) -> dict[str, Tensor]:
    converted: dict[str, Tensor] = {}
    for tensor in tensors.values():
        # Whatever else there is keeps its name: the layout check refuses it, and says why.
        known = linear.get(tensor.name)
        result = tensor if known is None else _renamed(tensor, known, source)
        if result.name in converted:
            raise ModelError(f"{source} holds {result.name} twice, under two names.")
        converted[result.name] = result
    return converted


def _renamed(tensor: Tensor, known: LinearName, source: str) -> Tensor:
    turned = _transposed(tensor, source) if known.transposed else tensor
    shape = (1, *turned.shape) if known.merged_heads else turned.shape
    return Tensor(known.name, turned.dtype, shape, turned.data)


def _transposed(tensor: Tensor, source: str) -> Tensor:
    if len(tensor.shape) != 2 or 0 in tensor.shape:
        raise ModelError(
            f"{source}: {tensor.name} has shape {list(tensor.shape)}, where a matrix is expected."
        )
    data = tensor.cells().swapaxes(0, 1).tobytes()
    return Tensor(tensor.name, tensor.dtype, tensor.shape[::-1], data)
