"""The witness of a subcubic certificate: every key, its shape and its domain, before any use.

Whatever passes here gives a true bound; what does not is refused as `witness` (or `limit`).
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from files.strictjson import limit_digits
from files.verdict import decline_unless
from files.witness import demand, list_of, small
from parts.attention_only import Shape

MAX_EXPONENT = 20_000
MAX_WITNESS_BITS = 1_024
# Binary places of an attention, or of an entry of mu, before and after the point.
MAX_PLACES = 1_100
MAX_SQUARINGS = 12
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
PAIR = ("svd", "max-diff", "mean+max-diff", "max-diff-exact")

Dyadics = tuple[list[int], int]


class Witness(NamedTuple):
    """The parts of a witness; those that the strategy does not use are empty.

    `gaps[m][q][c-1]` for q <= m; `a_star[m][c-1]` and `chord[m][c-1] = [a_min, a_max]` flattened
    to integers with one exponent, as are `mu` and the directions.
    """

    gaps: list[list[list[int]]]
    query_directions: Sequence[Dyadics] = ()
    key_directions: Sequence[Dyadics] = ()
    matrix_directions: Sequence[Dyadics] = ()
    squarings: int = 0
    mu: Dyadics = ([], 0)
    a_star: Dyadics = ([], 0)
    chord: Dyadics = ([], 0)

    @property
    def directions(self) -> tuple[Sequence[Dyadics], ...]:
        """All directions, in the order in which they are peeled."""
        return self.query_directions, self.key_directions, self.matrix_directions


def read_witness(fields: dict[str, Any], parts: tuple[str, str, str], shape: Shape) -> Witness:
    """Return the witness of subcubic/<direct>/<attention>/<score error>, or refuse it."""
    direct, attention, score_error = parts
    v, d, n = shape.d_vocab, shape.d_model, shape.n_ctx - 1
    terms = 0 if score_error == "exact" else 1 if score_error in PAIR else 2
    readers: dict[str, Callable[[Any], Any]] = {"gaps": lambda value: _gaps(value, v, n)}
    if terms:
        for key in ("query_directions", "key_directions"):
            readers[key] = lambda value: _directions(value, terms, v)
    if terms == 2:
        readers["matrix_directions"] = lambda value: _directions(value, 2, d)
    if score_error == "svd":
        readers["squarings"] = lambda value: small(value, 0, MAX_SQUARINGS)
    if direct == "svd-query":
        readers["mu"] = lambda value: _near_one(*_dyadics(value, d))
    if attention == "mean+diff":
        readers["a_star"] = lambda value: _near_one(*_dyadics(_cells(value, v, n), v * n))
    if attention == "chord":
        readers["chord"] = lambda value: _chord(_cells(value, v, n))
    demand(fields.keys() == readers.keys(), f"the keys are {', '.join(readers)}.")
    return Witness(**{key: read(fields[key]) for key, read in readers.items()})


def _gaps(value: Any, v: int, n: int) -> list[list[list[int]]]:
    tables = [list_of(table, m + 1) for m, table in enumerate(list_of(value, v))]
    return [[[small(gap, 1, v) for gap in list_of(row, n)] for row in rows] for rows in tables]


def _cells(value: Any, v: int, n: int) -> list[Any]:
    return [cell for row in list_of(value, v) for cell in list_of(row, n)]


def _directions(value: Any, count: int, length: int) -> list[Dyadics]:
    directions = [_dyadics(item, length) for item in list_of(value, count)]
    demand(all(any(numbers) for numbers, _ in directions), "a direction is zero.")
    return directions


def _chord(cells: list[Any]) -> Dyadics:
    ends = [end for cell in cells for end in list_of(cell, 2)]
    numbers, exponent = _near_one(*_dyadics(ends, len(ends)))
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    demand(all(low <= high for low, high in pairs), "chord: an a_min is above its a_max.")
    return numbers, exponent


def _near_one(numbers: list[int], exponent: int) -> Dyadics:
    """Decline numbers of which one has more than MAX_PLACES places on a side of the point."""
    top = max(map(int.bit_length, numbers), default=0) + exponent
    fits = -exponent <= MAX_PLACES and top <= MAX_PLACES
    decline_unless(fits or not any(numbers), "limit", f"witness: over {MAX_PLACES} binary places.")
    return numbers, exponent


def _dyadics(value: Any, length: int) -> Dyadics:
    """Return dyadics ["mantissa", exponent] as integers in units of their lowest exponent."""
    pairs = [_dyadic(item) for item in list_of(value, length)]
    exponent = min((e for mantissa, e in pairs if mantissa), default=0)
    top = max((m.bit_length() + e for m, e in pairs if m), default=0)
    fits = top - exponent <= MAX_WITNESS_BITS
    decline_unless(fits, "limit", f"witness: over {MAX_WITNESS_BITS} bits on one unit.")
    return [mantissa << (e - exponent) if mantissa else 0 for mantissa, e in pairs], exponent


def _dyadic(value: Any) -> tuple[int, int]:
    """Return (mantissa, exponent) of a dyadic; odd mantissas and ["0", 0] are its only spelling."""
    text, exponent = list_of(value, 2)
    demand(isinstance(text, str), "a dyadic is [decimal string, integer].")
    limit_digits(text, "witness")
    demand(_INTEGER.fullmatch(text) is not None, f"{text[:40]!a} is no decimal integer.")
    mantissa = int(text)
    small(exponent, -MAX_EXPONENT, MAX_EXPONENT)
    canonical = mantissa % 2 == 1 or (mantissa, exponent) == (0, 0)
    demand(canonical, "the mantissa of a dyadic is odd, or it is ['0', 0].")
    return mantissa, exponent
