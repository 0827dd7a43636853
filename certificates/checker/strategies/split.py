"""Several heads and neurons, class by class: leads split over heads (T14), neurons relaxed (T15).

`exact` walks the inputs of a class (T7): a rival lives in a prefix if it did before and some
summand's sum so far, with its largest completion, is >= 0. Inputs at the end with a living rival
are evaluated (M2), all others are right. `split` counts instead: each living rival and summand adds
at most the inputs whose sum is >= 0 on a grid (T6), and a class no more than it holds.
"""

from arithmetic.lanes import Lanes
from arithmetic.tally import Tally
from counting.branch import require_walkable
from counting.cells import Cells, cells_of
from counting.class_tables import ClassTables
from counting.lead_tables import LeadTables
from counting.summands import Upper, Weights
from counting.tails import Tail
from counting.workers import shared
from files.claims import Claim, Counts
from files.verdict import decline_unless
from files.witness import demand
from parts.program import Program
from strategies.enumeration import LANES, MOST_PASSES, Evaluator
from strategies.split_witness import Said, Witness
from strategies.split_witness import read_exact as read_exact
from strategies.split_witness import read_split as read_split
from tasks.acceptors import Acceptor, Class, acceptors

# Bits of a claim's precision that tables do without: a factor is then one digit of an integer.
SPARE, MOST_PRECISION = 4, 64


def count_right(program: Program, witness: Witness, claim: Claim, tally: Tally) -> Counts:
    """Return how many inputs are right, at least and at most."""
    answers, held = claim.task.answers, list(acceptors(claim.task))
    certain = possible = sum(x.size for x in held if x.label not in answers)
    if len(answers) > 1:
        split = Split(program, witness, claim, [x for x in held if x.label in answers], tally)
        queries = claim.task.positions[-1]
        if tally.processes > 1:
            low, high = shared(len(queries), lambda i: split.count(queries[i]), tally)
        else:
            low, high = map(sum, zip(*map(split.count, queries), strict=True))
        certain, possible = certain + low, possible + high
    return claim.total - possible, claim.total - certain


class Split:
    """Counts the wrong inputs of a query, certainly and possibly; labels are answers."""

    def __init__(
        self, program: Program, witness: Witness, claim: Claim, held: list[Acceptor], tally: Tally
    ) -> None:
        one = len(program.layers) <= 1 and program.beside and bool(program.heads)
        one = one and not any(any(x.bias.rows[0]) or not x.rectified for x in program.layers)
        decline_unless(one, "unsupported", f"{claim.strategy} serves one layer with heads.")
        narrow = claim.precision <= MOST_PRECISION
        decline_unless(narrow, "limit", f"precision: {MOST_PRECISION} bits at most.")
        require_walkable(len(claim.task.positions))
        classes = {(q, x.label) for x in held for q in x.starts}
        demand(witness.classes.keys() <= classes, "a class that is listed holds no input.")
        self.spans, self.first = claim.task.positions, claim.task.answers.start
        self.tally, self.witness, self.acceptors = tally, witness, held
        self.tables = LeadTables(program, claim, claim.precision - SPARE, tally)
        # Of a label and a first state.
        self.cells: dict[tuple[int, int], Cells] = {}
        self.evaluator = Evaluator(program, MOST_PASSES, claim._replace(precision=LANES), tally)
        self.evaluator.shared = tally.processes > 1
        self.cost = 0 if witness.rate else self.evaluator.cost()

    def count(self, query: int) -> Counts:
        """Return how many inputs with this query are wrong, certainly and possibly."""
        weights = Weights(self.tables.summands, query - self.spans[-1].start, self.tally)
        certain = possible = 0
        for acceptor in (x for x in self.acceptors if query in x.starts):
            group = Class(query, acceptor.starts[query], acceptor)
            said = self.witness.classes.get((query, acceptor.label))
            low, high = 0, acceptor.sizes[0][group.start]
            if said is not None:
                low, high = self._class(group, weights, said)
            certain, possible = certain + low, possible + high
        return certain, possible

    def _class(self, group: Class, weights: Weights, said: Said) -> Counts:
        """Return how many inputs of a class are wrong, certainly and possibly."""
        key = group.acceptor.label, group.start
        cells = self.cells[key] = self.cells.get(key) or cells_of(group, [])
        self.tally.charge(cells.arcs)
        column = group.acceptor.label - self.first
        tables = ClassTables(self.tables, weights, group, cells, column)
        uppers, living = tables.uppers(tables.known(said, self.witness.unit))
        if not living:
            return 0, 0
        if self.witness.rate:
            return 0, self._counted(cells, uppers, living)
        return Walk(self, tables, uppers).count(living)

    def _counted(self, cells: Cells, tables: list[Upper], living: int) -> int:
        """Return at most how many inputs of a class are wrong: grids of each rival (T4, T6)."""
        lanes, total, tail = self.tables.leads, 0, Tail(cells, set(), 0, self.tally)
        count = len(cells.tokens)
        for j in lanes.indices(living):
            for table in (x for x in tables if lanes.signs(x.worst) >> lanes.width * j & 1):
                self.tally.charge(2 * count * len(cells.present))
                entries = [[_lane(x, j, lanes) for x in row] for row in table.entries]
                rows = [
                    # No input has the others at this position.
                    [row[c - span.start] if c in span else min(row) for c in range(count)]
                    for row, span in zip(entries, cells.present, strict=True)
                ]
                total += tail.count(_lane(table.own, j, lanes), rows, self.witness.rate)
                if total >= cells.inputs:
                    return cells.inputs
        return total


