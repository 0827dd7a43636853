"""Why one sequence counts as right, or does not: which class and table of a certificate decide it.

An explanation is no verdict: it says what the count of a verified certificate is made of.
Theorem: a sequence that is `counted` is right, and the certificate's strategy establishes at most
as many right sequences as are counted (exactly as many, but for ladders: they count tails in bulk).
"""

from collections.abc import Callable
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction
from functools import partial
from typing import NamedTuple

from arithmetic.tally import Tally
from counting.pools import Pool
from counting.signs import Sequence, gap_terms, settled
from files.claims import Claim, Pins
from files.verdict import decline_unless
from kernel import read, shifted
from parts.attention import Attention, exponentials, on_one_unit, weighted
from parts.transformer import Model, PathTables, path_tables
from strategies import cubic, subcubic
from strategies.ladder import Ladder, Stars, Tables
from strategies.ladder_witness import RULES, WALKS, Node, read_ladder
from strategies.subcubic_witness import read_witness

UNLIMITED, UP = 2**200, Context(prec=6, rounding=ROUND_CEILING)


class Explanation(NamedTuple):
    """Whether a sequence is counted, the class and the table that decide it, and by how much.

    A negative `excess` is an upper bound of logits[j] + margin minus the label's logit, over the
    rivals that this table decides; one that is not negative says how far the table misses.
    """

    sequence: Sequence
    counted: bool
    group: str
    decided_by: str
    excess: Fraction | None = None
    rival: int | None = None

    def fields(self) -> dict[str, object]:
        """Return the explanation as JSON fields, the excess as a decimal rounded up."""
        fields = {**self._asdict(), "query": self.sequence[-1], "maximum": max(self.sequence)}
        excess = None if self.excess is None else decimal_up(self.excess)
        return fields | {"class": fields.pop("group"), "excess": excess, "unit": "logits"}

    def line(self) -> str:
        """Return one line of text."""
        by = "" if self.excess is None else f", {decimal_up(self.excess)} logits"
        by += "" if self.rival is None else f", rival {self.rival}"
        word = f"{','.join(map(str, self.sequence))} {'NOT ' * (not self.counted)}COUNTED"
        return f"e {word} in class {self.group} by {self.decided_by}{by}"


def explanations(
    weights: bytes, certificate: bytes, pins: Pins, sequences: list[Sequence]
) -> list[Explanation]:
    """Return why each sequence counts as right or does not, of a certificate that `check` verified.

    Raises `Declined` for a sequence that is none of the model's.
    """
    claim, model = read(weights, certificate, pins)
    v, k = model.shape.d_vocab, model.shape.n_ctx
    fits = all(len(x) == k and 0 <= min(x) <= max(x) < v for x in sequences)
    decline_unless(fits, "unsupported", f"--explain takes {k} tokens of 0 to {v - 1}.")
    below, _ = shifted(model, claim, Tally(UNLIMITED))
    return list(map(explainer(model, below), sequences))


def decimal_up(value: Fraction) -> str:
    """Return the value as a decimal of six digits, rounded up."""
    return str(UP.divide(*map(Decimal, value.as_integer_ratio())))


def explainer(model: Model, claim: Claim) -> Callable[[Sequence], Explanation]:
    """Return the function that explains a sequence of this model by the claim's strategy."""
    if model.shape.d_vocab == 1:
        return lambda x: Explanation(x, True, "q=0 m=0", "the absence of any rival")
    tally = Tally(UNLIMITED)
    if claim.strategy in subcubic.NAMES:
        witness = read_witness(claim.witness, subcubic.parts(claim.strategy), model.shape)
        return partial(_by_class, subcubic.ClassBounds(model, claim, witness, tally))
    tables = path_tables(model, claim.margin, tally)
    if claim.strategy in RULES:
        maxima = read_ladder(claim.witness, claim.strategy, model.shape)
        return partial(_by_pools, Ladder(tables, claim.precision, tally), maxima)
    explain = _by_mixture if claim.strategy == "cubic" else _by_logits
    return partial(explain, tables, claim.precision, tally)


def _by_logits(tables: PathTables, bits: int, tally: Tally, x: Sequence) -> Explanation:
    """Brute force and the exact count: the sequence's own sums of T1, ties included."""
    q, m = x[-1], max(x)
    scores = [tables.score[q][t] + tables.positional_score[q][i] for i, t in enumerate(x)]
    balls = exponentials(scores, tables.score_exponent, tables.shape.d_head, bits, tally)
    spans, gaps = on_one_unit(balls, bits), {}
    weights = dict(zip(scores, spans, strict=True))
    for j in (j for j in range(tables.shape.d_vocab) if j != m):
        top = sum(weighted(f, weights[s]) for s, f in gap_terms(tables, x, j).items())
        gaps[j] = Fraction(top, tables.one * sum(span[top < 0] for span in spans))
    wrong = settled(tables, x, [j for j in gaps if gaps[j] >= 0], 2 * bits, tally)[1]
    rival = max(gaps, key=gaps.__getitem__)
    return Explanation(x, not wrong, f"q={q} m={m}", "its own logits", gaps[rival], rival)


