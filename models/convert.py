"""Convert weights of other layouts and file types to the HookedTransformer layout, bit for bit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from ballproof.models.architectures import (
    ARCHITECTURES,
    NOTHING_STATED,
    Architecture,
    Shapes,
    Stated,
    Weights,
)
from ballproof.models.architectures.architecture import LinearName
from ballproof.models.architectures.attention_only.layout import W_POS, W_Q
from ballproof.models.architectures.one_layer.settings import Settings
from ballproof.models.buffers import without_buffers
from ballproof.models.checkpoint import read_checkpoint, without_prefix
from ballproof.models.config import Config, config_beside, load_config, load_own_config
from ballproof.models.errors import ModelError
from ballproof.models.files import read_limited
from ballproof.models.key_map import MASK, NORMALISED, SHARE, KeyMap, apply_key_map
from ballproof.models.pickles import MAGIC
from ballproof.models.tasks import positions_named
from ballproof.models.tensors import Tensor, read_file
from ballproof.models.weights import freeze, stated_by

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


@dataclass(frozen=True)
class Reading:
    """How the tensors of a source are to be read, as far as the user says it.

    `heads` is how many heads linear layers merge, `config` a configuration in a file, and `key_map`
    names the tensors. `softmax_share` is the share of softmax in the attention weights, n/d, and
    `n_ctx` the number of positions, where no tensor shows it; else it is that of the `task`.
    """

    heads: int | None = None
    config: Path | None = None
    key_map: KeyMap | None = None
    softmax_share: str | None = None
    n_ctx: int | None = None
    task: str | None = None


def convert(
    source: Source,
    heads: int | None = None,
    config: Path | None = None,
    key_map: KeyMap | None = None,
) -> dict[str, Tensor]:
    """Return the tensors of a source, renamed and reshaped; see `read_model`."""
    return read_model(source, Reading(heads, config, key_map))[0]


def read_model(source: Source, reading: Reading) -> tuple[dict[str, Tensor], Weights]:
    """Return the tensors of a source in the layout read here, and the model that they are.

    They may be in that layout, or linear layers, whose matrices are transposed, or whatever a key
    map says. No number changes. Linear layers merge their heads in a way that fits any number of
    heads, so that number has to be stated: by `heads`, or by `n_heads` of a configuration, in a
    file of its own or beside the tensors. Every configuration is checked against the tensors.

    Raises OSError if the configuration cannot be read and ModelError if the model is not supported.
    """
    key_map = reading.key_map or {}
    stated, share = _configurations(source, reading)
    heads = reading.heads or next((each.n_heads for each in stated if each.n_heads), None)
    tensors = source.tensors
    if key_map:
        tensors = apply_key_map(tensors, key_map, _with_head_axis(), source.name)
    elif (architecture := _of_linear_layers(tensors)) is not None:
        tensors = _from_linear(tensors, architecture.linear, heads or 1, source.name)
        architecture.check_names(without_buffers(tensors), source.name)
        if heads is None:
            raise ModelError(
                f"{source.name} holds linear layers, which do not show how many heads they merge: "
                "state the number of heads, or give a config with n_heads."
            )
    weights = freeze(tensors, source.name, _stated(source, tensors, reading, share))
    if reading.heads not in (None, weights.shape.n_heads):
        raise ModelError(
            f"{source.name} is said to have {reading.heads} heads, where its tensors have "
            f"{weights.shape.n_heads}."
        )
    for settings in stated:
        settings.check_shape(weights.shape)
        settings.check_positions(W_POS in tensors)
    return dict(sorted(without_buffers(tensors).items())), weights


def _configurations(source: Source, reading: Reading) -> tuple[list[Config], str | None]:
    """Return what configurations state, and the share of softmax if one or the user states it."""
    share, named = reading.softmax_share, (reading.key_map or {}).get(SHARE)
    stated = []
    for at, values in source.settings.items():
        rest = {key: value for key, value in values.items() if key != named}
        stated.append(config_beside(rest, f"{source.name}: {at}"))
        if len(rest) < len(values) and share is None:
            share = str(values[str(named)])
    if reading.config is None:
        return stated, share
    if not isinstance(named, str):
        return [load_config(reading.config), *stated], share
    own, value = load_own_config(reading.config, named)
    # A decimal number of JSON means that number, not the float next to it.
    return [own, *stated], share or (None if value is None else str(value))


def _stated(
    source: Source, tensors: Mapping[str, Tensor], reading: Reading, share: str | None
) -> Stated:
    """Return what is stated that tensors do not show: by the user, the key map, or the file."""
    key_map = reading.key_map or {}
    # A map may give the names to other tensors than those that the metadata are about.
    said = NOTHING_STATED if key_map else stated_by(source.metadata, source.name)
    reads = positions_named(reading.task or source.metadata.get("task", ""))
    said = replace(said, n_ctx=reading.n_ctx or said.n_ctx, reads=reads)
    if share is None and SHARE in key_map:
        raise ModelError(
            f"{source.name}: which share of the attention weights is softmax is not in the file: "
            f"--config gives its configuration, with {key_map[SHARE]!r}, or --softmax-share states "
            "it."
        )
    if share is None and MASK not in key_map:
        return said
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    return replace(said, parts=_parts(shapes, key_map, share or "1", source.name))


def _parts(shapes: Shapes, key_map: KeyMap, share: str, source: str) -> str:
    """Return the parts, as a file states them, of a model of attention with these settings."""
    if W_Q not in shapes:
        raise ModelError(f"{source} has no attention, of which a mask or a share is stated.")
    try:
        number = Fraction(share)
    except (ValueError, ZeroDivisionError):
        raise ModelError(
            f"The share of softmax is {share!r}, where 0, 1/2 or so is expected."
        ) from None
    mask, normalised = (str(key_map.get(key, "")) for key in (MASK, NORMALISED))
    settings = Settings(mask or "causal", number, normalised == "true")
    return json.dumps(settings.parts(shapes), separators=(",", ":"))


def _with_head_axis() -> dict[str, int]:
    """Return how many axes each tensor has whose first axis is the heads': of matrices, biases."""
    linear = [each for row in ARCHITECTURES for each in row.linear.values() if each.merged_heads]
    return {each.name: 3 if each.transposed else 2 for each in linear}


