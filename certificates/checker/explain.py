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
from arithmetic.weights import exponentials, on_one_unit, weighted
from counting.pools import Pool, Table
from counting.signs import Sequence, gap_terms, settled
from files.claims import Claim, Pins
from files.verdict import Declined, decline_unless
from kernel import given, read, shifted, strategy_of
from parts.architecture import HEADS, PROGRAM, Model
from parts.attention import Attention
from parts.tables import Tables
from strategies import cubic, enumeration, layered_enumeration, subcubic
from strategies.ladder import Ladder, Pools, Uppers
from strategies.ladder_witness import BRANCHES, MERGED, RULES, Node
from tasks.acceptors import accepted
from tasks.task import Task

UNLIMITED, UP = 2**200, Context(prec=6, rounding=ROUND_CEILING)


class Explanation(NamedTuple):
    """Whether a sequence is counted, the class and the table that decide it, and by how much.

    A negative `excess` is an upper bound of logits[j] + margin minus the label's logit, over the
    rivals that this table decides; one that is not negative says how far the table misses.
    """

    sequence: Sequence
    label: int
    counted: bool
    group: str
    decided_by: str
    excess: Fraction | None = None
    rival: int | None = None

    def fields(self) -> dict[str, object]:
        """Return the explanation as JSON fields, the excess as a decimal rounded up."""
        fields = {**self._asdict(), "query": self.sequence[-1]}
        excess = None if self.excess is None else decimal_up(self.excess)
        return fields | {"class": fields.pop("group"), "excess": excess, "unit": "logits"}

    def line(self) -> str:
        """Return one line of text."""
        by = "" if self.excess is None else f", {decimal_up(self.excess)} logits"
        by += "" if self.rival is None else f", rival {self.rival}"
        word = f"{','.join(map(str, self.sequence))} {'NOT ' * (not self.counted)}COUNTED"
        return f"e {word} in class {self.group} by {self.decided_by}{by}"


Way = Callable[[Sequence, int], Explanation]


def explanations(
    weights: bytes, certificate: bytes, pins: Pins, sequences: list[Sequence]
) -> list[Explanation]:
    """Return why each sequence counts as right or does not, of a certificate that `check` verified.

    Raises `Declined` for a sequence that is none of the model's.
    """
    claim, model = read(weights, certificate, pins)
    positions, k = claim.task.positions, len(claim.task.positions)
    for x in sequences:
        fits = len(x) == k and all(t in span for t, span in zip(x, positions, strict=True))
        decline_unless(
            fits, "unsupported", f"--explain takes {k} tokens of {claim.question[:200]}."
        )
    below, _ = shifted(model, claim, Tally(UNLIMITED))
    explain = explainer(model, below)
    return [explain(x) for x in sequences]


def decimal_up(value: Fraction) -> str:
    """Return the value as a decimal of six digits, rounded up."""
    return str(UP.divide(*map(Decimal, value.as_integer_ratio())))


def explainer(model: Model, claim: Claim) -> Callable[[Sequence], Explanation]:
    """Return the function that explains a sequence of this model by the claim's strategy."""
    task = claim.task
    by = _way(model, claim) if len(task.answers) > 1 else _without_rival

    def explained(x: Sequence) -> Explanation:
        label = task.rule.label([x[position] for position in task.reads])
        if label is None:
            raise Declined("unsupported", f"{claim.question[:200]} gives {x} no label.")
        if label in task.answers:
            return by(x, label)
        return Explanation(x, label, False, _class(x, label), "its label, which is no answer")

    return explained


def _without_rival(x: Sequence, label: int) -> Explanation:
    return Explanation(x, label, True, _class(x, label), "the absence of any rival")


def _class(x: Sequence, label: int) -> str:
    return f"q={x[-1]} m={label}"


