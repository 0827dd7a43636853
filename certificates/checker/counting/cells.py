"""A class over cells (T10): sets of tokens that its acceptor treats alike, with one entry each."""

from bisect import bisect_left
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from files.witness import demand
from tasks.acceptors import Arc, Class

Moves = list[Arc]


class Cells(NamedTuple):
    """The cells of a class and what they lead to.

    `tokens` are the cells' tokens, ascending, and `sizes` how many they are. `moves[i][s]` are
    pairs (next state, cells) for position i in state s; `left[i][s]` is the number of completions,
    counted in tokens. `present` are the cells that some input has at a position, as a range around
    them. `atoms` are the ranges of cells that no move divides, and `steps` the moves over atoms.
    """

    tokens: list[range]
    sizes: list[int]
    start: int
    moves: list[list[Moves]]
    left: list[list[int]]
    present: list[range]
    atoms: list[range]
    steps: list[list[Moves]]

    @property
    def inputs(self) -> int:
        """How many inputs the class holds."""
        return self.left[0][self.start]

    @property
    def arcs(self) -> int:
        """How many moves there are."""
        return sum(len(row) for level in self.moves for row in level)

    def largest_sum(
        self, own: int, tops: list[list[int]], largest: Callable[[list[int]], int]
    ) -> int:
        """Return the largest sum over the class of `own` and one entry a position (T3).

        `tops[i]` are the largest entries of each atom at position i. `largest` takes the largest of
        several: of numbers, or of vectors lane by lane.
        """
        best = {self.start: own}
        for top, moves in zip(tops, self.steps, strict=True):
            sums: dict[int, list[int]] = {}
            for state, value in best.items():
                for target, atoms in moves[state]:
                    entry = largest(top[atoms.start : atoms.stop])
                    sums.setdefault(target, []).append(value + entry)
            best = {state: largest(values) for state, values in sums.items()}
        return best[0]


def cells_of(inputs: Class, shared: list[range]) -> Cells:
    """Return the class with the tokens of each of the `shared` ranges in one cell.

    All other tokens of the class are cells of their own. Theorem (T10): a cell has equal arcs at
    every level, missing ones included; a witness with others is refused.
    """
    levels = _reached(inputs)
    spans = {(span.start, span.stop) for level in levels for row in level for _, span in row}
    for cell in shared:
        demand(_together(cell, spans), f"the tokens {cell[0]} to {cell[-1]} are not alike.")
    tokens = _cut(spans, shared)
    moves = _among(tokens, levels)
    held = [[cells for row in level for _, cells in row] for level in moves]
    present = [range(min(x.start for x in xs), max(x.stop for x in xs)) for xs in held]
    ends = {end for xs in held for cells in xs for end in (cells.start, cells.stop)}
    atoms = [range(*pair) for pair in pairwise(sorted(ends))]
    sizes, left = list(map(len, tokens)), inputs.acceptor.sizes
    return Cells(tokens, sizes, inputs.start, moves, left, present, atoms, _among(atoms, moves))


def _reached(inputs: Class) -> list[list[Moves]]:
    """Return the acceptor's arcs by level and state, none for states outside of the class."""
    levels, states = [], {inputs.start}
    for level in inputs.acceptor.levels:
        levels.append([row if state in states else [] for state, row in enumerate(level)])
        states = {target for row in levels[-1] for target, _ in row}
    return levels


def _among(parts: list[range], levels: list[list[Moves]]) -> list[list[Moves]]:
    """Return the moves with the range of parts that lie in a move's range in place of it."""
    starts = [part.start for part in parts]

    def within(span: range) -> range:
        return range(bisect_left(starts, span.start), bisect_left(starts, span.stop))

    return [[[(target, within(span)) for target, span in row] for row in level] for level in levels]


def _together(cell: range, spans: set[tuple[int, int]]) -> bool:
    """Return whether every arc holds all tokens of the cell or none, and some arc holds them."""
    inside = [a <= cell.start and cell.stop <= b for a, b in spans]
    outside = [b <= cell.start or cell.stop <= a for a, b in spans]
    return any(inside) and all(map(int.__or__, inside, outside))


def _cut(spans: set[tuple[int, int]], shared: list[range]) -> list[range]:
    """Return the shared ranges, and all other tokens one by one, in ascending order."""
    held, cells, reached = {token for cell in shared for token in cell}, [*shared], 0
    for start, stop in sorted(spans):
        tokens = range(max(start, reached), stop)
        cells += [range(token, token + 1) for token in tokens if token not in held]
        reached = max(reached, stop)
    return sorted(cells, key=lambda cell: cell.start)
