"""T5, T6 and T11: count the sequences of a class whose sum is >= 0 without walking them.

Entries are first put on a grid: I = ceil(rate x / worst), worst being the largest sum. Then a
product over the positions runs through two marks: whether m has occurred, and how many tokens of a
set X. On the grid (T6) the product is one of polynomials in z, exact; as a moment (T5) z stands for
2**(1/1024), and each number is rounded up.
"""

from collections.abc import Callable
from functools import cache
from math import comb, isqrt

from arithmetic.matrices import Rows
from arithmetic.tally import Tally
from counting.classes import completions

STEPS = 1024
UNIT = 96
Terms = list[tuple[int, int]]


def given_up(maximum: int, places: int, holds: bool, marked: int, most: int) -> int:
    """Return how many sequences of the class hold more than `most` of the `marked` tokens (T11)."""
    lost = completions(places, maximum, holds)
    for count in range(min(most, places) + 1):
        others = completions(places - count, maximum - marked, holds)
        lost -= comb(places, count) * marked**count * others
    return lost


class Tail:
    """How sequences of one class are counted: sizes of cells (m last), marked cells, and q = m.

    `count` returns the number of sequences, at most `most` of whose free tokens are marked, for
    which own + sum of entries >= 0: with `up` at least that number, else (exact grid) at most.
    """

    def __init__(
        self, sizes: list[int], marked: set[int], most: int, tally: Tally, *, holds: bool
    ) -> None:
        # Where no marked token may occur, its cell is left out.
        self.cells = [cell for cell in range(len(sizes)) if most or cell not in marked]
        # Plain cells are of kind 0, marked ones of kind 1, and the cell of m of kind 2.
        self.kinds = [*(int(cell in marked) for cell in range(len(sizes) - 1)), 2]
        self.sizes, self.marked, self.most = sizes, marked, most
        self.holds, self.tally = holds, tally

    def count(self, own: int, rows: Rows, rate: int, *, exact: bool = True, up: bool = True) -> int:
        """Return the number of sequences, on the grid (exact) or bounded by a moment."""
        distinct = {id(row): [row[cell] for cell in self.cells] for row in rows}
        self.tally.charge(2 + 2 * sum(map(len, distinct.values())) + 4 * max(len(rows) - 20, 0))
        ends = [own, *(max(distinct[id(row)]) for row in rows)]
        worst, sign = sum(ends), -1 if up else 1

        def on_grid(x: int) -> int:
            return sign * (sign * x * rate // max(worst, 1))

        budget = sum(map(on_grid, ends))
        if worst < 0 or budget < 0:
            return 0
        parts = {key: self._parts(list(map(on_grid, row))) for key, row in distinct.items()}
        positions = [parts[id(row)] for row in rows]
        return self._on_grid(positions, budget) if exact else self._moment(positions, budget)

    def _parts(self, row: list[int]) -> list[Terms]:
        """Return (distance from the top, tokens) of the plain cells, the marked ones, and m's."""
        parts: list[Terms] = [[], [], []]
        top = max(row)
        for entry, cell in zip(row, self.cells, strict=True):
            parts[self.kinds[cell]].append((top - entry, self.sizes[cell]))
        return parts

    def _on_grid(self, positions: list[list[Terms]], budget: int) -> int:
        """Return the number of ways to a distance of at most `budget` in all."""
        width = sum(self.sizes).bit_length() * len(positions) + 2
        mask = (1 << (width * (budget + 1))) - 1

        def times(value: int, terms: Terms) -> int:
            self.tally.charge(max(4, len(terms) * (budget + 1) * (1 + width // 512)))
            return sum((value << (width * d)) * size for d, size in terms if d <= budget) & mask

        total: int = self._product(positions, times)
        # All lanes together count no more than all sequences, so their sum fits one lane.
        return total % ((1 << width) - 1)

    def _moment(self, positions: list[list[Terms]], budget: int) -> int:
        """Return the product of sum of 2**(-distance/1024), times 2**(budget/1024), rounded up."""
        powers = _powers()
        sums: dict[int, int] = {}
        for terms in {id(t): t for parts in positions for t in parts}.values():
            self.tally.charge(2 * len(terms))
            ends = [(size, powers[-d % STEPS] >> -(-d // STEPS)) for d, size in terms]
            sums[id(terms)] = sum(size * (power + 1) for size, power in ends)

        def times(value: int, terms: Terms) -> int:
            self.tally.charge(2 + UNIT * len(positions) // 4096)
            return value * sums[id(terms)]

        total: int = self._product(positions, times) * powers[budget % STEPS]
        return total << budget // STEPS >> UNIT * (len(positions) + 1)

    def _product(self, positions: list[list[Terms]], times: Callable[[int, Terms], int]) -> int:
        """Return the sum over all sequences that hold m, with at most `most` marked tokens."""
        state = {(self.holds, 0): 1}
        for plain, marked, top in positions:
            following: dict[tuple[bool, int], int] = {}
            for (holds, marks), value in state.items():
                kept, more, held = (holds, marks), (holds, marks + 1), (True, marks)
                for key, terms in ((kept, plain), (more, marked), (held, top)):
                    if terms and key[1] <= self.most:
                        following[key] = following.get(key, 0) + times(value, terms)
            state = following
        return sum(value for (holds, _), value in state.items() if holds)


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