def _way(model: Model, claim: Claim) -> Way:
    """Return the function that explains a sequence with this label, which has rivals."""
    tally, task = Tally(UNLIMITED), claim.task
    strategy = strategy_of(claim)
    served = claim.strategy == "enumerate" or strategy.needs != PROGRAM
    served = served and claim.strategy != "split"
    decline_unless(served, "unsupported", f"--explain does not serve {claim.strategy}.")
    witness, needed = strategy.read(claim), given(model, claim, tally)
    if claim.strategy == "enumerate":
        room = enumeration if strategy.needs == PROGRAM else layered_enumeration
        return partial(_by_evaluation, room.Evaluator(needed, witness, claim, tally))
    if strategy.needs == HEADS:
        # What `exact` does not evaluate is right (T14).
        lanes = claim._replace(precision=enumeration.LANES)
        evaluator = enumeration.Evaluator(needed, enumeration.MOST_PASSES, lanes, tally)
        return partial(_by_evaluation, evaluator)
    if claim.strategy in subcubic.NAMES:
        return partial(_by_class, subcubic.ClassBounds(needed, claim, witness, tally))
    if claim.strategy in RULES:
        return partial(_by_pools, Ladder(needed, claim.precision, tally), task, witness)
    if claim.strategy == "cubic":
        return partial(_by_mixture, needed, claim.precision, tally)
    return partial(_by_logits, needed, task.answers.start, claim.precision, tally)


def _by_evaluation(
    evaluator: enumeration.Evaluator | layered_enumeration.Evaluator, x: Sequence, label: int
) -> Explanation:
    """Enumeration: the lead of the input in the pass that decides it."""
    claim = evaluator.claim
    places = [t - span.start for t, span in zip(x, claim.task.positions, strict=True)]
    found = evaluator.decide(places, label - claim.task.answers.start)
    by = f"lanes of {found.width} bits" if found.width else "exact integers"
    if found.right is None:
        by += ", which leave it open"
    least = (found.lead - found.error) * Fraction(2) ** -found.unit
    excess = Fraction(*claim.margin) - least * Fraction(1, evaluator.scale)
    return Explanation(x, label, found.right is True, _class(x, label), by, excess)


def _by_logits(
    tables: Tables, first: int, bits: int, tally: Tally, x: Sequence, label: int
) -> Explanation:
    """Brute force and the exact count: the sequence's own sums of T1, ties included."""
    q, m = x[-1], label - first
    head = tables.head
    scores = [head.score[q][t] + head.positional_score[q][i] for i, t in enumerate(x)]
    balls = exponentials(scores, head.score_exponent, head.d_head, bits, tally)
    spans, gaps = on_one_unit(balls, bits), {}
    weights = dict(zip(scores, spans, strict=True))
    for j in (j for j in range(len(tables.direct[q])) if j != m):
        top = sum(weighted(f, weights[s]) for s, f in gap_terms(tables, x, m, j).items())
        gaps[j] = Fraction(top, tables.one * sum(span[top < 0] for span in spans))
    wrong = settled(tables, x, m, [j for j in gaps if gaps[j] >= 0], 2 * bits, tally)[1]
    rival = max(gaps, key=gaps.__getitem__)
    found = gaps[rival], rival + first
    return Explanation(x, label, not wrong, _class(x, label), "its own logits", *found)


def _by_mixture(tables: Tables, bits: int, tally: Tally, x: Sequence, m: int) -> Explanation:
    """The cubic strategy: F_t at both ends, for the worst of the free tokens t below m."""
    q, below = x[-1], [t for t in x[:-1] if t < m]
    if not below:
        return _by_logits(tables, 0, bits, tally, x, m)._replace(group=f"q={q} m={m} c=0")
    direct = cubic.largest_gap(tables.direct[q], m) + tables.eps
    gaps = [direct + gap for gap in cubic.largest_gaps(tables.head, m, tally)]
    bound, sums = cubic.ClassBound(Attention(tables.head, q, bits, tally), q, m, gaps), {}
    for t in below:
        bases = [(b, bound.own + bound.maximum_term(b)) for b in bound.ends(len(below))]
        sums[t] = max(bound.token_term(t, b) + base for b, base in bases)
    token = max(sums, key=sums.__getitem__)
    heaviest = max(high for _, high in bound.tokens) * bound.total
    excess, group = Fraction(sums[token], tables.one * heaviest), f"q={q} m={m} c={len(below)}"
    return Explanation(x, m, excess < 0, group, f"the bound F of token {token}", excess)


