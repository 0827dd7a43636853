"""The subcubic strategies: classes by number of tokens below the maximum, each with a gap.

subcubic/<direct>/<attention>/<score error>: scores from `score_bounds`, logits from `logit_bounds`,
and here the attention to the maximum, the convex bound at both of its ends, and the count.
"""

from itertools import accumulate
from math import comb

from attention import Span, exponentials, on_one_unit
from balls import at_unit, exp_over_root
from claims import Claim
from logit_bounds import Logits, bounded_logits
from score_bounds import Scores, bounded_scores
from tally import Tally, sort_cost
from transformer import Model
from witness import PAIR, Witness, read_witness

DIRECT = ("mean-query", "svd-query", "max-diff", "max-diff-exact", "global-max-diff-exact")
ATTENTION = ("mean+diff", "drop-average", "chord")
_CUT, _FACTORS = "max-diff-subproduct", "max-diff-subproduct-recursive"
_CHAIN = (_CUT, f"mean+{_CUT}", _FACTORS, f"mean+{_FACTORS}", f"mean-recursive+{_FACTORS}")
SCORE_ERROR = ("exact", *PAIR, *_CHAIN)
NAMES = [f"subcubic/{d}/{a}/{s}" for d in DIRECT for a in ATTENTION for s in SCORE_ERROR]


def count_right(model: Model, claim: Claim, tally: Tally) -> int:
    """Return how many sequences are certainly right.

    For each q, m and number c of tokens other than m, with the witness's gap gamma: if the bound is
    negative, all sequences whose c tokens are at most m - gamma are right. There are
    comb(n, c) (m-gamma+1)^c of them if q = m, and comb(n, c-1) (m-gamma+1)^(c-1) if q < m, the
    query being one of the c. Different (q, m, c) share no sequence.
    """
    _, direct, attention, score_error = claim.strategy.split("/")
    witness = read_witness(claim.witness, (direct, attention, score_error), model.shape)
    if model.shape.d_vocab == 1:
        return 1  # No rival, and one input.
    scores = bounded_scores(score_error, model, witness, tally)
    logits = bounded_logits(direct, model, claim.margin, witness, tally)
    curves = _Curves(attention, logits, witness, claim.precision, tally)
    n, right = model.shape.n_ctx - 1, 0
    for query in range(model.shape.d_vocab):
        row = _QueryScores(scores, query, model.shape.d_head, claim.precision, tally)
        right += logits.alone[query] + logits.eps < 0
        for m in range(query, model.shape.d_vocab):
            own = int(query < m)
            for c in range(1, n + 1):
                gap = witness.gaps[m][query][c - 1]
                if gap <= (m - query if own else m):
                    tally.charge(32)
                    ends = row.attention_ends(m, gap, c, own)
                    if curves.negative(m, gap, c, ends, logits.difference[query]):
                        right += comb(n, c - own) * (m - gap + 1) ** (c - own)
    return right


class _QueryScores:
    """The scores of one query, and the weights of the positions by their rest scores."""

    def __init__(self, scores: Scores, query: int, d_head: int, bits: int, tally: Tally) -> None:
        self.row, self.error = scores.approximate[query], scores.error[query]
        self.exponent, self.square = scores.exponent, d_head * scores.denominator**2
        # The unit is finer than these bits: the lightest positions and tokens count as well.
        self.bits, self.unit_bits = bits, 8 * bits
        # Largest and smallest score of the tokens 0..t.
        self.extremes = (list(accumulate(self.row, max)), list(accumulate(self.row, min)))
        rest = scores.positional[query]
        tally.charge(2 * len(self.row) + 6 * len(rest) + 2 * sort_cost(len(rest)))
        weights = exponentials(rest, self.exponent, self.square, bits)
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
        self.anchors = []
        for m in range(v):
            own = points[m * per_class : (m + 1) * per_class] or [0]
            pairs = [(s, self._phi(m, s)) for s in own]
            self.anchors.append([pairs[i : i + size] for i in range(0, len(pairs), size)])

    def _phi(self, m: int, s: int) -> int:
        terms = zip(self.logits.constant[m], self.logits.slope[m], strict=True)
        return max((constant << self.bits) + s * slope for constant, slope in terms)

    def negative(self, m: int, gap: int, c: int, ends: tuple[int, int], difference: int) -> bool:
        """Return whether phi(a) + (1-a) Wr + diff_q + eps < 0 at both ends, thus between them."""
        anchors = self.anchors[m][(c - 1) % len(self.anchors[m])]
        rest = self.logits.others[m][m - gap]
        offset = (difference + self.logits.eps) << self.bits
        points = [end << self.lift for end in ends]
        whole = 1 << self.bits
        return all(self._below(m, a, anchors, (whole - a) * rest + offset) for a in points)

    def _below(self, m: int, a: int, anchors: list[tuple[int, int]], linear: int) -> bool:
        """Return whether the bound on phi(a) plus `linear` is negative."""
        (s, phi), (t, other) = anchors[0], anchors[-1]
        if len(anchors) == 1:
            most, least = self.slopes[m]
            return phi + max((a - s) * most, (a - s) * least) + linear < 0
        if not s <= a <= t:
            return False
        if s == t:
            return phi + linear < 0
        return phi * (t - a) + other * (a - s) + linear * (t - s) < 0
