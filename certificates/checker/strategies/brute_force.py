"""Brute force: every input is evaluated, all rivals at once, and nothing is skipped.

Sequences that differ in one free token are evaluated side by side, in blocks of lanes, with the
highest bytes of the tables; all bytes are looked at only where these leave some rival a chance.
"""

from collections.abc import Iterator

from arithmetic.lanes import Lanes
from arithmetic.tally import Tally
from counting.separable import GapRows, Rows, Table, count_by_class
from counting.signs import Sequence, settled
from files.claims import Claim, Counts
from parts.tables import Tables

# Bytes of a coarse lane, and how many sequences are evaluated side by side.
COARSE, BLOCKS = 3, 8


def count_right(tables: Tables, witness: None, claim: Claim, tally: Tally) -> Counts:
    """Return how many sequences are right, at least and at most."""
    return count_by_class(tables, claim, tally, count_class)


def count_class(rows: Rows, tally: Tally) -> tuple[int, int]:
    """Return (certainly wrong, possibly wrong) inputs of the class.

    Theorem: T1 with upper and lower tables (T2). An input no rival reaches in the upper tables is
    right; one that a rival reaches in the lower tables is wrong; any other is settled exactly.
    """
    walk = _Enumeration(rows, tally)
    walk.walk((), rows.inputs.start)
    return walk.certain, walk.possible


class _Coarse:
    """A class's tables of entries x in few bits: floor(x / 2**s) + 1, which is above x / 2**s.

    Where a coarse sum is negative, the sum is. Lanes keep room: a sum of k entries x is within
    +-2**(width-2), see `GapRows`, so one of k coarse entries, or of fewer, is within
    +-(2**(8 COARSE - 2) + k), and k < 2**(8 COARSE - 2).
    """

    def __init__(self, table: Table, rows: GapRows) -> None:
        lanes, beside = (Lanes(rows.lanes.count * x, 8 * COARSE) for x in (1, BLOCKS))
        tops = [[rows.lanes.tops(x, COARSE) for x in row] for row in table]
        self.lanes, self.entries = lanes, [[_entry(lanes, [x]) for x in row] for row in tops]
        # What fills up the last block is not looked at.
        padded, ends = [row + row[-1:] * BLOCKS for row in tops], range(0, len(tops[0]), BLOCKS)
        self.blocks = [[_entry(beside, row[t : t + BLOCKS]) for t in ends] for row in padded]
        self.rivals = (lanes.ones ^ (1 << (lanes.width * rows.label))) << (lanes.width - 1)
        self.every_rival = self._beside(self.rivals)

    def _beside(self, vector: int) -> int:
        """Return copies of a vector of lanes >= 0 in every block."""
        data = vector.to_bytes(self.lanes.bytes * self.lanes.count, "little")
        return int.from_bytes(data * BLOCKS, "little")

    def suspects(self, prefix: Sequence, tokens: range, suffix: Sequence) -> Iterator[int]:
        """Yield those t of `tokens` for which (*prefix, t, *suffix) has a coarse sum >= 0."""
        block, place = self.lanes.width * self.lanes.count, len(prefix)
        others = (*enumerate(prefix), *enumerate(suffix, place + 1))
        rest = self._beside(sum(self.entries[i][t] for i, t in others) + self.lanes.offset)
        for index, entries in enumerate(self.blocks[place]):
            flags = (rest + entries) & self.every_rival
            for token in range(index * BLOCKS, (index + 1) * BLOCKS) if flags else ():
                if token in tokens and flags >> (block * (token % BLOCKS)) & self.rivals:
                    yield token


def _entry(lanes: Lanes, tops: list[bytes]) -> int:
    """Return the vector of floor(x / 2**s) + 1, from the highest bytes of the x."""
    return int.from_bytes(b"".join(tops), "little") - lanes.offset + lanes.ones


class _Enumeration:
    """The enumeration of one class, position by position, along its acceptor.

    Tokens count from the first of the gap rows.
    """

    def __init__(self, rows: Rows, tally: Tally) -> None:
        self.rows, self.levels, self.tally = rows, rows.inputs.acceptor.levels, tally
        gaps, self.lanes = rows.gaps, rows.gaps.lanes
        self.first, self.query = gaps.tokens.start, rows.inputs.query - gaps.tokens.start
        self.upper: Table = gaps.upper(rows.attention, tally)
        self.lower: Table = gaps.lower(rows.attention, tally)
        self.rivals, self.coarse = gaps.rivals, _Coarse(self.upper, gaps)
        self.certain = self.possible = 0

    def walk(self, prefix: Sequence, state: int) -> None:
        """Evaluate every input of the class that starts with `prefix`, after which is `state`."""
        left = len(self.levels) - len(prefix)
        if left == 0:
            self._charge(len(self.rows.gaps.tokens))
            self._decide((self.query,))
            return
        for target, span in self.levels[len(prefix)][state]:
            tokens = range(span.start - self.first, span.stop - self.first)
            following = self.levels[-1][target] if left == 2 else []
            if left == 1:
                self._evaluate(prefix, tokens, (self.query,))
            elif len(following) == 1 and len(following[0][1]) == 1:
                # Only one token ends these inputs: those before it are evaluated side by side.
                self._evaluate(prefix, tokens, (following[0][1][0] - self.first, self.query))
            else:
                for token in tokens:
                    self.walk((*prefix, token), target)

    def _charge(self, sequences: int) -> None:
        self.tally.charge(sequences * self.lanes.count * (len(self.upper) + 1))

    def _evaluate(self, prefix: Sequence, tokens: range, suffix: Sequence) -> None:
        """Evaluate (*prefix, t, *suffix) for each t of `tokens`."""
        self._charge(len(tokens))
        for token in self.coarse.suspects(prefix, tokens, suffix):
            self._decide((*prefix, token, *suffix))

    def _winners(self, table: Table, sequence: Sequence) -> int:
        """Return flags of the rivals that reach the sequence in the table."""
        total = sum(table[i][t] for i, t in enumerate(sequence))
        return self.lanes.signs(total) & self.rivals

    def _decide(self, sequence: Sequence) -> None:
        """Count a sequence, exactly if its tables leave it open; here all bits are looked at."""
        flags = self._winners(self.upper, sequence)
        if not flags:
            return
        self._charge(1)
        wins = may_win = bool(self._winners(self.lower, sequence))
        if not wins:
            tokens, gaps = tuple(t + self.first for t in sequence), self.rows.gaps
            rivals, bits = self.lanes.indices(flags), 2 * self.rows.attention.bits
            wins, may_win = settled(gaps.tables, tokens, gaps.label, rivals, bits, self.tally)
        self.certain += wins
        self.possible += may_win
