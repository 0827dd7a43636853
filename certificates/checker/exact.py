"""The exact count: worst case first, then branch and count, two-sided and always closed."""

from attention import Attention
from branch import BranchAndCount, Rival, Undecided
from classes import inhabited_queries, require_walkable
from separable import GapRows, Table
from tally import Tally, sort_cost
from transformer import PathTables

# A class is walked again with twice the bits while some sequence stays undecided; from the last
# doubling on, such sequences are settled one by one.
DOUBLINGS = 3


def count_wrong(tables: PathTables, precision: int, tally: Tally) -> tuple[int, int]:
    """Return (certainly wrong, possibly wrong) sequences among all v**k.

    Theorems: T3 shows for most (q, m, j) that rival j wins on no sequence of the class; T7 counts
    the sequences that some other rival wins.
    """
    v = tables.shape.d_vocab
    if v == 1:
        return 0, 0  # No rival, and one input.
    require_walkable(tables.shape.n_ctx)
    attentions = [Attention(tables, query, precision, tally) for query in range(v)]
    certain = possible = 0
    for maximum in range(v):
        rows = GapRows(tables, maximum, precision, tally)
        for query in inhabited_queries(maximum, tables.shape.n_ctx):
            upper = rows.upper(query, attentions[query], tally)
            rivals = surviving_rivals(rows, upper, query, tally)
            if rivals:
                low, high = _count_class(tables, query, maximum, rivals, precision, tally)
                certain += low
                possible += high
    return certain, possible


def surviving_rivals(rows: GapRows, upper: Table, query: int, tally: Tally) -> list[int]:
    """Return the rivals that the worst case does not rule out in the class (query, rows.maximum).

    T3: with G_i the largest entry of position i, no sequence reaches more than the query's term
    plus sum G_i; where q < m, some free position p holds m and its entry stands in for G_p.
    """
    lanes, free, maximum = rows.lanes, upper[:-1], rows.maximum
    tally.charge(lanes.count * len(free) * (maximum + 6))
    best = []
    for row in free:
        largest = row[0]
        for entry in row[1:]:
            largest = lanes.maximum(largest, entry)
        best.append(largest)
    worst = upper[-1][query] + sum(best)
    if query < maximum:
        exchanged = [row[maximum] - largest for row, largest in zip(free, best, strict=True)]
        gain = exchanged[0]
        for other in exchanged[1:]:
            gain = lanes.maximum(gain, other)
        worst += gain
    return lanes.indices(lanes.signs(worst) & rows.rivals)


def _count_class(
    tables: PathTables, query: int, maximum: int, rivals: list[int], precision: int, tally: Tally
) -> tuple[int, int]:
    for doubling in range(DOUBLINGS + 1):
        attention = Attention(tables, query, precision << doubling, tally)
        survivors = _rival_tables(tables, query, maximum, rivals, attention, tally)
        walk = BranchAndCount(
            tables, query, maximum, survivors, attention.bits, tally, settle=doubling == DOUBLINGS
        )
        try:
            return walk.count()
        except Undecided:
            continue
    raise RuntimeError("the last walk settles every sequence")


def _rival_tables(
    tables: PathTables,
    query: int,
    maximum: int,
    rivals: list[int],
    attention: Attention,
    tally: Tally,
) -> list[Rival]:
    """Return for each rival the tables of T1 below and above the truth: exact f, enclosed w."""
    weights = attention.weights(maximum, attention.unit(maximum), tally)
    # Gaps and two products per entry, the extremes of each position, the last one's order.
    tokens = maximum + 1
    tally.charge(len(rivals) * (8 * len(weights) * tokens + 2 * sort_cost(tokens)))
    survivors = []
    for rival in rivals:
        direct = tables.direct[query][rival] - tables.direct[query][maximum] + tables.eps
        output = [direct + row[rival] - row[maximum] for row in tables.output[: maximum + 1]]
        places = [row[rival] - row[maximum] for row in tables.positional_output]
        low, high = [], []
        for place, spans in zip(places, weights, strict=True):
            gaps = [gap + place for gap in output]
            terms = list(zip(gaps, spans, strict=True))
            low.append([gap * (span[0] if gap > 0 else span[1]) for gap, span in terms])
            high.append([gap * (span[1] if gap > 0 else span[0]) for gap, span in terms])
        survivors.append(Rival(rival, low, high, query))
    return survivors
