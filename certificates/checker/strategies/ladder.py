"""The ladder: pools of queries first, then what survives in finer tables, then a count.

For each label m the witness gives a tree of pools. A pool clears every rival whose worst case is
negative (T3 on the tables of T8), and by thresholds (T9) further rivals query by query. What is
left goes to the subpools or is counted by groups of rivals (T4): by walking tuples of cells (T7,
T10), merged or not (T18), on a grid (T6) or by a moment (T5), with rare tokens set apart (T11). A
class that is not settled is given up: all of it counts as possibly wrong.
"""

from collections.abc import Callable
from functools import partial

from arithmetic.tally import Tally, sort_cost
from counting.branch import BranchAndCount, Rival, require_walkable
from counting.cells import Cells, cells_of
from counting.merged import Limits, MergedWalk
from counting.pools import Pool, PrefixExtremes, Table
from counting.tails import Tail
from files.claims import Claim, Counts
from files.witness import demand
from parts.tables import Tables
from strategies.ladder_witness import BRANCHES, MERGED, RULES, Domain, Group, Node, read_ladder
from tasks.acceptors import Acceptor, Class, acceptors

NAMES = tuple(RULES)
# What only these rules rest on.
ROOMS: dict[type, tuple[str, ...]] = {BranchAndCount: BRANCHES, MergedWalk: MERGED}
Pools = dict[int, list[Node]]
Uppers = dict[int, Table]
# For rivals the largest D[q,j] - D[q,m] at which T9 clears them.
Thresholds = dict[int, int]
# The rivals that may win for some query of a range.
Left = Callable[[range], list[int]]


def read(claim: Claim) -> Pools:
    """Return the pools of each label that the witness lists."""
    domain = Domain(range(claim.sizes["d_vocab"]), claim.task.answers, RULES[claim.strategy])
    return read_ladder(claim.witness, claim.task.labels, domain)


def count_right(tables: Tables, pools: Pools, claim: Claim, tally: Tally) -> Counts:
    """Return how many inputs are right, at least and at most."""
    ladder = Ladder(tables, claim.precision, tally)
    for acceptor in acceptors(claim.task):
        ladder.climb(acceptor, pools.get(acceptor.label, []))
    return claim.total - ladder.possible, claim.total - ladder.certain


