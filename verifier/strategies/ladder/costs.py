"""What the checker will count for parts of a ladder: docs/certificate.md, The tally.

Used to steer the search; the certificate states the checker's own tally.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from ballproof.models.architectures import Shape as ModelShape
from ballproof.verifier.strategies.ladder.cells import Spans
from ballproof.verifier.strategies.ladder.pools import LabelTables, PoolShape


def sort_cost(count: int) -> int:
    """Return what sorting `count` numbers counts."""
    return count * (count - 1).bit_length() if count else 0


def path_tables_cost(shape: ModelShape, answers: int) -> int:
    """Return the tally of the path tables with so many answers, and of their running extremes."""
    v, k, d, h = shape.d_vocab, shape.n_ctx, shape.d_model, shape.d_head
    paths = 2 * d * (d + 1) * (2 * h - 1) + 3 * v * d + d + v * answers
    paths += (v + answers) * (d + k) * (2 * d - 1) + (v + 2 * answers) * v * (2 * d - 1)
    return paths + 2 * v * v + 4 * v * answers


@dataclass(frozen=True)
class Once:
    """Operations that are paid once for each of some rivals, however many pools need them.

    `work` numbers them: those of a label from 0 on, those that all labels share below 0. `rivals`
    are the bits of an integer; work for no rival in particular is that of one.
    """

    work: int
    operations: int
    rivals: int


# What has been paid: for each work the rivals.
Paid = dict[int, int]


def unpaid(once: Iterable[Once], paid: Paid) -> int:
    """Return what is left to pay; no work may occur twice."""
    return sum(x.operations * (x.rivals & ~paid.get(x.work, 0)).bit_count() for x in once)


def pay(once: Iterable[Once], paid: Paid) -> None:
    """Add what is paid now to what was paid before."""
    for x in once:
        paid[x.work] = paid.get(x.work, 0) | x.rivals


def rival_bits(rivals: Iterable[int]) -> int:
    """Return a set of rivals as the bits of an integer."""
    return sum(1 << int(rival) for rival in rivals)


@dataclass(frozen=True)
class PoolCost:
    """Counts of one pool of a label: cells, rows, queries, arcs of its acceptor.

    `folds` are its arcs where the largest entries of all rows may not be together in any input.
    `scattered` are the tokens in cells of several that do not begin at 0.
    """

    cells: int
    rows: int
    queries: int
    places: int
    folds: int
    scattered: int
    summed: bool

    @classmethod
    def of(cls, shape: PoolShape, tables: LabelTables) -> PoolCost:
        """Return the counts of a pool; `summed` where extremes are taken query by query."""
        cells, places = tables.cells(shape), tables.places
        rows = places if shape.per_position else min(places, 1)
        summed = not shape.one_query and shape.first > 0
        folds = max(cells.folds - 3 * places, 0)
        scattered = sum(last - first + 1 for first, last in _scattered(tables.spans(shape)))
        return cls(len(cells.sizes), rows, shape.queries, places, folds, scattered, summed)

    @property
    def weights(self) -> int:
        """Return what the weights of the pool count."""
        cells, rows = self.cells, self.places if self.rows == self.places else 1
        extremes = 3 * self.queries * (cells + 1 + self.places + 1)
        extremes += 2 * self.queries * self.scattered
        return extremes + 2 * (cells + 1 + rows + 1) + 2 * (rows * cells + 1)

    @property
    def entries(self) -> int:
        """Return how many entries a rival's table has."""
        return self.rows * self.cells + 1

    @property
    def gaps(self) -> int:
        """Return what a rival's gaps count, once for each label."""
        return 2 * self.places + self.cells * (1 + self.rows)

    def table(self, rivals: int = 1) -> int:
        """Return what one table for some rivals and its worst case count, gaps and folds apart."""
        return self._made(rivals) + self.entries + 3 * self.rows

    def tail(self, rivals: int, dropped: int) -> int:
        """Return what the table of a group counts, and putting it on a grid without some cells."""
        return self._made(rivals) + 2 + 2 * self.rows * (self.cells - dropped)

    def _made(self, rivals: int) -> int:
        """Return what one table for some rivals counts, gaps apart."""
        return (2 * rivals + 1) * self.entries + (3 + 4 * self.queries * self.summed) * rivals

    def walked(self, rivals: int) -> int:
        """Return what preparing a walk counts, before its nodes."""
        return rivals * (2 * self.entries + 2 * sort_cost(self.cells))

    def moment(self, dropped: int, branches: int) -> int:
        """Return what a moment counts on a grid without some cells."""
        return 2 * self.rows * (self.cells - dropped) + (2 + 96 * self.places // 4096) * branches


class PaidOnce:
    """Finds and numbers what the pools of a label pay once."""

    def __init__(self, tables: LabelTables) -> None:
        self.tables, self.answers = tables, len(tables.problem.task.answers)
        self._numbers: dict[Hashable, int] = {}

    def of(self, shape: PoolShape, cost: PoolCost, rivals: Iterable[int]) -> tuple[Once, ...]:
        """Return what a pool needs: its arcs, the gaps of its rivals, and columns of V."""
        spans, acceptor = self.tables.spans(shape), self.tables.acceptors[shape.first]
        arcs = sum(map(len, self.tables.cells(shape).arcs))
        return (
            Once(self._number((id(acceptor), shape.cells)), arcs, 1),
            Once(self._number((spans, shape.per_position)), cost.gaps, rival_bits(rivals)),
            *(
                Once(_column(first, last), 2 * (last - first + 1) * self.answers, 1)
                for first, last in _scattered(spans)
            ),
        )

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))


def shared_by_labels(paid: Paid) -> Paid:
    """Return what was paid for all labels."""
    return {work: rivals for work, rivals in paid.items() if work < 0}


def _column(first: int, last: int) -> int:
    """Return the number of the extremes of V's columns over a cell, one for each cell."""
    return -1 - (last * (last + 1) // 2 + first)


def _scattered(spans: Spans) -> Spans:
    """Return the cells of several tokens that do not begin at 0: no running extreme is theirs."""
    return tuple((first, last) for first, last in spans if 0 < first < last)
