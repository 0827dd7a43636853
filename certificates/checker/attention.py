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
        self.query, self.bits = query, bits
        self.tokens = _factors(tables, tables.score[query], bits, tally)
        self.positions = _factors(tables, tables.positional_score[query], bits, tally)

    def unit(self, maximum: int) -> int:
        """Return the exponent of the unit in which the largest weight of 0..m has `bits` bits.

        One power of two is thus the common factor of a whole class, chosen class by class: weights
        of one class may be 1e-30 of the largest weight of the query.
        """
        return _top(self.tokens[: maximum + 1]) + _top(self.positions) - self.bits

    def token_spans(self, maximum: int) -> list[Span]:
        """Return integers around exp S[q,t] for t = 0..m, the largest of `bits` bits."""
        return _on_one_unit(self.tokens[: maximum + 1], self.bits)

    def position_spans(self) -> list[Span]:
        """Return integers around exp R[q,i] for every position, the largest of `bits` bits."""
        return _on_one_unit(self.positions, self.bits)

    def weight(self, token: int, position: int, unit: int) -> Span:
        """Return integers (lo, hi) around w_position(token) in units of 2**unit; hi >= 1."""
        return at_unit(product(self.tokens[token], self.positions[position]), unit)

    def weights(self, maximum: int, unit: int, tally: Tally) -> list[list[Span]]:
        """Return `weight` of every position (rows) and token 0..m (columns)."""
        tally.charge(len(self.positions) * (maximum + 1))
        return [
            [self.weight(token, position, unit) for token in range(maximum + 1)]
            for position in range(len(self.positions))
        ]


def _factors(tables: PathTables, scores: list[int], bits: int, tally: Tally) -> list[Ball]:
    tally.charge(2 * len(scores))
    top, exponent, square = max(scores), tables.score_exponent, tables.shape.d_head
    return [trimmed(exp_over_root(s - top, exponent, square, bits), bits) for s in scores]


def _top(balls: list[Ball]) -> int:
    return max(high.bit_length() + exponent for _, high, exponent in balls)


def _on_one_unit(balls: list[Ball], bits: int) -> list[Span]:
    unit = _top(balls) - bits
    return [at_unit(ball, unit) for ball in balls]
