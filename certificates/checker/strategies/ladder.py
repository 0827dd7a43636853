"""The ladder: pools of queries first, then what survives in finer tables, then a count.

For each label m the witness gives a tree of pools. A pool clears every rival whose worst case is
negative (T3 on the tables of T8), and by thresholds (T9) further rivals query by query. What is
left goes to the subpools or is counted by groups of rivals (T4): by walking tuples of cells (T7,
T10), on a grid (T6) or by a moment (T5), with rare tokens set apart (T11). A class that is not
settled is given up: all of it counts as possibly wrong.
"""

from arithmetic.tally import Tally, sort_cost
from counting.branch import BranchAndCount, Rival, require_walkable
from counting.cells import Cells, cells_of
from counting.pools import Pool, PrefixExtremes, Table
from counting.tails import Tail
from files.claims import Claim, Counts
from files.witness import demand
from parts.tables import Tables
from strategies.ladder_witness import BRANCHES, RULES, Domain, Group, Node, read_ladder
from tasks.acceptors import Acceptor, Class
from tasks.task import Task

NAMES = tuple(RULES)
Pools = dict[int, list[Node]]
Uppers = dict[int, Table]
# For each rival the largest D[q,j] - D[q,m] at which T9 clears it; None if it clears it nowhere.
Thresholds = dict[int, int | None]


def read(claim: Claim) -> Pools:
    """Return the pools of each label."""
    tokens, answers = range(claim.sizes["d_vocab"]), claim.task.answers
    return read_ladder(
        claim.witness, claim.task.labels, Domain(tokens, answers, RULES[claim.strategy])
    )


def count_right(tables: Tables, pools: Pools, claim: Claim, tally: Tally) -> Counts:
    """Return how many inputs are right, at least and at most."""
    ladder = Ladder(tables, claim.task, claim.precision, tally)
    for acceptor in claim.task.acceptors():
        ladder.climb(acceptor, pools.get(acceptor.label))
    return claim.total - ladder.possible, claim.total - ladder.certain