def _of_linear_layers(tensors: Mapping[str, Tensor]) -> Architecture | None:
    """Return the architecture in whose layout of linear layers most of these tensors are."""
    counts = {}
    for number, architecture in enumerate(ARCHITECTURES):
        linear = architecture.linear
        # A name that stands in both layouts tells nothing.
        telling = linear.keys() - {each.name for each in linear.values()}
        counts[number] = len(telling & tensors.keys())
    best = max(counts, key=counts.__getitem__)
    return ARCHITECTURES[best] if counts[best] else None


def _from_linear(
    tensors: Mapping[str, Tensor], linear: Mapping[str, LinearName], heads: int, source: str
) -> dict[str, Tensor]:
    converted: dict[str, Tensor] = {}
    for tensor in tensors.values():
        # Whatever else there is keeps its name: the layout check refuses it, and says why.
        known = linear.get(tensor.name)
        result = tensor if known is None else _renamed(tensor, known, heads, source)
        if result.name in converted:
            raise ModelError(f"{source} holds {result.name} twice, under two names.")
        converted[result.name] = result
    return converted


def _renamed(tensor: Tensor, known: LinearName, heads: int, source: str) -> Tensor:
    first = tensor
    if known.merged_heads and not known.heads_last:
        first = _split(tensor, heads, source)
    turned = _transposed(first, source) if known.transposed else first
    if known.heads_last:
        turned = _split(turned, heads, source)
    return Tensor(known.name, turned.dtype, turned.shape, turned.data)


def _split(tensor: Tensor, heads: int, source: str) -> Tensor:
    """Return the tensor with its first axis split into the heads' and what each of them has."""
    size, *rest = tensor.shape or (0,)
    if size % heads:
        raise ModelError(
            f"{source}: {tensor.name} has {size} rows, which are not those of {heads} heads."
        )
    return Tensor(tensor.name, tensor.dtype, (heads, size // heads, *rest), tensor.data)


def _transposed(tensor: Tensor, source: str) -> Tensor:
    if len(tensor.shape) < 2 or 0 in tensor.shape:
        raise ModelError(
            f"{source}: {tensor.name} has shape {list(tensor.shape)}, where a matrix is expected."
        )
    cells = tensor.cells().swapaxes(-2, -3)
    return Tensor(tensor.name, tensor.dtype, cells.shape[:-1], cells.tobytes())
