"""Attention weights w_i(t) = exp(S[q,t] + R[q,i]) of one query, enclosed and put on one unit."""

from arithmetic.balls import Ball, argument_bits, at_unit, exp_over_root, product, trimmed
from arithmetic.tally import Tally, exp_surcharge
from parts.tables import Head

Span = tuple[int, int]


class Attention:
    """Factors exp(S[q,t] - S*) and exp(R[q,i] - R*) of one query, as balls of `bits` bits.

    S* and R* are the largest scores of the query: common factors of every weight, which no sign of
    a sum of weighted gaps can see.
    """

    def __init__(self, head: Head, query: int, bits: int, tally: Tally) -> None:
        self.head, self.query, self.bits = head, query, bits
        self.tokens = self._factors(head.score[query], tally)
        self.positions = self._factors(head.positional_score[query], tally)

    def _factors(self, scores: list[int], tally: Tally) -> list[Ball]:
        tally.charge(2 * len(scores))
        unit = self.head.score_exponent, self.head.d_head
        return exponentials(scores, *unit, self.bits, tally)

    def unit(self, tokens: range) -> int:
        """Return the exponent of the unit in which the largest weight of `tokens` has `bits` bits.

        One power of two is thus the common factor of a whole class, chosen class by class: weights
        of one class may be 1e-30 of the largest weight of the query.
        """
        return _top(self.tokens[tokens.start : tokens.stop]) + _top(self.positions) - self.bits

    def weights(self, tokens: range, tally: Tally) -> list[list[Span]]:
        """Return integers (lo, hi) around w_i(t) in the class's unit, for each i and token."""
        tally.charge(len(self.positions) * len(tokens))
        factors, unit = self.tokens[tokens.start : tokens.stop], self.unit(tokens)
        return [[at_unit(product(t, p), unit) for t in factors] for p in self.positions]


def exponentials(scores: list[int], unit: int, square: int, bits: int, tally: Tally) -> list[Ball]:
    """Return balls around exp((s - s*) 2**unit / sqrt(square)), s* the largest score."""
    top = max(scores)
    tally.charge(exp_surcharge(len(scores), argument_bits(top - min(scores), unit, square) + bits))
    return [trimmed(exp_over_root(s - top, unit, square, bits), bits) for s in scores]


def joint(a: Span, b: Span) -> Span:
    """Return integers around the product of two factors of a weight."""
    return a[0] * b[0], a[1] * b[1]


def weighted(gap: int, weight: Span, up: bool = True) -> int:
    """Return the largest (up) or smallest product of an exact gap and a weight in the span."""
    return gap * weight[(gap > 0) == up]


def _top(balls: list[Ball]) -> int:
    return max(high.bit_length() + exponent for _, high, exponent in balls)


def on_one_unit(balls: list[Ball], bits: int) -> list[Span]:
    """Return integers around the balls in the unit that gives the largest `bits` bits."""
    unit = _top(balls) - bits
    return [at_unit(ball, unit) for ball in balls]
