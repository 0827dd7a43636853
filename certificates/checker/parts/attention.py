"""Attention weights w_i(t) = exp(S[q,t] + R[q,i]) of one query, enclosed and put on one unit."""

from arithmetic.balls import Ball, at_unit, product
from arithmetic.tally import Tally
from arithmetic.weights import Span, exponentials, top_bits
from parts.tables import Head


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
        return (
            top_bits(self.tokens[tokens.start : tokens.stop]) + top_bits(self.positions) - self.bits
        )

    def weights(self, tokens: range, tally: Tally) -> list[list[Span]]:
        """Return integers (lo, hi) around w_i(t) in the class's unit, for each i and token."""
        tally.charge(len(self.positions) * len(tokens))
        factors, unit = self.tokens[tokens.start : tokens.stop], self.unit(tokens)
        return [[at_unit(product(t, p), unit) for t in factors] for p in self.positions]
