"""What a value of a witness may be, stated once on this side: for mutations, schema and tests.

The checker states it for itself. A strategy's table of fields stands beside it, as `domain.py`.
Sizes that depend on the model are words: v tokens, n = n_ctx - 1 free positions, d residual
dimensions, m the label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Size = int | str
Sizes = Mapping[str, int]
# The most that a size can be in any model, for a reader who does not see the model.
MAX_SIZE = 2**28
_WIDEST = {"v": MAX_SIZE, "v-1": MAX_SIZE - 1, "m": MAX_SIZE - 1}
# Lengths that are at least 1 in any model.
_POSITIVE = ("v", "d", "m+1")
MAX_EXPONENT = 20_000
_ODD = "^-?([1-9][0-9]{0,1998})?[13579](?!\\n)$"


@dataclass(frozen=True)
class Integer:
    """An integer of least..most."""

    least: int
    most: Size


@dataclass(frozen=True)
class Dyadic:
    """[m, e], the number m 2^e: m odd in decimals, or ["0", 0]; e of -20,000..20,000."""


@dataclass(frozen=True)
class Anything:
    """What another table describes."""


@dataclass(frozen=True)
class Named:
    """The entry of this name in the strategy's tables, which may hold itself."""

    name: str


@dataclass(frozen=True)
class Items:
    """A list: of a fixed length or of `least` to `most` items.

    `ascending`: each is above the one before. `nonzero`: of the dyadics one is not 0.
    """

    item: Domain
    length: Size | None = None
    least: int = 0
    most: int | None = None
    ascending: bool = False
    nonzero: bool = False


@dataclass(frozen=True)
class Tuple:
    """A list of a fixed length, each item with its own domain."""

    items: tuple[Domain, ...]


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]


Domain = Integer | Dyadic | Anything | Named | Items | Tuple | Choice
# An object has exactly these keys.
Fields = Mapping[str, Domain]


def sizes_of(v: int, n: int, d: int = 0, m: int = 0) -> Sizes:
    """Return the words' values."""
    return {"v": v, "v-1": v - 1, "n": n, "d": d, "m": m, "m+1": m + 1}


def valued(size: Size, sizes: Sizes) -> int:
    """Return a size as a number."""
    return size if isinstance(size, int) else sizes[size]


def schema_of(domain: Domain) -> dict[str, Any]:
    """Return the domain as JSON schema, as far as that can be said without seeing the model."""
    match domain:
        case Integer(least, most):
            top = most if isinstance(most, int) else _WIDEST[most]
            return {"type": "integer", "minimum": least, "maximum": top}
        case Dyadic():
            return _dyadic_schema()
        case Anything():
            return {}
        case Named(name):
            return {"$ref": f"#/$defs/{name}"}
        case Tuple(items):
            ends = {"minItems": len(items), "maxItems": len(items)}
            return {"type": "array", **ends, "prefixItems": [schema_of(item) for item in items]}
        case Choice(words):
            return {"enum": list(words)}
        case Items():
            return _list_schema(domain)


def _list_schema(domain: Items) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "array"}
    if isinstance(domain.length, int):
        schema |= {"minItems": domain.length, "maxItems": domain.length}
    elif domain.length in _POSITIVE:
        schema["minItems"] = 1
    if domain.least:
        schema["minItems"] = domain.least
    if domain.most is not None:
        schema["maxItems"] = domain.most
    if domain.ascending:
        schema["uniqueItems"] = True
    if domain.nonzero:
        schema["contains"] = {"prefixItems": [{"not": {"const": "0"}}]}
    item = schema_of(domain.item)
    return schema | ({"items": item} if item else {})


def _dyadic_schema() -> dict[str, Any]:
    exponent = {"type": "integer", "minimum": -MAX_EXPONENT, "maximum": MAX_EXPONENT}
    zero = [{"const": "0"}, {"type": "integer", "const": 0}]
    odd = [{"type": "string", "pattern": _ODD}, exponent]
    shapes = [{"prefixItems": zero}, {"prefixItems": odd}]
    return {"type": "array", "minItems": 2, "maxItems": 2, "anyOf": shapes}
