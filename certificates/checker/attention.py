"""Attention weights w_i(t) = exp(S[q,t] + R[q,i]) of one query, enclosed and put on one unit."""

from balls import Ball, at_unit, exp_over_root, product, trimmed
from tally import Tally
from transformer import PathTables

Span = tuple[int, int]


class Attention:
    """Factors exp(S[q,t] - S*) and exp(R[q,i] - R*) of one query, as balls of `bits` bits.

    S* and R* are the largest scores of the query: common factors of every weight, which no sign of
    a sum of weighted gaps can see.
    """

    def __init__(self, tables: PathTables, query: int, bits: int, tally: Tally) -> None:
        self.tables, self.query, self.bits = tables, query, bits
        self.tokens = self._factors(tables, tables.score[query], tally)
        self.positions = self._factors(tables, tables.positional_score[query], tally)

    def _factors(self, tables: PathTables, scores: list[int], tally: Tally) -> list[Ball]:
        tally.charge(2 * len(scores))
        return exponentials(scores, tables.score_exponent, tables.shape.d_head, self.bits)

    def unit(self, maximum: int) -> int:
        """Return the exponent of the unit in which the largest weight of 0..m has `bits` bits.

        One power of two is thus the common factor of a whole class, chosen class by class: weights
        of one class may be 1e-30 of the largest weight of the query.
        """
        return _top(self.tokens[: maximum + 1]) + _top(self.positions) - self.bits

    def token_spans(self, maximum: int) -> list[Span]:
        """Return integers around exp S[q,t] for t = 0..m, the largest of `bits` bits."""
        return on_one_unit(self.tokens[: maximum + 1], self.bits)

    def position_spans(self) -> list[Span]:
        """Return integers around exp R[q,i] for every position, the largest of `bits` bits."""
        return on_one_unit(self.positions, self.bits)

    def weights(self, maximum: int, unit: int, tally: Tally) -> list[list[Span]]:
        """Return integers (lo, hi) around w_i(t) in units of 2**unit, for each i and t = 0..m."""
        tally.charge(len(self.positions) * (maximum + 1))
        tokens = self.tokens[: maximum + 1]
        return [[at_unit(product(t, p), unit) for t in tokens] for p in self.positions]


def exponentials(scores: list[int], exponent: int, square: int, bits: int) -> list[Ball]:
    """Return balls around exp((s - s*) 2**exponent / sqrt(square)), s* the largest score."""
    top = max(scores)
    return [trimmed(exp_over_root(s - top, exponent, square, bits), bits) for s in scores]


def _top(balls: list[Ball]) -> int:
    return max(high.bit_length() + exponent for _, high, exponent in balls)


def on_one_unit(balls: list[Ball], bits: int) -> list[Span]:
    """Return integers around the balls in the unit that gives the largest `bits` bits."""
    unit = _top(balls) - bits
    return [at_unit(ball, unit) for ball in balls]