class Ladder:
    """Adds up the wrong inputs of each class, certainly and possibly, along a witness.

    Rivals and labels are outputs; the tables' columns are the answers.
    """

    def __init__(self, tables: Tables, task: Task, bits: int, tally: Tally) -> None:
        self.tables, self.answers, self.tally = tables, task.answers, tally
        self.extremes = PrefixExtremes(tables, bits, tally)
        self.places = len(task.positions) - 1
        self.cells: dict[tuple[int, tuple[range, ...]], tuple[Cells, int]] = {}
        self.known: dict[tuple[range, ...], int] = {}
        self.certain = self.possible = 0

    def climb(self, acceptor: Acceptor, nodes: list[Node] | None) -> None:
        """Count all classes of a label; without pools they are given up."""
        queries = range(min(acceptor.starts, default=0), max(acceptor.starts, default=-1) + 1)
        size = self._size(acceptor, queries)
        if acceptor.label not in self.answers:
            self.certain += size
            self.possible += size
        elif len(self.answers) > 1 and nodes is None:
            self.possible += size
        elif len(self.answers) > 1:
            self.enter()
            self._split(acceptor, queries, nodes or [], self.rivals(acceptor.label))

    def enter(self) -> None:
        """Forget what was kept for the pools of another label."""
        for kept in (self.extremes.gaps, self.cells, self.known):
            kept.clear()

    def rivals(self, label: int) -> Thresholds:
        """Return all rivals of a label, none of which is cleared anywhere."""
        return {j: None for j in self.answers if j != label}

    def _split(
        self, acceptor: Acceptor, queries: range, pools: list[Node], thresholds: Thresholds
    ) -> None:
        """Count the subpools of a pool; a query outside is given up unless all is cleared."""
        for node in pools:
            self._pool(acceptor, node, self.left(acceptor, node.queries, thresholds))
        inside = {q for node in pools for q in node.queries}
        none = all(threshold is None for threshold in thresholds.values())
        for q in queries:
            alone = range(q, q + 1)
            if q not in inside and (thresholds if none else self.left(acceptor, alone, thresholds)):
                self.possible += self._size(acceptor, alone)

    def left(self, acceptor: Acceptor, queries: range, thresholds: Thresholds) -> list[int]:
        """Return the rivals that T9 leaves: it clears j if D[q,j]-D[q,m] <= its bound for all q."""
        rows, first = self.tables.direct[queries.start : queries.stop], self.answers.start
        label = acceptor.label - first
        given = {j: bound for j, bound in thresholds.items() if bound is not None}
        self.tally.charge(2 * len(rows) * len(given))
        cleared = {
            j for j, bound in given.items() if all(r[j - first] - r[label] <= bound for r in rows)
        }
        return [j for j in thresholds if j not in cleared]

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
            self._split(acceptor, node.queries, node.subpools, bounds)

    def pool(self, acceptor: Acceptor, node: Node) -> Pool:
        """Return the pool; refuse queries whose classes differ, and cells of unlike tokens."""
        starts = {acceptor.starts.get(q) for q in node.queries}
        demand(len(starts) == 1, "the queries of a pool have the same free tokens.")
        start = acceptor.starts[node.queries[0]]
        key = start, tuple(node.cells)
        if key not in self.cells:
            inputs = Class(node.queries[0], start, acceptor)
            found = cells_of(inputs, node.cells)
            self.tally.charge(sum(len(row) for level in found.moves for row in level))
            # Pools with the same cells share gap rows, whatever their queries.
            tokens = tuple(found.tokens)
            self.cells[key] = found, self.known.setdefault(tokens, len(self.known))
        label = acceptor.label - self.answers.start
        cells, known = self.cells[key]
        extremes, queries, apart = self.extremes, node.queries, node.per_position
        token = acceptor.label
        return Pool(extremes, label, queries, cells, known, token=token, per_position=apart)

    def survivors(self, acceptor: Acceptor, node: Node, rivals: list[int]) -> tuple[Pool, Uppers]:
        """Return the pool, and the upper tables of the rivals that its worst case leaves.

        T3: a rival whose largest sum is negative wins nowhere in the pool's classes.
        """
        pool = self.pool(acceptor, node)
        for span in node.joint_rivals:
            self.tally.charge(len(rivals))
            group = [j for j in rivals if j in span]
            if group and pool.worst(self.table(pool, group)) < 0:
                rivals = [j for j in rivals if j not in span]
        uppers = {j: self.table(pool, [j]) for j in rivals}
        return pool, {j: table for j, table in uppers.items() if pool.worst(table) >= 0}

    def table(
        self, pool: Pool, rivals: list[int], *, up: bool = True, direct: int | None = None
    ) -> Table:
        """Return the pool's table of some rivals, above (up) or below."""
        columns = [j - self.answers.start for j in rivals]
        return pool.table(columns, up=up, direct=direct)

    def thresholds(self, pool: Pool, node: Node, uppers: Uppers) -> Thresholds:
        """Return the thresholds at which T9 clears the rivals that are left."""
        found: Thresholds = dict.fromkeys(uppers)
        for j in uppers.keys() & node.thresholds.keys():
            bound = self.tables.one * node.thresholds[j] >> 10
            if pool.worst(self.table(pool, [j], direct=bound)) < 0:
                found[j] = bound
        return found

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
                low, high = count(pool, tail, group, live)
                certain, lost = max(certain, low), lost + high
                left -= live.keys() if group.rule != "grid-lower" else set()
        self.certain += certain * len(pool.queries)
        self.possible += (size if left else min(size, lost)) * len(pool.queries)

    def _branch(self, pool: Pool, tail: Tail, group: Group, live: Uppers) -> Counts:
        """Count the tuples of cells that some rival wins (T10), from below as well if two-sided.

        One-sided, the upper tables stand in for the lower ones: what they call wrong counts.
        """
        require_walkable(self.places + 1)
        both, rivals, count = group.rule == "branch-two-sided", [], len(pool.cells.tokens)
        for j, table in live.items():
            self.tally.charge(2 * (table.size + sort_cost(count) + (self.places**2 >> 9)))
            lower = self.table(pool, [j], up=False) if both else table
            low, high = (pool.spread(side.rows) for side in (lower, table))
            rivals.append(Rival(j, (lower.own, table.own), low, high, pool.cells.present))
        certain, possible = BranchAndCount(pool.cells, rivals, self.tally).count()
        return certain if both else 0, possible

    def _tail(self, pool: Pool, tail: Tail, group: Group, live: Uppers) -> Counts:
        """Count by T5 or T6: one table above those of all rivals, or each from below."""
        if group.rule == "grid-lower":
            free = Tail(pool.cells, set(), 0, self.tally)
            lower = [self.table(pool, [j], up=False) for j in live]
            counts = [free.count(t.own, pool.spread(t.rows), group.rate, up=False) for t in lower]
            return max(counts), 0
        table, grid = self.table(pool, list(live)), group.rule == "grid"
        return 0, tail.count(table.own, pool.spread(table.rows), group.rate, exact=grid)
