"""Convert weights of other layouts and file types to the HookedTransformer layout, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ballproof.models.architectures import (
    ARCHITECTURES,
    NOTHING_STATED,
    Architecture,
    Stated,
    Weights,
)
from ballproof.models.architectures.architecture import LinearName
from ballproof.models.architectures.attention_only.layout import W_E, W_POS, W_U
from ballproof.models.architectures.layers.design import text_of
from ballproof.models.buffers import without_buffers
from ballproof.models.checkpoint import read_checkpoint, without_prefix
from ballproof.models.config import Config, config_beside, load_config, load_own_config
from ballproof.models.errors import ModelError
from ballproof.models.files import read_limited
from ballproof.models.key_map import (
    EXPECTS,
    FIRST_OF_CONTEXT,
    SHARE,
    KeyMap,
    apply_key_map,
    in_context,
)
from ballproof.models.key_map_settings import check_expected, design_of_map
from ballproof.models.pickles import MAGIC
from ballproof.models.tasks import positions_named
from ballproof.models.tensors import Tensor, read_file
from ballproof.models.weights import NOTES, freeze, stated_by

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
    key_map = in_context(reading.key_map or {}, _positions_asked(source, reading))
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
    tensors = _as_stated(tensors, stated)
    weights = freeze(tensors, source.name, _stated(source, tensors, reading, stated, share))
    if reading.heads not in (None, weights.shape.n_heads):
        raise ModelError(
            f"{source.name} is said to have {reading.heads} heads, where its tensors have "
            f"{weights.shape.n_heads}."
        )
    for settings in stated:
        settings.check_model(weights)
        settings.check_positions(W_POS in tensors)
    notes = _notes(source, reading, weights)
    return dict(sorted(without_buffers(tensors).items())), replace(weights, notes=notes)


def _configurations(source: Source, reading: Reading) -> tuple[list[Config], str | None]:
    """Return what configurations state, and the share of softmax if one or the user states it."""
    key_map = reading.key_map or {}
    share, named = reading.softmax_share, key_map.get(SHARE)
    stated = []
    for at, values in source.settings.items():
        rest = check_expected(key_map, values, f"{source.name}: {at}")
        value = rest.pop(str(named), None)
        stated.append(config_beside(rest, f"{source.name}: {at}"))
        share = share or (None if value is None else str(value))
    if reading.config is None:
        return stated, share
    if not isinstance(named, str) and EXPECTS not in key_map:
        return [load_config(reading.config), *stated], share
    values = load_own_config(reading.config)
    rest = check_expected(key_map, values, str(reading.config))
    value = rest.pop(str(named), None)
    # A decimal number of JSON means that number, not the float next to it.
    own = config_beside(rest, str(reading.config))
    return [own, *stated], share or (None if value is None else str(value))


def _positions_asked(source: Source, reading: Reading) -> int | None:
    """Return how many positions the user or the task asks for."""
    return reading.n_ctx or positions_named(reading.task or source.metadata.get("task", ""))


def _as_stated(tensors: Mapping[str, Tensor], stated: Sequence[Config]) -> dict[str, Tensor]:
    """Return the tensors as the library uses them: masks that hide nothing, tied embeddings."""
    used = dict(tensors)
    if any(each.hides_nothing for each in stated):
        used = without_buffers(used)
    if W_E in used and W_U not in used and any(each.ties_embeddings for each in stated):
        turned = _transposed(used[W_E], "the embedding")
        used[W_U] = Tensor(W_U, turned.dtype, turned.shape, turned.data)
    return used


def _notes(source: Source, reading: Reading, weights: Weights) -> dict[str, str]:
    """Return what the file that is written has to say of its origin."""
    if reading.key_map is None:
        return {name: text for name, text in source.metadata.items() if name in NOTES}
    entry = reading.key_map.get(W_POS, ())
    if isinstance(entry, str) or FIRST_OF_CONTEXT not in entry:
        return {}
    rows = source.tensors[entry[0]].shape[0]
    n_ctx = weights.shape.n_ctx
    return {} if rows == n_ctx else {"cut": f"the first {n_ctx} of {rows} rows of {W_POS}"}


def _stated(
    source: Source,
    tensors: Mapping[str, Tensor],
    reading: Reading,
    stated: Sequence[Config],
    share: str | None,
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
    shapes = {name: tensor.shape for name, tensor in without_buffers(tensors).items()}
    made = design_of_map(key_map, share, said.parts, shapes, source.name)
    by_config = [each.design(shapes) for each in stated]
    texts = {text_of(each) for each in [made, *by_config] if each is not None}
    texts |= {said.parts} if said.parts is not None and made is None else set()
    if len(texts) > 1:
        raise ModelError(
            f"{source.name}: its configuration, its metadata and the key map state different "
            f"parts: {' and '.join(sorted(texts))}."
        )
    return replace(said, parts=next(iter(texts), None))


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
