"""The exact count: worst case first, then branch and count, two-sided and always closed."""

from functools import partial, reduce

from arithmetic.tally import Tally, sort_cost
from arithmetic.weights import weighted
from counting.branch import BranchAndCount, Live, Prefix, Rival
from counting.separable import Rows, Table, count_by_class
from counting.signs import settled
from files.claims import Claim, Counts
from parts.attention import Attention
from parts.tables import Tables

# A class is walked again with twice the bits while some sequence stays undecided; from the last
# doubling on, such sequences are settled one by one.
DOUBLINGS = 3


class Undecided(Exception):
    """Some sequence needs more bits than these tables have."""


class ExactCount(BranchAndCount):
    """T7 with every token a cell of its own; what stays open is refused, or settled exactly."""

    def __init__(self, rows: Rows, rivals: list[Rival], tally: Tally, *, settle: bool) -> None:
        super().__init__(rows.cells, rivals, tally)
        self.rows, self.settle = rows, settle

    def _decide(self, prefix: Prefix, many: int, live: Live) -> None:
        if not self.settle:
            raise Undecided
        rivals = [rival.index for rival, _, _ in live]
        attention, tokens = self.rows.attention, [self.cells.tokens[cell][0] for cell in prefix]
        sequence, label, bits = (*tokens, attention.query), self.rows.gaps.label, 2 * attention.bits
        wins, may_win = settled(self.rows.gaps.tables, sequence, label, rivals, bits, self.tally)
        self.certain += wins
        self.possible += may_win


def count_right(tables: Tables, witness: None, claim: Claim, tally: Tally) -> Counts:
    """Return how many sequences are right, at least and at most."""
    return count_by_class(tables, claim, tally, count_class)


def count_class(rows: Rows, tally: Tally) -> tuple[int, int]:
    """Return (certainly wrong, possibly wrong) inputs of the class.

    Theorems: T3 shows for most rivals that they win on no input of the class; T7 counts the inputs
    that some other rival wins.
    """
    rivals = surviving_rivals(rows, rows.gaps.upper(rows.attention, tally), tally)
    for doubling in range(DOUBLINGS + 1 if rivals else 0):
        bits = rows.attention.bits << doubling
        finer = Attention(rows.attention.head, rows.attention.query, bits, tally)
        survivors = _tables(rows, finer, rivals, tally)
        settle = doubling == DOUBLINGS
        try:
            known = rows._replace(attention=finer)
            return ExactCount(known, survivors, tally, settle=settle).count()
        except Undecided:
            continue
    return 0, 0


def surviving_rivals(rows: Rows, upper: Table, tally: Tally) -> list[int]:
    """Return the rivals that the worst case does not rule out in the class.

    T3, for all rivals at once: lanes stand in for numbers. The sum of the largest entries of all
    positions is enough where no lane reaches 0; else the fold along the acceptor is exact.
    """
    lanes, cells, first = rows.gaps.lanes, rows.cells, rows.gaps.tokens.start
    tally.charge(lanes.count * len(cells.moves) * (len(rows.gaps.tokens) + 2))
    largest, tops = partial(reduce, lanes.maximum), []
    for row in upper[:-1]:
        entries = [row[cell[0] - first] for cell in cells.tokens]
        tops.append([largest(entries[atom.start : atom.stop]) for atom in cells.atoms])
    own = upper[-1][rows.inputs.query - first]
    flags = lanes.signs(own + sum(map(largest, tops))) & rows.gaps.rivals
    if flags and len(cells.atoms) > 1:
        parts = (len(atoms) for level in cells.steps for row in level for _, atoms in row)
        tally.charge(3 * lanes.count * sum(parts))
        flags = lanes.signs(cells.largest_sum(own, tops, largest)) & rows.gaps.rivals
    return lanes.indices(flags)


def _tables(rows: Rows, attention: Attention, rivals: list[int], tally: Tally) -> list[Rival]:
    """Return for each rival the tables of T1 below and above the truth: exact f, enclosed w."""
    tables, label, span = rows.gaps.tables, rows.gaps.label, rows.gaps.tokens
    head = tables.head
    query, tokens = attention.query, [cell[0] for cell in rows.cells.tokens]
    weights = attention.weights(span, tally)
    own = weights.pop()[query - span.start]
    spans = [[row[token - span.start] for token in tokens] for row in weights]
    # Gaps and two products per entry, the extremes of each position, the last one's order.
    cost = 8 * (len(weights) + 1) * len(tokens) + 2 * sort_cost(len(tokens))
    tally.charge(len(rivals) * cost)
    survivors, row, last = [], tables.direct[query], head.positional_output[-1]
    for j in rivals:
        direct = row[j] - row[label] + tables.eps
        output = [direct + out[j] - out[label] for out in map(head.output.__getitem__, tokens)]
        low, high = [], []
        for place, weight in zip(head.positional_output, spans, strict=False):
            gaps = [gap + place[j] - place[label] for gap in output]
            low.append([weighted(g, w, up=False) for g, w in zip(gaps, weight, strict=True)])
            high.append([weighted(g, w) for g, w in zip(gaps, weight, strict=True)])
        gap = direct + head.output[query][j] - head.output[query][label] + last[j] - last[label]
        start = weighted(gap, own, up=False), weighted(gap, own)
        survivors.append(Rival(j, start, low, high, rows.cells.present))
    return survivors