class Walk:
    """T7 on a class: prefixes by depth, with the sums of each summand in lanes over the rivals."""

    def __init__(self, split: Split, tables: ClassTables, uppers: list[Upper]) -> None:
        self.split, self.cells, self.tables = split, tables.cells, uppers
        self.query, self.column = tables.query, tables.column
        self.lanes, self.tally = split.tables.leads, split.tally
        self.certain = self.possible = 0

    def count(self, living: int) -> Counts:
        """Return how many inputs are wrong, certainly and possibly."""
        self._walk((), self.cells.start, [table.own for table in self.tables], living)
        return self.certain, self.possible

    def _walk(self, prefix: tuple[int, ...], state: int, sums: list[int], living: int) -> None:
        depth = len(prefix)
        if depth == len(self.cells.moves):
            self._evaluate(prefix)
            return
        offset, top, first = (
            self.lanes.offset,
            self.lanes.width - 1,
            self.cells.present[depth].start,
        )
        arcs, rows = self.cells.moves[depth][state], [x.entries[depth] for x in self.tables]
        reached = sum(len(cells) for _, cells in arcs)
        self.tally.charge(4 * self.lanes.count * len(sums) * reached)
        for target, cells in arcs:
            ends = [table.most[depth + 1][target] + offset for table in self.tables]
            for cell in cells:
                found = [x + row[cell - first] for x, row in zip(sums, rows, strict=True)]
                flags = 0
                for x, end in zip(found, ends, strict=True):
                    flags |= x + end >> top
                if flags := flags & living:
                    self._walk((*prefix, cell), target, found, flags)

    def _evaluate(self, cells: tuple[int, ...]) -> None:
        """Count an input that some rival may win."""
        split, tokens = self.split, self.cells.tokens
        self.tally.charge(split.cost)
        pairs = zip(cells, split.spans, strict=False)
        places = [tokens[cell][0] - span.start for cell, span in pairs]
        right = split.evaluator.decide([*places, self.query], self.column).right
        self.certain += right is False
        self.possible += right is not True


def _lane(vector: int, lane: int, lanes: Lanes) -> int:
    """Return one lane."""
    mask = (lanes.half << 1) - 1
    return (vector + lanes.offset >> lanes.width * lane & mask) - lanes.half
