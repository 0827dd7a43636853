"""The subcubic strategies: classes by number of tokens below the maximum, each with a gap.

subcubic/<direct>/<attention>/<score error>: scores from `score_bounds`, logits from `logit_bounds`,
and here the attention to the maximum, the convex bound at both of its ends, and the count.
"""

from itertools import accumulate
from math import comb

from arithmetic.balls import argument_bits, at_unit, exp_over_root
from arithmetic.tally import Tally, exp_surcharge, sort_cost
from arithmetic.weights import Span, exponentials, on_one_unit
from files.claims import Claim, Counts
from parts.attention_only import Model, Shape
from strategies.logit_bounds import Logits, bounded_logits
from strategies.score_bounds import Scores, bounded_scores
from strategies.subcubic_witness import PAIR, Witness, read_witness

DIRECT = ("mean-query", "svd-query", "max-diff", "max-diff-exact", "global-max-diff-exact")
ATTENTION = ("mean+diff", "drop-average", "chord")
_CUT, _FACTORS = "max-diff-subproduct", "max-diff-subproduct-recursive"
_CHAIN = (_CUT, f"mean+{_CUT}", _FACTORS, f"mean+{_FACTORS}", f"mean-recursive+{_FACTORS}")
SCORE_ERROR = ("exact", *PAIR, *_CHAIN)
NAMES = [f"subcubic/{d}/{a}/{s}" for d in DIRECT for a in ATTENTION for s in SCORE_ERROR]


def read(claim: Claim) -> Witness:
    """Return the witness, with the keys of the strategy's parts."""
    return read_witness(claim.witness, parts(claim.strategy), Shape(**claim.sizes))


def count_right(model: Model, witness: Witness, claim: Claim, tally: Tally) -> Counts:
    """Return how many sequences are right, at least and at most."""
    return certainly_right(model, witness, claim, tally), claim.total


def certainly_right(model: Model, witness: Witness, claim: Claim, tally: Tally) -> int:
    """Return how many sequences are certainly right.

    For each q, m and number c of tokens other than m, with the witness's gap gamma: if the bound is
    negative, all sequences whose c tokens are at most m - gamma are right. There are
    comb(n, c) (m-gamma+1)^c of them if q = m, and comb(n, c-1) (m-gamma+1)^(c-1) if q < m, the
    query being one of the c. Different (q, m, c) share no sequence.
    """
    if model.shape.d_vocab == 1:
        return 1  # No rival, and one input.
    classes = ClassBounds(model, claim, witness, tally)
    n, right = model.shape.n_ctx - 1, 0
    for query in range(model.shape.d_vocab):
        row = classes.query_scores(query)
        right += classes.alone(query) < 0
        for m in range(query, model.shape.d_vocab):
            own = int(query < m)
            for c in range(1, n + 1):
                bound = classes.bound(row, m, c, own)
                if bound and bound[0] < 0:
                    gap = witness.gaps[m][query][c - 1]
                    right += comb(n, c - own) * (m - gap + 1) ** (c - own)
    return right


def parts(strategy: str) -> tuple[str, str, str]:
    """Return the direct path, attention and score-error handling of a strategy's name."""
    _, direct, attention, score_error = strategy.split("/")
    return direct, attention, score_error


