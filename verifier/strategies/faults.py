"""Faults that any value of a witness can have: each leaves the domain of its kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, TypeVar

from ballproof.verifier.strategies.changes import (
    LIMIT,
    MISSING,
    OUTSIDE,
    WITNESS_PATH,
    Change,
    Path,
    WitnessChanges,
)
from ballproof.verifier.strategies.domains import (
    MAX_EXPONENT,
    Domain,
    Dyadic,
    Fields,
    Integer,
    Items,
    Sizes,
    Tuple,
    valued,
)

T = TypeVar("T")


def some(items: Sequence[T], count: int, rng: Random) -> list[T]:
    """Return at most so many of the items, chosen at random, in their order."""
    chosen = sorted(rng.sample(range(len(items)), min(count, len(items))))
    return [items[place] for place in chosen]


def object_faults(path: Path, value: dict[str, Any]) -> Iterator[Change]:
    """Yield an object without each of its keys and with others; `path` stays an object."""
    for key in value:
        yield Change((*path, key), MISSING, OUTSIDE)
    for key in ("note", "", "Gaps", "__proto__"):
        yield Change((*path, key), None, OUTSIDE)


def keys_added() -> WitnessChanges:
    """Return the changes of an empty witness: keys that it does not have."""
    return WitnessChanges(list(object_faults(WITNESS_PATH, {})), [])


def integer_faults(path: Path, value: int, low: int, high: int) -> Iterator[Change]:
    """Yield what is no integer of low..high: beyond its ends, or of another type."""
    for other in (low - 1, high + 1, 10**30, str(value), True, None, [value]):
        yield Change(path, other, OUTSIDE)


def list_faults(path: Path, value: Sequence[Any], *, fixed: bool) -> Iterator[Change]:
    """Yield what is no list, and for one of a fixed length, one of another length."""
    spoilt: list[Any] = [None, {}, "x", 0]
    for other in spoilt:
        yield Change(path, other, OUTSIDE)
    if fixed:
        yield Change(path, [*value, value[-1] if value else 1], OUTSIDE)
        if value:
            yield Change(path, list(value[:-1]), OUTSIDE)


def dyadic_faults(path: Path, value: list[Any]) -> Iterator[Change]:
    """Yield dyadics in other spellings, or with an exponent out of range."""
    mantissa, exponent = value
    spellings = [str(2 * int(mantissa) if mantissa != "0" else 2), f"+{mantissa}", f"0{mantissa}"]
    spellings += ["", "-0", "1.0", "1e3", "0x1", f"{mantissa} "]
    for text in spellings:
        yield Change(path, [text, exponent], OUTSIDE)
    exponents: list[Any] = [
        ["1", MAX_EXPONENT + 1],
        ["1", -MAX_EXPONENT - 1],
        ["1", "0"],
        ["1", True],
        ["1", None],
    ]
    shapes: list[Any] = [["0", 1], [1, 0], ["1"], ["1", 0, 0], [], "1", None, 1]
    for other in exponents + shapes:
        yield Change(path, other, OUTSIDE)
    yield Change(path, ["1" + "0" * 2000, 0], frozenset({LIMIT}))


def fields_faults(
    path: Path, value: dict[str, Any], fields: Fields, sizes: Sizes
) -> Iterator[Change]:
    """Yield an object with other keys, and with each value outside of its domain."""
    yield from object_faults(path, value)
    for key, domain in fields.items():
        yield from domain_faults((*path, key), value[key], domain, sizes)


def domain_faults(path: Path, value: Any, domain: Domain, sizes: Sizes) -> Iterator[Change]:
    """Yield values outside of the domain, near to what the value is."""
    match domain:
        case Integer(least, most):
            yield from integer_faults(path, value, least, valued(most, sizes))
        case Dyadic():
            yield from dyadic_faults(path, value)
        case Tuple():
            yield from list_faults(path, value, fixed=True)
        case Items():
            yield from list_faults(path, value, fixed=domain.length is not None)
            if domain.length is None:
                yield from _item_faults(path, value, domain, sizes)
        case _:
            for other in ("", "Walk", "exact", None, 0, ["walk"]):
                yield Change(path, other, OUTSIDE)


def _item_faults(path: Path, value: list[Any], domain: Items, sizes: Sizes) -> Iterator[Change]:
    """Yield lists with an item outside of its domain, out of order, or too many of them."""
    for other in _wrong(domain.item, sizes):
        yield Change(path, [*value, other], OUTSIDE)
    if domain.ascending:
        item = _least(domain.item)
        yield Change(path, [item, item], OUTSIDE)
        if value:
            yield Change(path, [*value, value[0]], OUTSIDE)
    if domain.most is not None:
        yield Change(path, list(range(domain.most + 1)), OUTSIDE)
    if domain.least:
        yield Change(path, [], OUTSIDE)


def _least(domain: Domain) -> Any:
    match domain:
        case Integer(least, _):
            return least
        case Tuple(items):
            return [_least(item) for item in items]
        case Items(item, int(length)):
            return [_least(item)] * length
    return None


def _wrong(domain: Domain, sizes: Sizes) -> Iterator[Any]:
    """Yield what no value of the domain is."""
    yield None
    match domain:
        case Integer(least, most):
            yield from (least - 1, valued(most, sizes) + 1, "0", True)
        case Tuple(items):
            good = _least(domain)
            yield from (good[:-1], [*good, 0])
            for place, item in enumerate(items):
                for other in _wrong(item, sizes):
                    yield [*good[:place], other, *good[place + 1 :]]
        case Items(item, int(length)):
            good = _least(domain)
            yield from (good[:-1], [*good, good[0]])
            for place in range(length):
                for other in _wrong(item, sizes):
                    yield [*good[:place], other, *good[place + 1 :]]


def shifted(value: list[Any]) -> list[Any]:
    """Return another dyadic nearby: the mantissa moved by 2, so that it stays odd."""
    mantissa, exponent = value
    return ["1", 0] if mantissa == "0" else [str(int(mantissa) + 2), exponent]
