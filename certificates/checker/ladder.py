"""The ladder: pools of queries first, then what survives in finer tables, then a count.

For each maximum m the witness gives a tree of pools. A pool clears every rival whose worst case is
negative (T3 on the tables of T8), and by thresholds (T9) further rivals query by query. What is
left goes to the pool's parts or is counted by groups of rivals (T4): by walking tuples of cells
(T7, T10), on a grid (T6) or by a moment (T5), with dangerous tokens set apart (T11). A class that
is not settled is given up: all of it counts as possibly wrong.
"""

from branch import BranchAndCount, Rival
from claims import Claim
from classes import completions, require_walkable
from ladder_witness import WALKS, Group, LadderWitness, Node, read_ladder
from pools import Pool, Table, Terrain
from tails import Tail, given_up
from tally import Tally, sort_cost
from transformer import Model, PathTables, path_tables

Wrong = tuple[int, int]


def count_right(model: Model, claim: Claim, tally: Tally) -> Wrong:
    """Return how many sequences are right, at least and at most."""
    witness = read_ladder(claim.witness, claim.strategy, model.shape)
    if model.shape.d_vocab == 1:
        return 1, 1  # No rival, and one input.
    tables = path_tables(model, claim.margin, tally)
    certain, possible = Ladder(tables, claim.precision, tally).wrong(witness)
    return claim.total - possible, claim.total - certain


class Ladder:
    """Counts the wrong sequences of each class, certainly and possibly, along a witness."""

    def __init__(self, tables: PathTables, bits: int, tally: Tally) -> None:
        self.tables, self.tally = tables, tally
        self.terrain = Terrain(tables, bits, tally)
        self.places = tables.shape.n_ctx - 1

    def wrong(self, witness: LadderWitness) -> Wrong:
        """Return (certainly wrong, possibly wrong) sequences of all classes."""
        certain, possible = 0, witness.first ** (self.places + 1)
        for m, nodes in enumerate(witness.maxima, start=witness.first):
            self.terrain.gaps.clear()
            rivals = [j for j in range(self.tables.shape.d_vocab) if j != m]
            low, high = self._split(m, range(m + 1), nodes, rivals, {})
            certain += low
            possible += high
        return certain, possible

    def _size(self, m: int, queries: range) -> int:
        """Return the size of one class (q, m), the same for each q of the range."""
        return completions(self.places, m, queries[-1] == m)

    def _split(
        self, m: int, queries: range, parts: list[Node], rivals: list[int], stars: dict[int, int]
    ) -> Wrong:
        """Add up the parts of a pool; a query outside them is given up unless all is cleared.

        T9: rival j is cleared for each query with D[q,j] - D[q,m] <= stars[j].
        """
        inside = {q for part in parts for q in part.queries}
        pieces: list[tuple[range, Node | None]] = [(part.queries, part) for part in parts]
        pieces += [(range(q, q + 1), None) for q in queries if q not in inside]
        certain = possible = 0
        for own, part in pieces:
            self.tally.charge(2 * len(own) * len(stars))
            left = [j for j in rivals if self._above(j, m, own, stars.get(j))] if stars else rivals
            low, high = 0, self._size(m, own) if left else 0
            if part:
                low, high = self._pool(m, part, left)
            certain += low
            possible += high
        return certain, possible

    def _above(self, rival: int, m: int, queries: range, star: int | None) -> bool:
        rows = self.tables.direct
        return star is None or any(rows[q][rival] - rows[q][m] > star for q in queries)

    def _pool(self, m: int, node: Node, rivals: list[int]) -> Wrong:
        """Return (certainly, possibly) wrong sequences of the pool's classes."""
        if not rivals or not self._size(m, node.queries):
            return 0, 0
        pool = Pool(self.terrain, m, node.queries, node.near, apart=node.apart)
        for span in node.together:
            self.tally.charge(len(rivals))
            group = [j for j in rivals if j in span]
            if group and pool.worst(pool.table(group, up=True)) < 0:
                rivals = [j for j in rivals if j not in span]
        uppers = {j: pool.table([j], up=True) for j in rivals}
        uppers = {j: table for j, table in uppers.items() if pool.worst(table) >= 0}
        if node.groups and uppers:
            return self._count(pool, node, uppers)
        stars = {}
        for j in uppers.keys() & node.thresholds.keys():
            star = self.tables.one * node.thresholds[j] >> 10
            if pool.worst(pool.table([j], up=True, direct=star)) < 0:
                stars[j] = star
        return self._split(m, node.queries, node.parts, list(uppers), stars)

    def _count(self, pool: Pool, node: Node, uppers: dict[int, Table]) -> Wrong:
        """Count by groups (T4), never more than the class, for each query of the pool alike."""
        size, queries = self._size(pool.maximum, pool.queries), len(pool.queries)
        marked = {token - pool.far + (pool.far > 0) for token in node.marked}
        tail = Tail(pool.sizes, marked, node.most, self.tally, holds=pool.holds)
        left, certain = set(uppers), 0
        lost = given_up(pool.maximum, self.places, tail.holds, len(marked), node.most)
        for group in node.groups:
            live = {j: uppers[j] for j in group.rivals if j in uppers}
            if live:
                count = self._walk if group.rule in WALKS else self._tail
                low, high = count(pool, tail, group, live)
                certain, lost = max(certain, low), lost + high
                left -= live.keys() if group.rule != "below" else set()
        return certain * queries, (size if left else min(size, lost)) * queries

    def _walk(self, pool: Pool, tail: Tail, group: Group, live: dict[int, Table]) -> Wrong:
        """Count the tuples of cells that some rival wins (T10), from below as well for `both` (T7).

        One-sided, the upper tables stand in for the lower ones: what they call wrong counts.
        """
        require_walkable(self.places + 1)
        both, rivals = group.rule == "both", []
        for j, table in live.items():
            self.tally.charge(2 * table.size + 2 * sort_cost(len(pool.sizes)))
            lower = pool.table([j], up=False) if both else table
            low, high = ([*pool.spread(side.rows), [side.own]] for side in (lower, table))
            rivals.append(Rival(j, low, high, 0))
        walk = BranchAndCount(pool.sizes, self.places, rivals, self.tally, holds=tail.holds)
        certain, possible = walk.count()
        return certain if both else 0, possible

    def _tail(self, pool: Pool, tail: Tail, group: Group, live: dict[int, Table]) -> Wrong:
        """Count by T5 or T6: one table above those of all rivals, or each from below (`below`)."""
        if group.rule == "below":
            free = Tail(pool.sizes, set(), 0, self.tally, holds=tail.holds)
            lower = [pool.table([j], up=False) for j in live]
            counts = [free.count(t.own, pool.spread(t.rows), group.rate, up=False) for t in lower]
            return max(counts), 0
        table = pool.table(list(live), up=True)
        return 0, tail.count(
            table.own, pool.spread(table.rows), group.rate, exact=group.rule == "grid"
        )