class Ladder:
    """Adds up the wrong inputs of each class, certainly and possibly, along a witness.

    Rivals and labels are outputs; the tables' columns are the answers.
    """

    def __init__(self, tables: Tables, bits: int, tally: Tally) -> None:
        self.tables, self.tally = tables, tally
        self.extremes = PrefixExtremes(tables, bits, tally)
        self.cells: dict[tuple[int, tuple[range, ...]], Cells] = {}
        self.certain = self.possible = 0

    def climb(self, acceptor: Acceptor, nodes: list[Node]) -> None:
        """Count all classes of a label."""
        rivals = self.enter(acceptor.label)
        if acceptor.label not in self.tables.answers:
            self.certain += acceptor.size
            self.possible += acceptor.size
        elif rivals:
            queries = range(min(acceptor.starts), max(acceptor.starts) + 1)
            self._split(acceptor, queries, nodes, lambda _: rivals)

    def enter(self, label: int) -> list[int]:
        """Forget what was kept for the pools of another label; return the rivals of this one."""
        self.extremes.gaps.clear()
        self.cells.clear()
        return [j for j in self.tables.answers if j != label]

    def _split(self, acceptor: Acceptor, queries: range, pools: list[Node], left: Left) -> None:
        """Count the subpools of a pool; a query outside is given up unless all is cleared."""
        for node in pools:
            self._pool(acceptor, node, left(node.queries))
        inside = {q for node in pools for q in node.queries}
        for alone in (range(q, q + 1) for q in queries if q not in inside):
            self.possible += self._size(acceptor, alone) if left(alone) else 0

    def left(self, label: int, rivals: list[int], bounds: Thresholds, queries: range) -> list[int]:
        """Return the rivals that T9 leaves: it clears j if D[q,j]-D[q,m] <= its bound for all q."""
        rows, first = self.tables.direct[queries.start : queries.stop], self.tables.answers.start
        m, pairs = label - first, bounds.items()
        self.tally.charge(2 * len(rows) * len(bounds))
        cleared = {j for j, bound in pairs if all(r[j - first] - r[m] <= bound for r in rows)}
        return [j for j in rivals if j not in cleared] if cleared else rivals

    def _size(self, acceptor: Acceptor, queries: range) -> int:
        """Return how many inputs the classes of some queries hold."""
        starts, sizes = acceptor.starts, acceptor.sizes[0]
        return sum(sizes[starts[q]] for q in queries if q in starts)

    def _pool(self, acceptor: Acceptor, node: Node, rivals: list[int]) -> None:
        """Count the pool's classes, with the rivals that may win there."""
        if not rivals or not self._size(acceptor, node.queries):
            return
        pool, uppers = self.survivors(acceptor, node, rivals)
        if node.groups and uppers:
            self._count(pool, node, uppers)
        else:
            bounds = self.thresholds(pool, node, uppers)
            left = partial(self.left, acceptor.label, list(uppers), bounds)
            self._split(acceptor, node.queries, node.subpools, left)

    def pool(self, acceptor: Acceptor, node: Node) -> Pool:
        """Return the pool; refuse queries whose classes differ, and cells of unlike tokens."""
        starts = {acceptor.starts.get(q) for q in node.queries}
        demand(len(starts) == 1, "the queries of a pool have the same free tokens.")
        inputs = Class(node.queries[0], acceptor.starts[node.queries[0]], acceptor)
        key = inputs.start, tuple(node.cells)
        if key not in self.cells:
            self.cells[key] = cells_of(inputs, node.cells)
            self.tally.charge(self.cells[key].arcs)
        return Pool(self.extremes, acceptor.label, node.queries, self.cells[key], node.per_position)

    def survivors(self, acceptor: Acceptor, node: Node, rivals: list[int]) -> tuple[Pool, Uppers]:
        """Return the pool, and the upper tables of the rivals that its worst case leaves.

        T3: a rival whose largest sum is negative wins nowhere in the pool's classes.
        """
        pool = self.pool(acceptor, node)
        for span in node.joint_rivals:
            self.tally.charge(len(rivals))
            group = [j for j in rivals if j in span]
            if group and pool.worst(pool.table(group)) < 0:
                rivals = [j for j in rivals if j not in span]
        uppers = {j: pool.table([j]) for j in rivals}
        return pool, {j: table for j, table in uppers.items() if pool.worst(table) >= 0}

    def thresholds(self, pool: Pool, node: Node, uppers: Uppers) -> Thresholds:
        """Return the witness's thresholds at which T9 clears rivals that are left."""
        given = node.thresholds.items()
        bounds = {j: self.tables.one * bound >> 10 for j, bound in given if j in uppers}
        return {j: x for j, x in bounds.items() if pool.worst(pool.table([j], direct=x)) < 0}

    def _count(self, pool: Pool, node: Node, uppers: Uppers) -> None:
        """Count by groups (T4), never more than the class, for each query of the pool alike."""
        size, left, certain = pool.cells.inputs, set(uppers), 0
        rare = {c for c, cell in enumerate(pool.cells.tokens) if cell[0] in node.rare_tokens}
        tail = Tail(pool.cells, rare, node.at_most, self.tally)
        lost = tail.given_up
        for group in node.groups:
            live = {j: uppers[j] for j in group.rivals if j in uppers}
            if live:
                count = self._branch if group.rule in BRANCHES else self._tail
                count = self._merged if group.rule in MERGED else count
                low, high = count(pool, tail, group, live)
                certain, lost = max(certain, low), lost + high
                left -= live.keys() if not group.rule.endswith("-lower") else set()
        self.certain += certain * len(pool.queries)
        self.possible += (size if left else min(size, lost)) * len(pool.queries)

    def _branch(self, pool: Pool, tail: Tail, group: Group, live: Uppers) -> Counts:
        """Count the tuples of cells that some rival wins (T10), from below as well if two-sided.

        One-sided, the upper tables stand in for the lower ones: what they call wrong counts.
        """
        require_walkable(pool.places + 1)
        both, rivals, count = group.rule == "branch-two-sided", [], len(pool.cells.tokens)
        for j, table in live.items():
            self.tally.charge(2 * (table.size + sort_cost(count) + (pool.places**2 >> 9)))
            lower = pool.table([j], up=False) if both else table
            low, high = (pool.spread(side.rows) for side in (lower, table))
            rivals.append(Rival(j, (lower.own, table.own), low, high, pool.cells.present))
        certain, possible = BranchAndCount(pool.cells, rivals, self.tally).count()
        return certain if both else 0, possible

    def _merged(self, pool: Pool, tail: Tail, group: Group, live: Uppers) -> Counts:
        """Count the inputs that some rival wins by a merged walk (T18): at least, or at most."""
        up = group.rule == "merged"
        tables = [table if up else pool.table([j], up=False) for j, table in live.items()]
        tables = [table._replace(rows=pool.spread(table.rows)) for table in tables]
        axes = [place for place, j in enumerate(live) if j in group.axes] or [0]
        walk = MergedWalk(pool.cells, tables, axes, pool.reference, self.tally)
        count = walk.count(Limits(group.atoms, group.cells), up=up)
        return (0, count) if up else (count, 0)

    def _tail(self, pool: Pool, tail: Tail, group: Group, live: Uppers) -> Counts:
        """Count by T5 or T6: one table above those of all rivals, or each from below."""
        if group.rule == "grid-lower":
            free = Tail(pool.cells, set(), 0, self.tally)
            lower = [pool.table([j], up=False) for j in live]
            return max(free.count(t.own, t.rows, group.rate, up=False) for t in lower), 0
        table = pool.table(list(live))
        return 0, tail.count(table.own, table.rows, group.rate, exact=group.rule == "grid")