class ClassBounds:
    """Upper bounds of the logit gaps of classes (q, m, c), as fractions in units of `unit`."""

    def __init__(self, model: Model, claim: Claim, witness: Witness, tally: Tally) -> None:
        direct, attention, score_error = parts(claim.strategy)
        self.witness, self.tally = witness, tally
        self.square, self.precision = model.shape.d_head, claim.precision
        size, key = 4 * model.shape.d_vocab**2, (score_error, *map(repr, witness.directions))
        made = ("scores", claim.words, *key, witness.squarings)
        self.scores: Scores = tally.share(
            made, size, lambda: bounded_scores(score_error, model, witness, tally)
        )
        made = ("logits", claim.words, direct, *map(repr, (claim.margin, witness.mu)))
        self.logits: Logits = tally.share(
            made, size, lambda: bounded_logits(direct, model, claim.margin, witness, tally)
        )
        self.curves = _Curves(attention, self.logits, witness, claim.precision, tally)
        self.unit = self.logits.one << self.curves.bits

    def query_scores(self, query: int) -> "QueryScores":
        """Return the scores of a query."""
        return QueryScores(self.scores, query, self.square, self.precision, self.tally)

    def alone(self, query: int) -> int:
        """Return the bound of the sequence of `query` alone (c = 0)."""
        return (self.logits.alone[query] + self.logits.eps) << self.curves.bits

    def bound(self, row: "QueryScores", m: int, c: int, own: int) -> tuple[int, int] | None:
        """Return the bound (n, d), d > 0, of a class; None if the witness gives none.

        Theorem: phi(a) + (1-a) Wr + diff_q + eps is convex in the attention a, so that its larger
        value at the ends a_lo and a_hi bounds all between them. `own` is 1 if q < m.
        """
        gap = self.witness.gaps[m][row.query][c - 1]
        if gap > (m - row.query if own else m):
            return None
        self.tally.charge(32 + row.surcharge + self.curves.surcharge)
        ends = row.attention_ends(m, gap, c, own)
        return self.curves.bound(m, gap, c, ends, self.logits.difference[row.query])


