"""The look-ups and heads of a program as integers of one unit, for one range of columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.verifier.counting.mixing import Numbers
from ballproof.verifier.counting.products import floors
from ballproof.verifier.counting.program import DomainProgram, columns_of

Tables = tuple[Numbers | None, ...]


@dataclass(frozen=True, eq=False)
class LookUps:
    """Tables floored at 2^-bits, by position: those looked up, and those that each head mixes.

    Weights of a head are in units of 2^-`fraction`, sums in 2^-(bits + fraction).
    """

    looked_up: Tables
    heads: tuple[Tables, ...]
    fraction: int

    def largest(self) -> int:
        """Return a bound of what is mixed in by two units of every weight, without the sign."""
        tables = (table for head in self.heads for table in _given(head))
        return 2 * sum(int(abs(table).max(initial=0)) for table in tables)

    def error(self) -> int:
        """Return what a sum may be off by: a unit of each look-up and head, two of each weight."""
        terms = len(list(_given(self.looked_up))) + len(self.heads)
        return (terms << self.fraction) + self.largest()

    def ends(self) -> tuple[list[int], list[int]]:
        """Return the least and the largest sum of each column.

        The weights of a head are >= 0 and add up to 1 at most, so it adds no more than the largest
        of its values, or 0.
        """
        most = self._tops(1)
        return [-value for value in self._tops(-1)], most

    def _tops(self, sign: int) -> list[int]:
        tops = [_tops(sign, table) for table in _given(self.looked_up)]
        for head in self.heads:
            each = [_tops(sign, table) for table in _given(head)]
            if each:
                tops.append([max(0, *column) for column in zip(*each, strict=True)])
        return [sum(column) << self.fraction for column in zip(*tops, strict=True)]


def look_ups(
    program: DomainProgram, columns: range, bits: int, fraction: int, *, wide: bool
) -> LookUps:
    """Return the tables of some columns, floored."""

    def table(part: DyadicMatrix | None) -> Numbers | None:
        return None if part is None else floors(columns_of(part, columns), bits, wide=wide)

    heads = tuple(tuple(map(table, head.values)) for head in program.heads)
    return LookUps(tuple(map(table, program.lookups)), heads, fraction)


def beside(left: LookUps, right: LookUps) -> LookUps:
    """Return the tables of both ranges of columns as one."""
    pairs = zip(left.heads, right.heads, strict=True)
    heads = tuple(_joined(*pair) for pair in pairs)
    return LookUps(_joined(left.looked_up, right.looked_up), heads, left.fraction)


def _joined(left: Tables, right: Tables) -> Tables:
    pairs = zip(left, right, strict=True)
    return tuple(None if a is None or b is None else np.hstack([a, b]) for a, b in pairs)


def _given(tables: Tables) -> Iterator[Numbers]:
    return (table for table in tables if table is not None)


def _tops(sign: int, table: Numbers) -> list[int]:
    """Return the largest entry of each column, of the table or of its negative."""
    return [int(value) for value in (sign * table).max(axis=0).tolist()]
