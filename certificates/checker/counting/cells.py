"""A class over cells (T10): sets of tokens that its acceptor treats alike, with one entry each."""

from bisect import bisect_left
from itertools import pairwise
from typing import NamedTuple

from files.witness import demand
from tasks.acceptors import Arc, Class

Moves = list[tuple[int, range]]


class Cells(NamedTuple):
    """The cells of a class and what they lead to.

    `tokens` are the cells' tokens, ascending. `moves[i][s]` are pairs (next state, cells) for
    position i in state s; `left[i][s]` is the number of completions, counted in tokens. `present`
    are the cells that some input has at a position, as a range around them. `atoms` are the ranges
    of cells that no move divides.
    """

    tokens: list[range]
    start: int
    moves: list[list[Moves]]
    left: list[list[int]]
    present: list[range]
    atoms: list[range]

    @property
    def sizes(self) -> list[int]:
        """How many tokens each cell holds."""
        return list(map(len, self.tokens))

    @property
    def steps(self) -> list[list[Moves]]:
        """The moves with ranges of atoms in place of cells."""
        starts = [atom.start for atom in self.atoms]

        def among(cells: range) -> range:
            return range(bisect_left(starts, cells.start), bisect_left(starts, cells.stop))

        return [[[(t, among(cells)) for t, cells in row] for row in level] for level in self.moves]

    @property
    def inputs(self) -> int:
        """How many inputs the class holds."""
        return self.left[0][self.start]


def cells_of(inputs: Class, shared: list[range]) -> Cells:
    """Return the class with the tokens of each of the `shared` ranges in one cell.

    All other tokens of the class are cells of their own. Theorem (T10): a cell has equal arcs at
    every level, missing ones included; a witness with others is refused.
    """
    levels, alive = inputs.acceptor.levels, _alive(inputs)
    rows = [
        row
        for level, states in zip(levels, alive, strict=True)
        for row in map(level.__getitem__, states)
    ]
    arcs = [arc for row in rows for arc in row]
    for cell in shared:
        demand(_together(cell, arcs), f"the tokens {cell[0]} to {cell[-1]} are not alike.")
    tokens = _cut(_union([arc.tokens for arc in arcs]), shared)
    starts = [cell.start for cell in tokens]

    def within(span: range) -> range:
        return range(bisect_left(starts, span.start), bisect_left(starts, span.stop))

    moves: list[list[Moves]] = []
    for level, states in zip(levels, alive, strict=True):
        kept = [row if state in states else [] for state, row in enumerate(level)]
        moves.append([[(arc.target, within(arc.tokens)) for arc in row] for row in kept])
    spans = [[span for row in level for _, span in row] for level in moves]
    present = [range(min(x.start for x in xs), max(x.stop for x in xs)) for xs in spans]
    ends = {end for rows in moves for row in rows for _, x in row for end in (x.start, x.stop)}
    atoms = [range(*pair) for pair in pairwise(sorted(ends))]
    return Cells(tokens, inputs.start, moves, inputs.acceptor.sizes, present, atoms)


def _alive(inputs: Class) -> list[set[int]]:
    """Return the states of each level that the class reaches."""
    alive, reached = [], {inputs.start}
    for level in inputs.acceptor.levels:
        alive.append(reached)
        reached = {arc.target for state in reached for arc in level[state]}
    return alive


def _together(cell: range, arcs: list[Arc]) -> bool:
    """Return whether every arc holds all tokens of the cell or none, and some arc holds them."""
    spans = {(arc.tokens.start, arc.tokens.stop) for arc in arcs}
    inside = [a <= cell.start and cell.stop <= b for a, b in spans]
    outside = [b <= cell.start or cell.stop <= a for a, b in spans]
    return any(inside) and all(map(int.__or__, inside, outside))


def _union(spans: list[range]) -> list[range]:
    """Return the tokens of all ranges as ascending ranges with gaps between them."""
    joined: list[range] = []
    for start, stop in sorted({(span.start, span.stop) for span in spans}):
        if joined and start <= joined[-1].stop:
            stop = max(stop, joined[-1].stop)
            start = joined.pop().start
        joined.append(range(start, stop))
    return joined


def _cut(spans: list[range], shared: list[range]) -> list[range]:
    """Return the shared ranges, and all other tokens one by one, in ascending order."""
    ends = [-1, *(end for cell in shared for end in (cell.start, cell.stop)), 2**63]
    single = [range(stop, start) for stop, start in list(pairwise(ends))[::2]]
    alone = [
        range(token, token + 1)
        for span in spans
        for gap in single
        for token in range(max(span.start, gap.start), min(span.stop, gap.stop))
    ]
    return sorted([*shared, *alone], key=lambda cell: cell.start)
