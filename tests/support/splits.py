"""Witnesses of `exact` and `split` for small networks: thresholds and ends, sharp or at random.

Sharp ones are attained: all summands but the last clear what they can, by a hair, so that a rule
that is a little too strong clears a rival that wins.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from random import Random
from typing import Any

from arithmetic.tally import Tally
from counting.cells import Cells, cells_of
from counting.class_tables import ClassTables
from counting.lead_tables import LeadTables
from counting.summands import Columns, Weights
from files.claims import Pins
from kernel import given, read
from support.certify import encoded
from support.networks import Network, claim_of
from tasks.acceptors import Class, acceptors

PLENTY = 10**10
# Units of the tables that sharp numbers keep from what is attained.
HAIR = 2**34


def witness_of(
    network: Network,
    task: dict[str, Any],
    seed: int,
    *,
    rate: int = 0,
    sharp: bool = True,
    **options: Any,
) -> dict[str, Any]:
    """Return a witness of all classes."""
    cert = claim_of(
        network, task, (0, 0), strategy="split" if rate else "exact", witness={}, **options
    )
    claim, model = read(network.bytes(), encoded(cert), Pins())
    tables = LeadTables(
        given(model, claim, Tally(PLENTY)), claim, claim.precision - 4, Tally(PLENTY)
    )
    groups = [
        Class(q, start, a)
        for a in acceptors(claim.task)
        for q, start in a.starts.items()
        if a.label in claim.task.answers
    ]
    rng, first = Random(seed), claim.task.answers.start
    classes = []
    for group in sorted(groups, key=lambda x: (x.query, x.acceptor.label)):
        made = _Class(tables, group, group.acceptor.label - first)
        classes.append(made.said(rng) if sharp else made.at_random(rng))
    found = {"unit": tables.summands.unit, "classes": classes}
    return found | {"rate": rate} if rate else found


class _Class:
    """The means of each summand over the inputs of a class, in units of the tables."""

    def __init__(self, tables: LeadTables, group: Class, column: int) -> None:
        self.tables, self.group, self.cells = tables, group, cells_of(group, [])
        weights = Weights(tables.summands, self.query, Tally(PLENTY))
        self.made = ClassTables(tables, weights, group, self.cells, column)
        self.column, self.summands = column, range(len(tables.summands.tables))

    @property
    def query(self) -> int:
        return self.group.query - self.tables.summands.program.positions[-1].start

    def at_random(self, rng: Random) -> dict[str, Any]:
        """Return thresholds at random, and the ends of all tokens."""
        top = self.tables.summands.top
        numbers = [
            [rng.randint(-top, top) for _ in range(self.tables.leads.count)]
            for _ in self.summands[:-1]
        ]
        neurons = self.tables.neurons
        high = [[3 * top] * neurons.count for _ in self.summands] if neurons else []
        return self._fields(numbers, [[-x for x in row] for row in high], high)

    def said(self, rng: Random) -> dict[str, Any]:
        """Return what is attained, by a hair; now and then something near it."""
        low: list[list[int]] = []
        high: list[list[int]] = []
        if self.tables.neurons:
            for h in self.summands:
                means = [self._mean(h, x, lambda row: row.neurons) for x in _inputs(self.cells)]
                columns = [*zip(*means, strict=True)]
                hair = self._hair(h)
                most = 3 * self.tables.summands.top
                low.append([max(int(min(x) // 1) - hair, -most) for x in columns])
                high.append([min(int(max(x) // 1) + hair, most) for x in columns])
        sigmas, _ = self.tables.lines(self.query, self.column, low, high)
        leads, scale = self.tables.leads, self.tables.scale

        def gaps(row: Columns) -> list[int]:
            vector = self.tables.gap(row, self.column, sigmas) + leads.offset
            mask = (leads.half << 1) - 1
            return [(vector >> leads.width * j & mask) - leads.half for j in range(leads.count)]

        thresholds = []
        for h in self.summands[:-1]:
            means = [self._mean(h, x, gaps) for x in _inputs(self.cells)]
            tops = [int(max(x) // 2**scale) + HAIR for x in zip(*means, strict=True)]
            spread = rng.choice([0, 0, 0, HAIR, self.tables.summands.top // 4])
            most = 2 * self.tables.summands.top
            near = [x + rng.randint(-spread, spread) for x in tops]
            thresholds.append([max(min(x, most), -most) for x in near])
        return self._fields(thresholds, low, high)

    def _fields(self, thresholds: Any, low: Any, high: Any) -> dict[str, Any]:
        said = {"thresholds": thresholds, "low": low, "high": high}
        return {"query": self.group.query, "label": self.group.acceptor.label} | said

    def _hair(self, h: int) -> int:
        """Return HAIR, and more where all weights of an input are small beside the class's."""
        spans, top = self.made.weights[h], self.tables.summands.top
        if spans is None:
            return HAIR
        least = sum(min(low for low, _ in row) for row in spans)
        return max(HAIR, min(16 * len(spans) * top // max(least, 1), 2 * top))

    def _mean(self, h: int, cells: tuple[int, ...], numbers: Any) -> list[Fraction]:
        """Return N / Z of an input: of columns, with the lower ends of weights."""
        summands, made = self.tables.summands, self.made
        pairs = zip(made.held[h], cells, self.cells.present, strict=True)
        rows = [held[cell - present.start] for held, cell, present in pairs]
        rows.append(summands.own[h][self.query])
        spans = made.weights[h]
        if spans is None:
            return [Fraction(sum(x)) for x in zip(*map(numbers, rows), strict=True)]
        free = zip(spans, cells, self.cells.present, strict=False)
        weights = [row[cell - present.start][0] for row, cell, present in free]
        weights.append(spans[-1][0][0])
        total = sum(weights) or 1
        columns = zip(*map(numbers, rows), strict=True)
        return [
            Fraction(sum(w * x for w, x in zip(weights, c, strict=True)), total) for c in columns
        ]


def _inputs(cells: Cells) -> Iterator[tuple[int, ...]]:
    """Yield the cells of each input of a class, by position."""
    found = [((), cells.start)]
    for moves in cells.moves:
        found = [((*x, c), to) for x, state in found for to, span in moves[state] for c in span]
    yield from (x for x, _ in found)
