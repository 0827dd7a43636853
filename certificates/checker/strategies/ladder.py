"""The ladder: pools of queries first, then what survives in finer tables, then a count.

For each maximum m the witness gives a tree of pools. A pool clears every rival whose worst case is
negative (T3 on the tables of T8), and by thresholds (T9) further rivals query by query. What is
left goes to the pool's parts or is counted by groups of rivals (T4): by walking tuples of cells
(T7, T10), on a grid (T6) or by a moment (T5), with dangerous tokens set apart (T11). A class that
is not settled is given up: all of it counts as possibly wrong.
"""

from arithmetic.tally import Tally, sort_cost
from counting.branch import BranchAndCount, Rival
from counting.classes import completions, require_walkable
from counting.pools import Pool, Table, Terrain
from counting.tails import Tail, given_up
from files.claims import Claim, Counts
from parts.transformer import Model, PathTables, path_tables
from strategies.ladder_witness import RULES, WALKS, Group, Node, read_ladder

NAMES = (*RULES,)
Tables = dict[int, Table]
# For each rival the largest D[q,j] - D[q,m] at which T9 clears it; None if it clears it nowhere.
Stars = dict[int, int | None]


def count_right(model: Model, claim: Claim, tally: Tally) -> Counts:
    """Return how many sequences are right, at least and at most."""
    maxima = read_ladder(claim.witness, claim.strategy, model.shape)
    if model.shape.d_vocab == 1:
        return 1, 1  # No rival, and one input.
    ladder = Ladder(path_tables(model, claim.margin, tally), claim.precision, tally)
    ladder.climb(maxima)
    return claim.total - ladder.possible, claim.total - ladder.certain


class Ladder:
    """Adds up the wrong sequences of each class, certainly and possibly, along a witness."""

    def __init__(self, tables: PathTables, bits: int, tally: Tally) -> None:
        self.tables, self.tally = tables, tally
        self.terrain = Terrain(tables, bits, tally)
        self.places = tables.shape.n_ctx - 1
        self.certain = self.possible = 0

    def climb(self, maxima: list[list[Node]]) -> None:
        """Count all classes; those of a maximum below the first that is listed are given up."""
        v = self.tables.shape.d_vocab
        first = v - len(maxima)
        self.possible += first ** (self.places + 1)
        for m, nodes in enumerate(maxima, start=first):
            self.terrain.gaps.clear()
            self._split(m, range(m + 1), nodes, {j: None for j in range(v) if j != m})

    def _split(self, m: int, queries: range, parts: list[Node], stars: Stars) -> None:
        """Count the parts of a pool; a query outside them is given up unless all is cleared."""
        for part in parts:
            self._pool(m, part, self.left(m, part.queries, stars))
        inside = {q for part in parts for q in part.queries}
        starless = all(star is None for star in stars.values())
        for q in queries:
            if q not in inside and (stars if starless else self.left(m, range(q, q + 1), stars)):
                self.possible += self._size(m, range(q, q + 1))

    def left(self, m: int, queries: range, stars: Stars) -> list[int]:
        """Return the rivals that T9 leaves: it clears j if D[q,j]-D[q,m] <= stars[j] for all q."""
        rows = self.tables.direct[queries.start : queries.stop]
        starred = {j: star for j, star in stars.items() if star is not None}
        self.tally.charge(2 * len(rows) * len(starred))
        cleared = {j for j, star in starred.items() if all(r[j] - r[m] <= star for r in rows)}
        return [j for j in stars if j not in cleared]

    def _size(self, m: int, queries: range) -> int:
        """Return the size of one class (q, m), the same for each q of the range."""
        return completions(self.places, m, queries[-1] == m)

    def _pool(self, m: int, node: Node, rivals: list[int]) -> None:
        """Count the pool's classes, with the rivals that may win there."""
        if not rivals or not self._size(m, node.queries):
            return
        pool, uppers = self.survivors(m, node, rivals)
        if node.groups and uppers:
            self._count(pool, node, uppers)
        else:
            self._split(m, node.queries, node.parts, self.stars(pool, node, uppers))

    def survivors(self, m: int, node: Node, rivals: list[int]) -> tuple[Pool, Tables]:
        """Return the pool, and the upper tables of the rivals that its worst case leaves.

        T3: a rival whose largest sum is negative wins nowhere in the pool's classes.
        """
        pool = Pool(self.terrain, m, node.queries, node.near, apart=node.apart)
        for span in node.together:
            self.tally.charge(len(rivals))
            group = [j for j in rivals if j in span]
            if group and pool.worst(pool.table(group, up=True)) < 0:
                rivals = [j for j in rivals if j not in span]
        uppers = {j: pool.table([j], up=True) for j in rivals}
        return pool, {j: table for j, table in uppers.items() if pool.worst(table) >= 0}

    def stars(self, pool: Pool, node: Node, uppers: Tables) -> Stars:
        """Return the thresholds at which T9 clears the rivals that are left."""
        stars: Stars = dict.fromkeys(uppers)
        for j in uppers.keys() & node.thresholds.keys():
            star = self.tables.one * node.thresholds[j] >> 10
            if pool.worst(pool.table([j], up=True, direct=star)) < 0:
                stars[j] = star
        return stars

    def _count(self, pool: Pool, node: Node, uppers: Tables) -> None:
        """Count by groups (T4), never more than the class, for each query of the pool alike."""
        size, left, certain = self._size(pool.maximum, pool.queries), set(uppers), 0
        marked = {token - pool.far + (pool.far > 0) for token in node.marked}
        tail = Tail(pool.sizes, marked, node.most, self.tally, holds=pool.holds)
        lost = given_up(pool.maximum, self.places, pool.holds, len(marked), node.most)
        for group in node.groups:
            live = {j: uppers[j] for j in group.rivals if j in uppers}
            if live:
                count = self._walk if group.rule in WALKS else self._tail
                low, high = count(pool, tail, group, live)
                certain, lost = max(certain, low), lost + high
                left -= live.keys() if group.rule != "below" else set()
        self.certain += certain * len(pool.queries)
        self.possible += (size if left else min(size, lost)) * len(pool.queries)

    def _walk(self, pool: Pool, tail: Tail, group: Group, live: Tables) -> Counts:
        """Count the tuples of cells that some rival wins (T10), from below as well for `both` (T7).

        One-sided, the upper tables stand in for the lower ones: what they call wrong counts.
        """
        require_walkable(self.places + 1)
        both, rivals = group.rule == "both", []
        for j, table in live.items():
            self.tally.charge(2 * (table.size + sort_cost(len(pool.sizes)) + (self.places**2 >> 9)))
            lower = pool.table([j], up=False) if both else table
            low, high = ([*pool.spread(side.rows), [side.own]] for side in (lower, table))
            rivals.append(Rival(j, low, high, 0))
        walk = BranchAndCount(pool.sizes, self.places, rivals, self.tally, holds=pool.holds)
        certain, possible = walk.count()
        return certain if both else 0, possible

    def _tail(self, pool: Pool, tail: Tail, group: Group, live: Tables) -> Counts:
        """Count by T5 or T6: one table above those of all rivals, or each from below (`below`)."""
        if group.rule == "below":
            free = Tail(pool.sizes, set(), 0, self.tally, holds=pool.holds)
            lower = [pool.table([j], up=False) for j in live]
            counts = [free.count(t.own, pool.spread(t.rows), group.rate, up=False) for t in lower]
            return max(counts), 0
        table, grid = pool.table(list(live), up=True), group.rule == "grid"
        return 0, tail.count(table.own, pool.spread(table.rows), group.rate, exact=grid)
