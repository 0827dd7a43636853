"""The cubic strategy: positions and rivals pessimised apart, good sets of tokens counted."""

from math import comb

from arithmetic.tally import Tally, sort_cost
from arithmetic.weights import joint, on_one_unit, weighted
from counting.signs import settled
from files.claims import Claim, Counts
from parts.attention import Attention
from parts.tables import Head, Tables


def count_right(tables: Tables, witness: None, claim: Claim, tally: Tally) -> Counts:
    """Return how many sequences are right, at least and at most."""
    if len(tables.direct) == 1:
        return 1, 1  # One token has no rival, and one sequence, which is right.
    return certainly_right(tables, claim.precision, tally), claim.total


def certainly_right(tables: Tables, precision: int, tally: Tally) -> int:
    """Return how many sequences are certainly right.

    With the token t < m at c free positions of total positional weight B, and m at the others,
    F_t(B) = a(q) p_{k-1} u(q) + a(m) u(m) (T-B) + a(t) u(t) B bounds every rival's sum of T1 (times
    a common factor), u(t) being the largest gap over rivals and positions, parts apart. F_t is
    linear in B, so it is negative on all of [B_min, B_max] if it is at both ends; t is then good.
    A mixture of good tokens has the sum of (p_i/B) F_{t_i}(B), a convex combination at one B, so
    each of the comb(n, c) |G|^c sequences of good tokens is right.
    """
    head = tables.head
    v, k = len(tables.direct), len(head.positional_output)
    attentions = [Attention(head, query, precision, tally) for query in range(v)]
    right = 0
    for maximum in range(v):
        gaps = largest_gaps(head, maximum, tally)
        rivals = [j for j in range(v) if j != maximum]
        for query in inhabited_queries(maximum, k):
            tally.charge(3 * v + 8)
            direct = largest_gap(tables.direct[query], maximum) + tables.eps
            bound = ClassBound(attentions[query], query, maximum, [direct + h for h in gaps])
            right += bound.mixtures(tally)
            # c = 0 is one sequence: its free tokens are all m.
            sequence = (*[maximum] * (k - 1), query)
            alone = bound.own + bound.maximum_term(0) < 0
            right += (
                alone or not settled(tables, sequence, maximum, rivals, 2 * precision, tally)[1]
            )
    return right


def inhabited_queries(maximum: int, n_ctx: int) -> range:
    """Return the queries q whose class (q, m) holds any sequence.

    With one position the query is all there is, so it is the maximum.
    """
    return range(maximum + 1) if n_ctx > 1 else range(maximum, maximum + 1)


def largest_gap(row: list[int], maximum: int) -> int:
    """Return the largest row[j] - row[m] over j != m."""
    return max(row[:maximum] + row[maximum + 1 :]) - row[maximum]


def largest_gaps(head: Head, maximum: int, tally: Tally) -> list[int]:
    """Return h(t) = max over j != m of V[t,j]-V[t,m] + max over i of P[i,j]-P[i,m], t = 0..m."""
    v, k = len(head.output), len(head.positional_output)
    tally.charge(v * (2 * k + 2 * (maximum + 1)))
    places = [[x - row[maximum] for x in row] for row in head.positional_output]
    pessimal = [max(column) for column in zip(*places, strict=True)]
    rows = head.output[: maximum + 1]
    sums = [[x + y for x, y in zip(row, pessimal, strict=True)] for row in rows]
    # The places' own entry is 0, so entry m of a sum is V[t,m].
    return [largest_gap(row, maximum) for row in sums]


class ClassBound:
    """F_t(B) for one class (q, m), in integers rounded up; `gaps[t]` is u(t)."""

    def __init__(self, attention: Attention, query: int, maximum: int, gaps: list[int]) -> None:
        self.maximum, self.holds, self.gaps = maximum, query == maximum, gaps
        self.tokens = on_one_unit(attention.tokens[: maximum + 1], attention.bits)
        *self.places, last = on_one_unit(attention.positions, attention.bits)
        self.lows = sorted(low for low, _ in self.places)
        self.highs = sorted((high for _, high in self.places), reverse=True)
        self.own = weighted(gaps[query], joint(self.tokens[query], last))
        # Times the largest token's weight, the most that all positions together weigh.
        self.total = sum(self.highs) + last[1]

    def mixtures(self, tally: Tally) -> int:
        """Return how many sequences with c >= 1 free tokens below m are right."""
        n = len(self.places)
        most = n if self.holds else n - 1
        tally.charge(sort_cost(n) * 2 + most * (4 * n + 12 + 8 * self.maximum))
        good = [self._good_tokens(*self.ends(c)) for c in range(1, most + 1)]
        return sum(comb(n, c) * tokens**c for c, tokens in enumerate(good, start=1))

    def ends(self, c: int) -> tuple[int, int]:
        """Return B_min and B_max: the least and the most that c free positions weigh."""
        return sum(self.lows[:c]), sum(self.highs[:c])

    def _good_tokens(self, least: int, most: int) -> int:
        """Return |G|: the tokens below m with F_t < 0 at B = `least` and at B = `most`."""
        bases = [(b, self.own + self.maximum_term(b)) for b in (least, most)]
        return sum(
            all(self.token_term(t, b) + base < 0 for b, base in bases) for t in range(self.maximum)
        )

    def token_term(self, token: int, weight: int) -> int:
        """Return an upper bound of a(t) u(t) B."""
        return weighted(self.gaps[token] * weight, self.tokens[token])

    def maximum_term(self, weight: int) -> int:
        """Return an upper bound of a(m) u(m) (T - B), T being all free positions' weight."""
        total = sum(place[1 if self.gaps[-1] > 0 else 0] for place in self.places)
        return weighted(self.gaps[-1] * (total - weight), self.tokens[-1])