class QueryScores:
    """The scores of one query, and the weights of the positions by their rest scores."""

    def __init__(self, scores: Scores, query: int, d_head: int, bits: int, tally: Tally) -> None:
        self.query, self.row, self.error = query, scores.approximate[query], scores.error[query]
        self.exponent, self.square = scores.exponent, d_head * scores.denominator**2
        # The unit is finer than these bits: the lightest positions and tokens count as well.
        self.bits, self.unit_bits = bits, 8 * bits
        # Largest and smallest score of the tokens 0..t.
        self.extremes = (list(accumulate(self.row, max)), list(accumulate(self.row, min)))
        rest = scores.positional[query]
        tally.charge(2 * len(self.row) + 6 * len(rest) + 2 * sort_cost(len(rest)))
        weights = exponentials(rest, self.exponent, self.square, bits, tally)
        reach = self.extremes[0][-1] - self.extremes[1][-1] + self.error
        size = argument_bits(reach, self.exponent, self.square) + bits
        self.surcharge = exp_surcharge(2, size, reach.bit_length())
        *places, self.last = on_one_unit(weights, self.unit_bits)
        lows, highs = sorted(x[0] for x in places), sorted((x[1] for x in places), reverse=True)
        # exp(-distance) by distance: classes that differ in c alone share their score gaps.
        self.decays: dict[int, Span] = {}
        # Entry c: the sum of the c smallest lower ends, and of the c largest upper ends.
        self.sums = ([0, *accumulate(lows)], [0, *accumulate(highs)])

    def attention_ends(self, m: int, gap: int, c: int, own: int) -> tuple[int, int]:
        """Return a_lo and a_hi in units of 2**-bits: the attention to the maximum.

        c tokens are at most m - gap, the query being one of them if `own` is 1. a = A / (A + B x)
        with A and B the weights of the positions of the maximum and of the others, and x between
        exp(-hi) and exp(-lo), the extreme score gaps. The maximum has the lightest positions for
        a_lo and the heaviest for a_hi.
        """
        free, ends = c - own, []
        held = len(self.sums[0]) - 1 - free
        for up in (0, 1):
            inside = self.sums[up][held] + (1 - own) * self.last[up]
            outside = self.sums[1 - up][free] + own * self.last[1 - up]
            score_gap = self.row[m] - self.extremes[up][m - gap] + (2 * up - 1) * self.error
            ends.append(self._share(inside, outside, score_gap, up))
        return ends[0], ends[1]

    def _share(self, a: int, b: int, gap: int, up: int) -> int:
        """Return A / (A + B exp(-gap)) in units of 2**-bits, rounded up (1) or down (0).

        Only exponentials of non-positive numbers are formed: none overflows.
        """
        distance = abs(gap)
        if distance not in self.decays:
            ball = exp_over_root(-distance, self.exponent, self.square, self.bits)
            self.decays[distance] = at_unit(ball, -self.unit_bits)
        ends = self.decays[distance]
        if gap >= 0:
            a, b = a << self.unit_bits, b * ends[1 - up]
        else:
            a, b = a * ends[up], b << self.unit_bits
        share = a << self.bits
        return -(-share // (a + b)) if up else share // (a + b)


class _Curves:
    """Upper bounds of phi_m(a): convex in a, so that both ends of an interval decide it.

    `anchors[m][c-1]` holds pairs (s, phi_m(s)), attentions in units of 2**-bits and phi times
    2**bits. One anchor s: phi(a) <= phi(s) + max(x max_j r_j, x min_j r_j), x = a - s, whatever the
    sign of x. Two: on [s_0, s_1] phi is below its chord; outside, no bound is claimed.
    """

    def __init__(
        self, kind: str, logits: Logits, witness: Witness, precision: int, tally: Tally
    ) -> None:
        numbers, exponent = witness.chord if kind == "chord" else witness.a_star
        self.bits = max(precision, -exponent)
        self.lift = self.bits - precision
        self.logits = logits
        self.slopes = [(max(row), min(row)) for row in logits.slope]
        points = [number << (exponent + self.bits) for number in numbers]
        v, size = len(logits.slope), 2 if kind == "chord" else 1
        per_class = len(points) // v
        tally.charge(v * (2 * v + 3 * v * max(per_class, 1)))
        # The bits of an attention and of a logit: a class multiplies them eight times.
        width = max([self.bits, *map(int.bit_length, points)])
        length = max(x.bit_length() for row in logits.slope for x in row)
        times = width * length >> 18
        tally.charge(v * v * max(per_class, 1) * times)
        self.surcharge = 32 * times
        self.anchors = []
        for m in range(v):
            own = points[m * per_class : (m + 1) * per_class] or [0]
            pairs = [(s, self._phi(m, s)) for s in own]
            self.anchors.append([pairs[i : i + size] for i in range(0, len(pairs), size)])

    def _phi(self, m: int, s: int) -> int:
        terms = zip(self.logits.constant[m], self.logits.slope[m], strict=True)
        return max((constant << self.bits) + s * slope for constant, slope in terms)

    def bound(self, m: int, gap: int, c: int, ends: Span, difference: int) -> Span | None:
        """Return phi(a) + (1-a) Wr + diff_q + eps at the worse end, as n/d of 2**-bits; or None."""
        anchors = self.anchors[m][(c - 1) % len(self.anchors[m])]
        divisor = anchors[-1][0] - anchors[0][0] or 1
        rest = self.logits.others[m][m - gap]
        offset, whole = (difference + self.logits.eps) << self.bits, 1 << self.bits
        sums = []
        for a in (ends[0] << self.lift, ends[1] << self.lift):
            phi = self._above(m, a, anchors)
            if phi is None:
                return None
            sums.append(phi + ((whole - a) * rest + offset) * divisor)
        return max(sums), divisor

    def _above(self, m: int, a: int, anchors: list[tuple[int, int]]) -> int | None:
        """Return the bound on phi(a) times the distance of two anchors, if there are two."""
        (s, phi), (t, other) = anchors[0], anchors[-1]
        if len(anchors) == 1:
            most, least = self.slopes[m]
            return phi + max((a - s) * most, (a - s) * least)
        if not s <= a <= t:
            return None
        return phi if s == t else phi * (t - a) + other * (a - s)
