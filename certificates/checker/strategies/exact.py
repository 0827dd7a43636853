"""The exact count: worst case first, then branch and count, two-sided and always closed."""

from functools import reduce

from arithmetic.tally import Tally, sort_cost
from counting.branch import BranchAndCount, Live, Prefix, Rival
from counting.classes import worst_case
from counting.separable import GapRows, Table, count_by_class
from counting.signs import settled
from files.claims import Claim, Counts
from parts.attention import Attention, weighted
from parts.transformer import Model

# A class is walked again with twice the bits while some sequence stays undecided; from the last
# doubling on, such sequences are settled one by one.
DOUBLINGS = 3


class Undecided(Exception):
    """Some sequence needs more bits than these tables have."""


class ExactCount(BranchAndCount):
    """T7 with every token a cell of its own; what stays open is refused, or settled exactly."""

    def __init__(
        self, attention: Attention, maximum: int, rivals: list[Rival], tally: Tally, *, settle: bool
    ) -> None:
        places, holds = attention.tables.shape.n_ctx - 1, attention.query == maximum
        super().__init__([1] * (maximum + 1), places, rivals, tally, holds=holds)
        self.attention, self.settle = attention, settle

    def _decide(self, prefix: Prefix, many: int, live: Live) -> None:
        if not self.settle:
            raise Undecided
        rivals = [rival.index for rival, _, _ in live]
        tables, bits = self.attention.tables, 2 * self.attention.bits
        wins, may_win = settled(tables, (*prefix, self.attention.query), rivals, bits, self.tally)
        self.certain += wins
        self.possible += may_win


def count_right(model: Model, claim: Claim, tally: Tally) -> Counts:
    """Return how many sequences are right, at least and at most."""
    return count_by_class(model, claim, tally, count_class)


def count_class(rows: GapRows, attention: Attention, tally: Tally) -> tuple[int, int]:
    """Return (certainly wrong, possibly wrong) sequences of the class (attention.query, m).

    Theorems: T3 shows for most rivals that they win on no sequence of the class; T7 counts the
    sequences that some other rival wins.
    """
    rivals = surviving_rivals(rows, rows.upper(attention, tally), attention.query, tally)
    for doubling in range(DOUBLINGS + 1 if rivals else 0):
        bits = attention.bits << doubling
        finer = Attention(attention.tables, attention.query, bits, tally)
        survivors = _tables(finer, rows.maximum, rivals, tally)
        settle = doubling == DOUBLINGS
        try:
            return ExactCount(finer, rows.maximum, survivors, tally, settle=settle).count()
        except Undecided:
            continue
    return 0, 0


def surviving_rivals(rows: GapRows, upper: Table, query: int, tally: Tally) -> list[int]:
    """Return the rivals that the worst case does not rule out in the class (query, rows.maximum).

    T3, for all rivals at once: lanes stand in for numbers.
    """
    lanes, free, maximum = rows.lanes, upper[:-1], rows.maximum
    tally.charge(lanes.count * len(free) * (maximum + 6))
    best = [reduce(lanes.maximum, row) for row in free]
    held = [row[maximum] for row in free] if query < maximum else []
    worst = worst_case(upper[-1][query], best, held, lanes.maximum)
    return lanes.indices(lanes.signs(worst) & rows.rivals)


def _tables(attention: Attention, maximum: int, rivals: list[int], tally: Tally) -> list[Rival]:
    """Return for each rival the tables of T1 below and above the truth: exact f, enclosed w."""
    tables, tokens = attention.tables, maximum + 1
    weights = attention.weights(maximum, tally)
    # Gaps and two products per entry, the extremes of each position, the last one's order.
    tally.charge(len(rivals) * (8 * len(weights) * tokens + 2 * sort_cost(tokens)))
    survivors, row = [], tables.direct[attention.query]
    for j in rivals:
        direct = row[j] - row[maximum] + tables.eps
        output = [direct + out[j] - out[maximum] for out in tables.output[:tokens]]
        low, high = [], []
        for place, spans in zip(tables.positional_output, weights, strict=True):
            gaps = [gap + place[j] - place[maximum] for gap in output]
            low.append([weighted(g, span, up=False) for g, span in zip(gaps, spans, strict=True)])
            high.append([weighted(g, span) for g, span in zip(gaps, spans, strict=True)])
        survivors.append(Rival(j, low, high, attention.query))
    return survivors
