"""T5, T6 and T11: count the inputs of a class whose sum is >= 0 without walking them.

Entries are first put on a grid: I = ceil(rate x / worst), worst being the largest sum. Then a
product over the positions runs along the class's acceptor, times a counter of rare tokens. On the
grid (T6) the product is one of polynomials in z, exact; as a moment (T5) z stands for 2**(1/1024),
and each number is rounded up.
"""

from collections.abc import Callable, Iterable
from functools import cache
from math import isqrt
from typing import TypeVar

from arithmetic.matrices import Rows
from arithmetic.tally import Tally
from counting.cells import Cells

R = TypeVar("R")
T = TypeVar("T")
STEPS = 1024
UNIT = 96
Terms = list[tuple[int, int]]
Group = tuple[int, ...]
# For a position and a state: next state, rare tokens read, and the cells that lead there.
Step = tuple[int, int, Group]


class Tail:
    """How the inputs of one class are counted: by cells, some of which hold a rare token.

    `count` returns the number of inputs, at most `at_most` of whose free tokens are rare, for which
    own + sum of entries >= 0: with `up` at least that number, else (exact grid) at most.
    """

    def __init__(self, cells: Cells, rare: set[int], at_most: int, tally: Tally) -> None:
        self.sizes, self.start, self.at_most, self.tally = cells.sizes, cells.start, at_most, tally
        # Where no rare token may occur, its cell is left out.
        self.cells = [cell for cell in range(len(cells.tokens)) if at_most or cell not in rare]
        self.steps = [[self._split(row, rare) for row in moves] for moves in cells.moves]
        # All inputs together are no more than the product of the positions' tokens.
        self.width = sum(_tokens(self.sizes, span).bit_length() for span in cells.present) + 2
        # T11 gives up the inputs that hold more rare tokens.
        few = cells.inputs if not rare else self._product([self.sizes], _tokens, int.__mul__)
        self.given_up = cells.inputs - few

    def _split(self, moves: list[tuple[int, range]], rare: set[int]) -> list[Step]:
        """Return the moves of a state by next state, rare cells apart."""
        found: dict[tuple[int, int], list[int]] = {}
        for target, cells in moves:
            for cell in cells:
                found.setdefault((target, int(cell in rare)), []).append(cell)
        return [(*key, tuple(cells)) for key, cells in found.items() if self.at_most or not key[1]]

    def count(self, own: int, rows: Rows, rate: int, *, exact: bool = True, up: bool = True) -> int:
        """Return the number of inputs, on the grid (exact) or bounded by a moment.

        There is a row for each position, or one for all.
        """
        rows = [[row[cell] for cell in self.cells] for row in rows]
        self.tally.charge(2 + 2 * sum(map(len, rows)) + 4 * max(len(self.steps) - 20, 0))
        tops = [own, *self._everywhere([max(row, default=0) for row in rows])]
        worst, sign = sum(tops), -1 if up else 1

        def on_grid(x: int) -> int:
            return sign * (sign * x * rate // max(worst, 1))

        budget = sum(map(on_grid, tops))
        if worst < 0 or budget < 0:
            return 0
        far = [self._distances(list(map(on_grid, row))) for row in rows]
        return self._on_grid(far, budget) if exact else self._moment(far, budget)

    def _everywhere(self, rows: list[T]) -> list[T]:
        """Return what is known of each row, for each position."""
        return rows * (len(self.steps) // max(len(rows), 1))

    def _distances(self, row: list[int]) -> dict[int, int]:
        """Return each cell's distance from the top of its row."""
        top = max(row, default=0)
        return {cell: top - entry for cell, entry in zip(self.cells, row, strict=True)}

    def _on_grid(self, far: list[dict[int, int]], budget: int) -> int:
        """Return the number of ways to a distance of at most `budget` in all."""
        width = self.width
        mask = (1 << (width * (budget + 1))) - 1

        def terms(far: dict[int, int], cells: Group) -> Terms:
            return [(far[cell], self.sizes[cell]) for cell in cells]

        def times(value: int, terms: Terms) -> int:
            self.tally.charge(max(4, len(terms) * (budget + 1) * (1 + width // 512)))
            return sum((value << (width * d)) * size for d, size in terms if d <= budget) & mask

        total = self._product(far, terms, times)
        # All lanes together count no more than all inputs, so their sum fits one lane.
        return total % ((1 << width) - 1)

    def _moment(self, far: list[dict[int, int]], budget: int) -> int:
        """Return the product of sum of 2**(-distance/1024), times 2**(budget/1024), rounded up."""
        powers, places = _powers(), len(self.steps)
        self.tally.charge(2 * sum(map(len, far)))

        def moment(far: dict[int, int], cells: Group) -> int:
            ends = [(self.sizes[c], powers[-far[c] % STEPS] >> -(-far[c] // STEPS)) for c in cells]
            return sum(size * (power + 1) for size, power in ends)

        def times(value: int, moment: int) -> int:
            self.tally.charge(2 + UNIT * places // 4096)
            return value * moment

        total = self._product(far, moment, times) * powers[budget % STEPS]
        return total << budget // STEPS >> UNIT * (places + 1)

    def _product(
        self, rows: list[R], factor: Callable[[R, Group], T], times: Callable[[int, T], int]
    ) -> int:
        """Return the sum over the inputs with at most `at_most` rare tokens, factor by factor.

        A factor is made of a row and a group of cells.
        """
        groups = {cells for moves in self.steps for row in moves for _, _, cells in row}
        made = [{cells: factor(row, cells) for cells in groups} for row in rows]
        state = {(self.start, 0): 1}
        for factors, moves in zip(self._everywhere(made), self.steps, strict=True):
            following: dict[tuple[int, int], int] = {}
            for (source, seen), value in state.items():
                for target, rare, cells in moves[source]:
                    key = target, seen + rare
                    if key[1] <= self.at_most:
                        following[key] = following.get(key, 0) + times(value, factors[cells])
            state = following
        return sum(state.values())


def _tokens(sizes: list[int], cells: Iterable[int]) -> int:
    """Return how many tokens are in some cells."""
    return sum(sizes[cell] for cell in cells)


@cache
def _powers() -> list[int]:
    """Return for i = 0..1023 an integer >= 2**(i/1024) in units of 2**-UNIT, tight to 2**-80."""
    root = 2 << UNIT
    for _ in range(10):
        root = isqrt(root << UNIT) + 1
    powers = [1 << UNIT]
    while len(powers) < STEPS:
        powers.append((powers[-1] * root >> UNIT) + 1)
    return powers