def _by_mixture(tables: PathTables, bits: int, tally: Tally, x: Sequence) -> Explanation:
    """The cubic strategy: F_t at both ends, for the worst of the free tokens t below m."""
    q, m = x[-1], max(x)
    below = [t for t in x[:-1] if t < m]
    if not below:
        return _by_logits(tables, bits, tally, x)._replace(group=f"q={q} m={m} c=0")
    direct = cubic.largest_gap(tables.direct[q], m) + tables.eps
    gaps = [direct + gap for gap in cubic.largest_gaps(tables, m, tally)]
    bound, sums = cubic.ClassBound(Attention(tables, q, bits, tally), q, m, gaps), {}
    for t in below:
        bases = [(b, bound.own + bound.maximum_term(b)) for b in bound.ends(len(below))]
        sums[t] = max(bound.token_term(t, b) + base for b, base in bases)
    token = max(sums, key=sums.__getitem__)
    heaviest = max(high for _, high in bound.tokens) * bound.total
    excess, group = Fraction(sums[token], tables.one * heaviest), f"q={q} m={m} c={len(below)}"
    return Explanation(x, excess < 0, group, f"the bound F of token {token}", excess)


def _by_class(bounds: subcubic.ClassBounds, x: Sequence) -> Explanation:
    """The subcubic strategies: the class (q, m, c), its gap, and its bound."""
    q, m, below = x[-1], max(x), [t for t in x if t < max(x)]
    group, bound = f"q={q} m={m} c={len(below)}", (bounds.alone(m), 1)
    if below:
        gap = bounds.witness.gaps[m][q][len(below) - 1]
        group += f" gap={gap}"
        if max(below) > m - gap:
            return Explanation(x, False, group, f"the gap, which token {max(below)} is inside")
        found = bounds.bound(bounds.query_scores(q), m, len(below), int(q < m))
        if found is None:
            return Explanation(x, False, group, "the witness, which gives no bound there")
        bound = found
    excess = Fraction(bound[0], bound[1] * bounds.unit)
    return Explanation(x, excess < 0, group, "the bound of the class", excess)


def _by_pools(steps: Ladder, maxima: list[list[Node]], x: Sequence) -> Explanation:
    """Ladders: the way of one sequence down the tree of pools."""
    q, m, v = x[-1], max(x), steps.tables.shape.d_vocab
    group, nodes = f"q={q} m={m}", maxima[m - v] if m >= v - len(maxima) else []
    stars: Stars = {j: None for j in range(v) if j != m}
    steps.terrain.gaps.clear()
    while True:
        node = next((node for node in nodes if q in node.queries), None)
        rivals = steps.left(m, node.queries if node else range(q, q + 1), stars)
        if not rivals:
            return Explanation(x, True, group, "thresholds of the direct path")
        if node is None:
            return Explanation(x, False, group, "the witness, which has no pool for it")
        group = f"q={q} m={m} pool={node.queries[0]}..{node.queries[-1]}"
        pool, uppers = steps.survivors(m, node, rivals)
        if not uppers:
            tables = {j: pool.table([j], up=True) for j in rivals}
            return _by_sums(x, pool, tables, group, "the worst case of the pool")
        if node.groups:
            return _by_rules(x, pool, node, uppers, group)
        stars, nodes = steps.stars(pool, node, uppers), node.parts


def _by_rules(x: Sequence, pool: Pool, node: Node, uppers: Tables, group: str) -> Explanation:
    """Explain by the rules that count what a pool leaves."""
    if sum(t in node.marked for t in x[:-1]) > node.most:
        return Explanation(x, False, group, f"more than {node.most} of the marked tokens")
    tables: Tables = {}
    for rule, rivals, _ in (item for item in node.groups if item.rule != "below"):
        live = [j for j in rivals if j in uppers]
        tables |= {j: uppers[j] if rule in WALKS else pool.table(live, up=True) for j in live}
    if tables.keys() != uppers.keys():
        return Explanation(x, False, group, "the witness, which counts no such rival")
    return _by_sums(x, pool, tables, group, "the rules of the pool")


def _by_sums(x: Sequence, pool: Pool, tables: Tables, group: str, name: str) -> Explanation:
    """Explain by the largest sum of the sequence's entries in upper tables (T1, T2)."""
    cells = [max(t - pool.far, -1) + (pool.far > 0) for t in x[:-1]]

    def along(rows: list[list[int]]) -> int:
        return sum(row[cell] for row, cell in zip(pool.spread(rows), cells, strict=True))

    sums = {j: table.own + along(table.rows) for j, table in tables.items()}
    rival = max(sums, key=sums.__getitem__)
    total = along([[high for _, high in row] for row in pool.weights[:-1]])
    unit = pool.terrain.tables.one * (total + pool.weights[-1][0][1])
    return Explanation(x, sums[rival] < 0, group, name, Fraction(sums[rival], unit), rival)