def _by_class(bounds: subcubic.ClassBounds, x: Sequence, m: int) -> Explanation:
    """The subcubic strategies: the class (q, m, c), its gap, and its bound."""
    q, below = x[-1], [t for t in x if t < m]
    group, bound = f"q={q} m={m} c={len(below)}", (bounds.alone(m), 1)
    if below:
        gap = bounds.witness.gaps[m][q][len(below) - 1]
        group += f" gap={gap}"
        if max(below) > m - gap:
            return Explanation(x, m, False, group, f"the gap, which token {max(below)} is inside")
        found = bounds.bound(bounds.query_scores(q), m, len(below), int(q < m))
        if found is None:
            return Explanation(x, m, False, group, "the witness, which gives no bound there")
        bound = found
    excess = Fraction(bound[0], bound[1] * bounds.unit)
    return Explanation(x, m, excess < 0, group, "the bound of the class", excess)


def _by_pools(steps: Ladder, task: Task, pools: Pools, x: Sequence, m: int) -> Explanation:
    """Ladders: the way of one sequence down the tree of pools."""
    q, group, nodes = x[-1], _class(x, m), pools.get(m, [])
    acceptor = accepted(task.rule, m, task.positions, task.reads)
    rivals, thresholds = steps.enter(m), dict[int, int]()
    while True:
        node = next((node for node in nodes if q in node.queries), None)
        queries = node.queries if node else range(q, q + 1)
        rivals = steps.left(m, rivals, thresholds, queries)
        if not rivals:
            return Explanation(x, m, True, group, "thresholds of the direct path")
        if node is None:
            return Explanation(x, m, False, group, "the witness, which has no pool for it")
        group = f"{_class(x, m)} pool={node.queries[0]}..{node.queries[-1]}"
        pool, uppers = steps.survivors(acceptor, node, rivals)
        if not uppers:
            tables = {j: pool.table([j]) for j in rivals}
            found = _by_sums(x, pool, tables)
            return Explanation(x, m, found[0] < 0, group, "the worst case of the pool", *found)
        if node.groups:
            return _by_rules(x, m, pool, node, uppers)._replace(group=group)
        thresholds, rivals = steps.thresholds(pool, node, uppers), list(uppers)
        nodes = node.subpools


def _by_rules(x: Sequence, m: int, pool: Pool, node: Node, uppers: Uppers) -> Explanation:
    """Explain by the rules that count what a pool leaves."""
    if sum(t in node.rare_tokens for t in x[:-1]) > node.at_most:
        return Explanation(x, m, False, "", f"more than {node.at_most} of the rare tokens")
    tables: dict[int, Table] = {}
    for group in (item for item in node.groups if not item.rule.endswith("-lower")):
        live = [j for j in group.rivals if j in uppers]
        alone = group.rule in (*BRANCHES, *MERGED)
        tables |= {j: uppers[j] if alone else pool.table(live) for j in live}
    if tables.keys() != uppers.keys():
        return Explanation(x, m, False, "", "the witness, which counts no such rival")
    found = _by_sums(x, pool, tables)
    return Explanation(x, m, found[0] < 0, "", "the rules of the pool", *found)


def _by_sums(x: Sequence, pool: Pool, tables: Uppers) -> tuple[Fraction, int]:
    """Return the largest sum of the sequence's entries in upper tables (T1, T2), and its rival."""
    number = {t: cell for cell, tokens in enumerate(pool.cells.tokens) for t in tokens}
    cells = [number[t] for t in x[:-1]]

    def along(rows: list[list[int]]) -> int:
        return sum(row[cell] for row, cell in zip(pool.spread(rows), cells, strict=True))

    sums = {j: table.own + along(table.rows) for j, table in tables.items()}
    rival = max(sums, key=sums.__getitem__)
    total = along([[high for _, high in row] for row in pool.weights[:-1]])
    unit = pool.extremes.tables.one * (total + pool.weights[-1][0][1])
    return Fraction(sums[rival], unit), rival
