"""Key maps: which tensor of a user's own module is which tensor of the layout read here.

A map names, for each canonical tensor, a tensor of the source, or a list of it and what is done to
it, in order: `transpose` swaps its last two axes, `part 2/3` takes the second of three equal parts
of its first axis, `first 11` as much of it, and `split 4` makes two axes of it, of which the first
has four entries. A `*` in a source name stands for the numbers of the heads, whose tensors are
stacked. Tensors that the map names nowhere are refused, unless `ignore` names them: what is left
out of a theorem is left out on purpose.

A `#`, in canonical names and in those of the source, stands for the numbers of the layers: an entry
with it is one for each layer. `first n_ctx` takes as many rows as positions are asked for.

A map may also say what no tensor shows. Of attention: its `mask`, "causal" or "none", and under
`softmax_share` which setting of the model's configuration is the share of softmax in the attention
weights, the rest being uniform; `normalised` says whether they add up to one. Of MLPs: the
`activation`. Of norms: `norm`, "layer" or "rms", its `eps`, and under `norms` where they stand, of
"ln1", "ln2" and "ln_final"; left out, where their tensors do. Of the end: `readout`, the position
that is read, or "sum" or "mean". `expects` lists settings as "name=value": a configuration that
states another value is of another model.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from ballproof.models.errors import ModelError
from ballproof.models.files import read_limited
from ballproof.models.tensors import Tensor

KeyMap = Mapping[str, str | Sequence[str]]
IGNORE = "ignore"
MASK, SHARE, NORMALISED = "mask", "softmax_share", "normalised"
ACTIVATION, NORM, EPS, NORMS, READOUT = "activation", "norm", "eps", "norms", "readout"
EXPECTS = "expects"
_SETTINGS = {IGNORE, MASK, SHARE, NORMALISED, ACTIVATION, NORM, EPS, NORMS, READOUT, EXPECTS}
FIRST_OF_CONTEXT = "first n_ctx"
LAYER = "#"
SHIPPED = Path(__file__).parent / "maps"
_PART = re.compile(r"part ([1-9][0-9]?)/([1-9][0-9]?)")
_FIRST = re.compile(r"first ([1-9][0-9]{0,3})")
_SPLIT = re.compile(r"split ([1-9][0-9]{0,2})")


def shipped_names() -> list[str]:
    """Return the names of the key maps that ship with the package."""
    return sorted({path.stem.partition("-")[0] for path in SHIPPED.glob("*.toml")})


def find_key_map(name: Path, tensors: Mapping[str, Tensor]) -> dict[str, str | list[str]]:
    """Return the map of a file, or the shipped one of this name; ModelError for neither.

    Several maps may ship under one name: it is the first whose tensors are all there.
    """
    if name.is_file() or name.suffix:
        return load_key_map(name)
    if str(name) not in shipped_names():
        raise ModelError(
            f"{str(name)!r} is no file, and none of the maps that ship: "
            f"{', '.join(shipped_names())}."
        )
    shipped = [SHIPPED / f"{name}.toml", *sorted(SHIPPED.glob(f"{name}-*.toml"))]
    maps = [load_key_map(path) for path in shipped if path.is_file()]
    return next((one for one in maps if _names(one, tensors) <= tensors.keys()), maps[0])


def of_layers(key_map: KeyMap, tensors: Mapping[str, Tensor]) -> dict[str, str | Sequence[str]]:
    """Return the map with an entry for each layer of a source's where it has one for all."""
    plain = {name: value for name, value in key_map.items() if LAYER not in name}
    general = {name: value for name, value in key_map.items() if LAYER in name}
    numbers = {x for value in general.values() for x in _layers(_source_of(value), tensors)}
    for name, value in general.items():
        # Without any layer, the name stays: that it is missing is told where it is looked for.
        for number in map(str, sorted(numbers)) if numbers else LAYER:
            words = [value] if isinstance(value, str) else list(value)
            plain[name.replace(LAYER, number)] = [words[0].replace(LAYER, number), *words[1:]]
    return plain


