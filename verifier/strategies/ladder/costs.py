"""What the checker will count for parts of a ladder: docs/certificate.md, The tally.

Used to steer the search; the certificate states the checker's own tally.
"""

from __future__ import annotations

from dataclasses import dataclass

from ballproof.models.architectures import Shape as ModelShape
from ballproof.verifier.strategies.ladder.cells import Cells
from ballproof.verifier.strategies.ladder.pools import PoolShape


def sort_cost(count: int) -> int:
    """Return what sorting `count` numbers counts."""
    return count * (count - 1).bit_length() if count else 0


def path_tables_cost(shape: ModelShape) -> int:
    """Return the tally of the path tables and of their running extremes."""
    v, k, d, h = shape.d_vocab, shape.n_ctx, shape.d_model, shape.d_head
    paths = 2 * d * (d + 1) * (2 * h - 1) + 3 * v * d + d + v * v
    paths += 2 * v * d * (2 * d - 1) + (3 * v * v + 2 * v * k) * (2 * d - 1)
    return paths + 6 * v * v


@dataclass(frozen=True)
class PoolCost:
    """Counts of one pool of a label: cells, rows, queries, states of its acceptor."""

    cells: int
    rows: int
    queries: int
    places: int
    states: int
    summed: bool

    @classmethod
    def of(cls, shape: PoolShape, cells: Cells) -> PoolCost:
        """Return the counts of a pool; `summed` where extremes are taken query by query."""
        places = cells.places
        rows = places if shape.per_position else min(places, 1)
        summed = not shape.one_query and shape.first > 0
        return cls(len(cells.sizes), rows, shape.queries, places, cells.most_states, summed)

    @property
    def weights(self) -> int:
        """Return what the weights of the pool count."""
        cells, rows = self.cells, self.places if self.rows == self.places else 1
        extremes = 3 * self.queries * (cells + 1 + self.places + 1)
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
        """Return what one table for some rivals and its worst case count, gaps apart."""
        return self._made(rivals) + self.entries + 3 * self.rows

    def tail(self, rivals: int) -> int:
        """Return what the table of a group counts, and putting it on a grid."""
        return self._made(rivals) + 2 + 2 * (self.entries - 1)

    def _made(self, rivals: int) -> int:
        """Return what one table for some rivals counts, gaps apart."""
        return (2 * rivals + 1) * self.entries + (3 + 4 * self.queries * self.summed) * rivals

    def walked(self, rivals: int) -> int:
        """Return what preparing a walk counts, before its nodes."""
        return rivals * (2 * self.entries + 2 * sort_cost(self.cells))

    def moment(self, degrees: int) -> int:
        """Return what a moment counts that tells `degrees` numbers of rare tokens apart."""
        return 2 * self.rows * self.cells + 8 * self.places * degrees * self.states

    def grid(self, budget: int, cells: int, degrees: int) -> int:
        """Return what the exact count on a grid of `cells` cells counts."""
        return self.places * cells * (budget + 1) * self.states * degrees
