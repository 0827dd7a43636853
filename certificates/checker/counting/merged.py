"""T18, the merged walk: the inputs of a class that some rival wins, counted by atoms.

An atom is the rivals' sums so far, a state of the acceptor, and how many ways lead there. Atoms of
one state are merged to a few, each with the largest sums and all the ways of those it stands for:
with upper tables the count never falls by that. With lower tables the smallest sums are kept, and
it never rises. Which atoms are merged decides how good the count is, and nothing else.
"""

from functools import reduce
from heapq import heapify, heappop, heappush
from itertools import count as numbers
from typing import NamedTuple

from arithmetic.lanes import Lanes
from arithmetic.tally import Tally, sort_cost
from counting.cells import Cells
from counting.pools import Table

# Bits behind the point of the logarithm by which atoms are compared.
LOGARITHM = 20


class Atom(NamedTuple):
    """Sums of all rivals in lanes, and a number of ways."""

    sums: int
    ways: int


class Limits(NamedTuple):
    """How many atoms of a state, and cells of a move, are kept apart."""

    atoms: int
    cells: int


Levels = list[tuple[int, ...]]
Marked = list[tuple[tuple[int, ...], Atom]]


class MergedWalk:
    """Counts the inputs of a class that some rival wins, at least (up) or at most.

    `tables` are the rivals' upper (up) or lower ones, with a row for each position, `axes` the
    places among them of those whose sums decide what is merged, and `reference` the cell whose
    entries tell small sums from large ones.
    """

    def __init__(
        self, cells: Cells, tables: list[Table], axes: list[int], reference: int, tally: Tally
    ) -> None:
        self.cells, self.tables, self.axes, self.tally = cells, tables, axes, tally
        size = sum(map(len, tables[0].rows)) + 1
        tally.charge(6 * size * len(tables))
        # Both ends of what can follow are folds; as many arcs as two states have are in the above.
        visited = sum(len(span) for level in cells.moves for row in level for _, span in row)
        tally.charge(2 * (len(tables) + 4) * max(visited - 2 * size, 0))
        own = max(abs(table.own) for table in tables)
        rows = zip(*(table.rows for table in tables), strict=True)
        tops = [max(abs(x) for row in each for x in row) for each in rows]
        # A sum of all, and the difference of two such: what `maximum` forms.
        self.lanes = Lanes(len(tables), (own + sum(tops)).bit_length() + 3)
        self.units = [
            max([1, *(abs(row[reference]) for row in tables[a].rows[:1] if row)]) for a in axes
        ]

    def count(self, limits: Limits, *, up: bool) -> int:
        """Return the count, with at most so many atoms of each state after each position."""
        tables, total = self.tables, 0
        least, most = (self._ends(low) for low in (True, False))
        start = Atom(self.lanes.pack([table.own for table in tables]), 1)
        states = {self.cells.start: [start]}
        for place, moves in enumerate(self.cells.moves):
            following: dict[int, list[Atom]] = {}
            for state, atoms in states.items():
                if not atoms:
                    continue
                for target, cells in moves[state]:
                    entries = self._entries(place, cells, limits.cells, up)
                    ends = least[place + 1][target], most[place + 1][target]
                    self.tally.charge(
                        len(atoms) * len(entries) * (3 * len(tables) + len(self.axes))
                    )
                    won, kept = self._extended(atoms, entries, ends, up)
                    total += won * self.cells.left[place + 1][target]
                    following.setdefault(target, []).extend(kept)
            states = {s: self._merged(atoms, limits.atoms, up) for s, atoms in following.items()}
        # Without free positions nothing was extended; else no sum is open at the end.
        return total + sum(
            atom.ways for atoms in states.values() for atom in atoms if self._wins(atom.sums)
        )

    def _wins(self, sums: int) -> bool:
        """Say whether some rival's sum is >= 0."""
        return self.lanes.signs(sums) != 0

    def _extended(
        self, atoms: list[Atom], entries: list[Atom], ends: tuple[int, int], up: bool
    ) -> tuple[int, list[Atom]]:
        """Extend atoms by entries: the ways that win whatever follows, and the atoms that may.

        `ends` are the least and the most that the positions left can add.
        """
        (least, most), lanes, won = ends, self.lanes, 0
        # What is too small to win is raised until it only just cannot: so it hinders no merging.
        floor = -most - lanes.ones
        kept = []
        for atom in atoms:
            for entry in entries:
                sums, ways = atom.sums + entry.sums, atom.ways * entry.ways
                if lanes.signs(sums + least):
                    won += ways
                elif flags := lanes.signs(sums + most):
                    lifted = up and flags != lanes.ones
                    kept.append(Atom(lanes.maximum(sums, floor) if lifted else sums, ways))
        return won, kept

    def _entries(self, place: int, cells: range, most: int, up: bool) -> list[Atom]:
        """Return the entries of some cells at a position, at most so many, with their tokens."""
        rows = [table.rows[place] for table in self.tables]
        self.tally.charge(len(cells) * len(rows))
        entries = []
        for cell in cells:
            column = self.lanes.pack([row[cell] for row in rows])
            entries.append(Atom(column, self.cells.sizes[cell]))
        return self._merged(entries, most, up)

    def _ends(self, low: bool) -> list[list[int]]:
        """Return the least or the most that positions i.. can add, by state, in lanes (T3)."""
        lanes, sign = self.lanes, -1 if low else 1
        ends = [[0]]
        for place in reversed(range(len(self.cells.moves))):
            rows = [table.rows[place] for table in self.tables]
            packed = [sign * lanes.pack(column) for column in zip(*rows, strict=True)]
            found = []
            for moves in self.cells.moves[place]:
                terms = [packed[c] + sign * ends[-1][to] for to, span in moves for c in span]
                found.append(sign * reduce(lanes.maximum, terms) if terms else 0)
            ends.append(found)
        return ends[::-1]

    def _merged(self, atoms: list[Atom], limit: int, up: bool) -> list[Atom]:
        """Return at most `limit` atoms, each of which stands for several.

        The list is cut where it saves most, again and again; then each part is one atom.
        """
        if len(atoms) <= limit:
            return atoms
        marked = [(self._levels(atom.sums, up), atom) for atom in atoms]
        number = numbers()
        parts = [(*self._cut(marked), next(number))]
        heapify(parts)
        while len(parts) < limit and parts[0][0]:
            _, cut, part, _ = heappop(parts)
            for side in (part[:cut], part[cut:]):
                gain, where, ordered = self._cut(side)
                heappush(parts, (gain, where, ordered, next(number)))
        return [self._one([atom for _, atom in part], up) for _, _, part, _ in parts]

    def _levels(self, sums: int, up: bool) -> tuple[int, ...]:
        """Return the logarithms of an atom's sums on the axes, negated where sums are lowered."""
        raised, half, width = sums + self.lanes.offset, self.lanes.half, self.lanes.width
        axes = [(raised >> width * a & 2 * half - 1) - half for a in self.axes]
        levels = map(level, axes, self.units)
        return tuple(levels) if up else tuple(-x for x in levels)

    def _cut(self, part: Marked) -> tuple[int, int, Marked]:
        """Return what a cut of a part saves, negated, where to cut it, and the part in order.

        The axis is the one on which merging the part raises sums most. Of the ways after the cut
        each saves the distance between the two tops.
        """
        self.tally.charge(2 * len(self.axes) * len(part) + sort_cost(len(part)) + 2 * len(part))
        columns = list(zip(*(levels for levels, _ in part), strict=True))
        ways = [atom.ways for _, atom in part]
        total = sum(ways)
        raised = [
            max(x) * total - sum(map(int.__mul__, x, ways)) if len(part) > 1 else 0 for x in columns
        ]
        if not any(raised):
            return 0, 0, part
        axis = raised.index(max(raised))
        ordered = sorted(part, key=lambda marked: -marked[0][axis])
        top, gain, where = ordered[0][0][axis], 0, 0
        for place, (levels, atom) in enumerate(ordered):
            if total * (top - levels[axis]) > gain:
                gain, where = total * (top - levels[axis]), place
            total -= atom.ways
        return -gain, where, ordered

    def _one(self, atoms: list[Atom], up: bool) -> Atom:
        """Return the atom with the largest sums of several, or the smallest, and all their ways."""
        if len(atoms) == 1:
            return atoms[0]
        self.tally.charge(3 * len(atoms) * len(self.tables))
        ways = sum(atom.ways for atom in atoms)
        sign = 1 if up else -1
        return Atom(sign * reduce(self.lanes.maximum, [sign * atom.sums for atom in atoms]), ways)


def level(x: int, unit: int) -> int:
    """Return about log2(1 + |x| / unit) with the sign of x, in 2**-LOGARITHM: linear in between."""
    scaled = ((abs(x) + unit) << LOGARITHM) // unit
    whole = scaled.bit_length() - 1 - LOGARITHM
    found = (whole << LOGARITHM) + (scaled >> whole) - (1 << LOGARITHM)
    return found if x >= 0 else -found