def _source_of(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else value[0]


def _layers(pattern: str, tensors: Mapping[str, Tensor]) -> set[int]:
    """Return the numbers that a name stands for by its `#`."""
    escaped = re.escape(pattern).replace(re.escape(LAYER), "(0|[1-9][0-9]?)")
    numbered = re.compile(escaped.replace(re.escape("*"), "[0-9]+"))
    return {int(match[1]) for match in map(numbered.fullmatch, tensors) if match}


def _names(key_map: KeyMap, tensors: Mapping[str, Tensor]) -> set[str]:
    """Return the tensors of the source that a map names without a star."""
    named = [x for name, x in of_layers(key_map, tensors).items() if name not in _SETTINGS]
    words = set(map(_source_of, named))
    return {word for word in words if "*" not in word}


def load_key_map(path: Path) -> dict[str, str | list[str]]:
    """Return the map that a TOML file holds, or raise ModelError."""
    try:
        values = tomllib.loads(read_limited(path).decode())
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is no well-formed TOML file: {error}.") from error
    return checked_key_map(values, str(path))


def checked_key_map(values: Mapping[str, object], source: str) -> dict[str, str | list[str]]:
    """Return a map whose entries are names, or lists of them; raises ModelError for another."""
    return {name: _entry(name, value, source) for name, value in values.items()}


def _entry(name: str, value: object, source: str) -> str | list[str]:
    if isinstance(value, str):
        return value
    words = list(value) if isinstance(value, list | tuple) else []
    if not words or not all(isinstance(word, str) for word in words):
        raise ModelError(
            f"{source}: {name} is {value!r}, where a name is expected, or a list of a name and "
            "operations. Quote names with dots."
        )
    return words


def in_context(key_map: KeyMap, n_ctx: int | None) -> dict[str, str | Sequence[str]]:
    """Return the map with the number of positions that is asked for, or all of them for None."""

    def operations(value: str | Sequence[str]) -> str | list[str]:
        if isinstance(value, str):
            return value
        asked = [] if n_ctx is None else [f"first {n_ctx}"]
        return [y for x in value for y in (asked if x == FIRST_OF_CONTEXT else [x])]

    return {
        name: value if name in _SETTINGS else operations(value) for name, value in key_map.items()
    }


def apply_key_map(
    tensors: Mapping[str, Tensor], key_map: KeyMap, heads: Mapping[str, int], source: str
) -> dict[str, Tensor]:
    """Return the canonical tensors that the map makes of a source's tensors; no number changes.

    `heads` are the canonical names whose first axis is the heads', with their number of axes; a
    tensor of a single head may lack it. Raises ModelError where a name, an operation or a shape
    does not fit, and where a tensor of the source is left over.
    """
    ignored = key_map.get(IGNORE, ())
    patterns = [ignored] if isinstance(ignored, str) else list(ignored)
    used: set[str] = set()
    mapped: dict[str, Tensor] = {}
    for name, value in of_layers(key_map, tensors).items():
        if name in _SETTINGS:
            continue
        words = [value] if isinstance(value, str) else list(value)
        pattern, operations = words[0], words[1:]
        names = _sources(pattern, tensors, source)
        used.update(names)
        made = [_operated(tensors[each], operations, source) for each in names]
        mapped[name] = _stacked(name, made, "*" in pattern, heads, source)
    for name in sorted(tensors.keys() - used):
        if not any(fnmatchcase(name, pattern) for pattern in patterns):
            raise ModelError(
                f"{source} holds {name!r}, which the key map does not name: map it, or list it "
                f"under `{IGNORE}` if it is no part of the function."
            )
    return mapped


def _sources(pattern: str, tensors: Mapping[str, Tensor], source: str) -> list[str]:
    """Return the tensors that a name stands for, by the number in the place of its `*`."""
    before, star, after = pattern.partition("*")
    if not star:
        if pattern not in tensors:
            raise ModelError(f"{source} has no tensor {pattern!r}, which the key map names.")
        return [pattern]
    numbered = re.compile(f"{re.escape(before)}(0|[1-9][0-9]*){re.escape(after)}")
    found = {int(match[1]): name for name in tensors if (match := numbered.fullmatch(name))}
    if sorted(found) != list(range(len(found))) or not found:
        raise ModelError(f"{source} has no tensors {pattern!r} numbered 0, 1, ...")
    return [found[number] for number in range(len(found))]


def _operated(tensor: Tensor, operations: Sequence[str], source: str) -> Tensor:
    if 0 in tensor.shape:
        raise ModelError(f"{source}: {tensor.name} has shape {list(tensor.shape)}, no numbers.")
    cells = tensor.cells()
    for operation in operations:
        axes = cells.ndim - 1
        part, split, first = (each.fullmatch(operation) for each in (_PART, _SPLIT, _FIRST))
        if operation == "transpose" and axes >= 2:
            cells = cells.swapaxes(-2, -3)
        elif part and axes and int(part[1]) <= int(part[2]) and not len(cells) % int(part[2]):
            size = len(cells) // int(part[2])
            cells = cells[(int(part[1]) - 1) * size : int(part[1]) * size]
        elif first and axes and int(first[1]) <= len(cells):
            cells = cells[: int(first[1])]
        elif split and axes and not len(cells) % int(split[1]):
            cells = cells.reshape(int(split[1]), -1, *cells.shape[1:])
        else:
            raise ModelError(
                f"{source}: {operation!r} does not fit {tensor.name} of shape "
                f"{list(tensor.shape)}; operations are `transpose`, `part 1/3`, `first 11` and "
                "`split 4`."
            )
    return Tensor(tensor.name, tensor.dtype, cells.shape[:-1], cells.tobytes())


def _stacked(
    name: str, parts: list[Tensor], stack: bool, heads: Mapping[str, int], source: str
) -> Tensor:
    first = parts[0]
    if any((part.dtype, part.shape) != (first.dtype, first.shape) for part in parts):
        raise ModelError(f"{source}: the heads of {name} differ in dtype or shape.")
    lacks_heads = len(first.shape) + 1 == heads.get(name)
    shape = (len(parts), *first.shape) if stack or lacks_heads else first.shape
    return Tensor(name, first.dtype, shape, b"".join(part.data for part in parts))
