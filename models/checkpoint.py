"""The state dict of a torch file, and the configurations that stand beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ballproof.models.errors import ModelError
from ballproof.models.pickles import Absent, Inert, StoredTensor, load, parts
from ballproof.models.tensors import Tensor

# How many mappings inside each other are looked into.
MAX_DEPTH = 4
_KINDS = (StoredTensor, Absent)


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of one state dict, under the names that remain without a common prefix.

    `settings` are the configurations of the file, by where they stand.
    """

    tensors: dict[str, Tensor]
    settings: dict[str, dict[str, object]]


def read_checkpoint(data: bytes, source: str, key: str | None = None) -> Checkpoint:
    """Return the state dict of a torch file, buffers with it; no code that it holds is run.

    It may stand by itself, or anywhere below the names of other things; where there are several
    different ones, `key` names one, as in `ema.state_dict`. Raises ModelError, which names
    `source`, for a file that holds none, and for a pickled module.
    """
    loaded = load(data, source)
    _refuse_modules(loaded, source)
    found = dict(_state_dicts(loaded))
    if not found:
        raise ModelError(f"{source} holds no state dict, neither by itself nor below a name.")
    tensors = _chosen(found, key, source)
    return Checkpoint(tensors, dict(_configurations(loaded)))


def without_prefix(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors without what all of their names begin with."""
    prefix = common_prefix(tensors)
    named = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return {name: Tensor(name, t.dtype, t.shape, t.data) for name, t in named.items()}


def common_prefix(names: Mapping[str, object]) -> str:
    """Return what all names begin with, up to a dot: wrappers of a module add it.

    torch.compile adds `_orig_mod.`, DataParallel `module.`, Lightning the name of an attribute.
    The parts of a model have different names, so nothing of theirs is taken.
    """
    split = [name.split(".")[:-1] for name in names]
    shared = []
    for words in zip(*split, strict=False):
        if len(set(words)) > 1:
            break
        shared.append(words[0])
    return "".join(f"{word}." for word in shared) if len(split) > 1 else ""


def _state_dicts(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield each mapping that holds tensors, by its path; optimisers keep theirs below numbers."""
    named = dict(parts(value))
    if any(isinstance(part, _KINDS) for part in named.values()):
        yield path, value
    elif depth < MAX_DEPTH:
        for name, part in named.items():
            yield from _state_dicts(part, f"{path}.{name}" if path else name, depth + 1)


def _chosen(found: dict[str, Any], key: str | None, source: str) -> dict[str, Tensor]:
    """Return the tensors of the state dict that is meant."""
    names = ", ".join(repr(name) for name in found)
    if key is not None and key not in found:
        raise ModelError(f"{source} has no state dict {key!r}; it has {names}.")
    first, *others = found if key is None else [key]
    tensors = _tensors(found[first], source)
    if any(_tensors(found[other], source) != tensors for other in others):
        raise ModelError(
            f"{source} holds several state dicts that differ: {names}. Choose one with --key."
        )
    return tensors


def _tensors(state: Any, source: str) -> dict[str, Tensor]:
    return without_prefix({name: _tensor(name, value, source) for name, value in parts(state)})


def _tensor(name: str, value: Any, source: str) -> Tensor:
    if isinstance(value, Absent):
        raise ModelError(f"{source}: {name} is {value.kind}, and is not supported.")
    if not isinstance(value, StoredTensor):
        kind = value.path if isinstance(value, Inert) else type(value).__name__
        raise ModelError(f"{source} holds {name!r}, a {kind}, where only tensors are expected.")
    return value.tensor(name)


def _refuse_modules(value: Any, source: str, depth: int = 0) -> None:
    """Raise ModelError for a module that was pickled whole: its code is not in the file."""
    if isinstance(value, Inert) and {"_modules", "_parameters"} <= value.attributes.keys():
        raise ModelError(
            f"{source} holds a pickled module of the class {value.path}, whose forward pass is "
            "not in the file: save `model.state_dict()` instead."
        )
    if depth < MAX_DEPTH:
        for _, part in parts(value):
            _refuse_modules(part, source, depth + 1)


def _configurations(
    value: Any, path: str = "", depth: int = 0
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield each object or mapping that is no state dict and has plain values, by its path."""
    named = dict(parts(value))
    if any(isinstance(part, _KINDS) for part in named.values()):
        return
    plain = {name: _plain(part) for name, part in named.items() if not _is_nested(part)}
    if plain and path:
        yield path, plain
    if depth < MAX_DEPTH:
        for name, part in named.items():
            if _is_nested(part):
                yield from _configurations(part, f"{path}.{name}" if path else name, depth + 1)


def _is_nested(part: Any) -> bool:
    return isinstance(part, dict) and bool(part or getattr(part, "attributes", None))


def _plain(part: Any) -> object:
    """Return a value as JSON would hold it: of an inert object or class its name."""
    if isinstance(part, Inert) and part.number() is not None:
        return part.number()
    if isinstance(part, Inert):
        return part.arguments[0] if len(part.arguments) == 1 else part.path
    if isinstance(part, type) and issubclass(part, Inert):
        return part.path
    if isinstance(part, list | tuple):
        return [_plain(item) for item in part]
    return part
