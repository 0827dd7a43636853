"""The exact truth about a small model, by enumeration of its literal forward pass.

Weights are the exact rationals of their bits. A sequence is run through softmax and logits in
balls; where the balls overlap at every precision tried, the sign of the logit gap is decided
exactly. Nothing here uses the code that it serves to test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cache, lru_cache
from itertools import product

import numpy as np
from flint import arb, ctx, fmpq

from support.toy import ToyModel

Sequence = tuple[int, ...]
Margin = Fraction | int

LITERAL_BITS = (256, 1024)
NO_MARGIN = Fraction(0)

to_rational = np.frompyfunc(lambda x: fmpq(*x.as_integer_ratio()), 1, 1)
to_ball = np.frompyfunc(arb, 1, 1)


class Oracle:
    """Exact rational tables of one model, and the questions they answer.

    `query_key[i, t, q]` is the score of token t at position i times the root of d_head;
    `written[i, t]` is what full attention to it adds to the residual stream, b_O apart.
    """

    def __init__(self, model: ToyModel):
        self.d_vocab, self.n_ctx = model.d_vocab, model.n_ctx
        self.d_head = model.d_head
        self._weights = _exact_weights(model)
        w = self._weights
        self.residual = w["W_E"][np.newaxis] + w["W_pos"][:, np.newaxis]
        queries = self.residual[-1] @ w["W_Q"] + w["b_Q"]
        keys = self.residual @ w["W_K"] + w["b_K"]
        self.query_key = keys @ queries.T
        self.written = (self.residual @ w["W_V"] + w["b_V"]) @ w["W_O"]
        self.written_logits = self.written @ w["W_U"]
        self.direct_logits = (self.residual[-1] + w["b_O"]) @ w["W_U"] + w["b_U"]
        self._balls = cache(self._balls_at)

    def sequences(self) -> Iterator[Sequence]:
        return product(range(self.d_vocab), repeat=self.n_ctx)

    def is_correct(
        self,
        sequence: Sequence,
        margin: Margin = NO_MARGIN,
        label: int | None = None,
        answers: range | None = None,
    ) -> bool:
        """Say whether the label's logit beats every other answer's by more than the margin.

        Left out, the label is the maximum, and every token is an answer.
        """
        undecided = self._rivals(sequence, label, answers)
        for bits in LITERAL_BITS:
            gaps = self.gaps(sequence, margin, bits, undecided, label)
            if any(gap < 0 for gap in gaps.values()):
                return False
            undecided = [rival for rival, gap in gaps.items() if not gap > 0]
            if not undecided:
                return True
        return all(self.gap_sign(sequence, rival, margin, label) > 0 for rival in undecided)

    def rivals_ahead(self, sequence: Sequence, margin: Margin = NO_MARGIN) -> set[int]:
        """Return the rivals j with logits[j] + margin >= logits[maximum]."""
        ahead: set[int] = set()
        undecided = self._rivals(sequence)
        for bits in LITERAL_BITS:
            gaps = self.gaps(sequence, margin, bits, undecided)
            ahead |= {rival for rival, gap in gaps.items() if gap < 0}
            undecided = [rival for rival, gap in gaps.items() if not (gap < 0 or gap > 0)]
            if not undecided:
                return ahead
        return ahead | {j for j in undecided if self.gap_sign(sequence, j, margin) <= 0}

    def gaps(
        self,
        sequence: Sequence,
        margin: Margin = NO_MARGIN,
        bits: int = LITERAL_BITS[0],
        rivals: Iterable[int] | None = None,
        label: int | None = None,
    ) -> dict[int, arb]:
        """Return enclosures of logits[label] - logits[rival] - margin by rival."""
        logits = self.logits(sequence, bits)
        label = max(sequence) if label is None else label
        rivals = self._rivals(sequence) if rivals is None else rivals
        with ctx.workprec(bits):
            needed = logits[label] - arb(_rational(margin))
            return {rival: needed - logits[rival] for rival in rivals}

    def logits(self, sequence: Sequence, bits: int = LITERAL_BITS[0]) -> np.ndarray:
        """Return enclosures of the logits (v,) at the last position."""
        query, positions = sequence[-1], range(self.n_ctx)
        residual, written, bias_out, unembedding, bias = self._balls(bits)
        with ctx.workprec(bits):
            attention = self._attention(sequence)
            mixed = sum(attention[i] * written[i, sequence[i]] for i in positions)
            return (residual[query] + mixed + bias_out) @ unembedding + bias

    def _attention(self, sequence: Sequence) -> list[arb]:
        query = sequence[-1]
        scores = [self.query_key[i, token, query] for i, token in enumerate(sequence)]
        largest = max(scores)
        root = arb(self.d_head).sqrt()
        weights = [(arb(score - largest) / root).exp() for score in scores]
        total = sum(weights)
        return [weight / total for weight in weights]

    def _balls_at(self, bits: int) -> tuple[np.ndarray, ...]:
        w = self._weights
        exact = (self.residual[-1], self.written, w["b_O"], w["W_U"], w["b_U"])
        with ctx.workprec(bits):
            return tuple(to_ball(table) for table in exact)

    def _rivals(
        self, sequence: Sequence, label: int | None = None, answers: range | None = None
    ) -> list[int]:
        label = max(sequence) if label is None else label
        return [j for j in answers or range(self.d_vocab) if j != label]

    def gap_sign(
        self, sequence: Sequence, rival: int, margin: Margin, label: int | None = None
    ) -> int:
        """Return the exact sign of logits[label] - logits[rival] - margin."""
        label, query = max(sequence) if label is None else label, sequence[-1]
        direct = self.direct_logits[query]
        everywhere = direct[label] - direct[rival] - _rational(margin)
        terms = []
        for i, token in enumerate(sequence):
            added = self.written_logits[i, token]
            score = self.query_key[i, token, query]
            terms.append((score, everywhere + added[label] - added[rival]))
        return sign_of_exponential_sum(terms, self.d_head)


def sign_of_exponential_sum(terms: Iterable[tuple[fmpq, fmpq]], d_head: int) -> int:
    """Return the sign of the sum of f * exp(x / sqrt(d_head)) over rational pairs (x, f).

    Exponentials of distinct algebraic numbers are linearly independent over the algebraic numbers
    (Lindemann-Weierstrass): the sum is zero only if the f of each x add up to zero. If they do
    not, some precision tells the sign.
    """
    groups: dict[fmpq, fmpq] = defaultdict(fmpq)
    for x, f in terms:
        groups[x] += f
    groups = {x: f for x, f in groups.items() if f != 0}
    if not groups:
        return 0
    largest = max(groups)
    bits = LITERAL_BITS[0]
    while True:
        with ctx.workprec(bits):
            root = arb(d_head).sqrt()
            total = sum(arb(f) * (arb(x - largest) / root).exp() for x, f in groups.items())
            if total > 0:
                return 1
            if total < 0:
                return -1
        bits *= 2


def _exact_weights(model: ToyModel) -> dict[str, np.ndarray]:
    """Return the rationals of all weights by short name, no head axis, absent biases as zeros."""
    d, h = model.d_model, model.d_head
    weights = {
        "b_Q": np.zeros(h),
        "b_K": np.zeros(h),
        "b_V": np.zeros(h),
        "b_O": np.zeros(d),
        "b_U": np.zeros(model.d_vocab_out),
    }
    for name, tensor in model.tensors.items():
        short = name.rsplit(".", 1)[1]
        has_head_axis = short in {"W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V"}
        weights[short] = tensor[0] if has_head_axis else tensor
    return {short: to_rational(tensor) for short, tensor in weights.items()}


def _rational(number: Margin) -> fmpq:
    return fmpq(number.numerator, number.denominator)


@lru_cache(maxsize=8)
def oracle_of(model: ToyModel) -> Oracle:
    """Return the oracle of a model, built once while it is in use."""
    return Oracle(model)


def is_correct(model: ToyModel, sequence: Sequence, margin: Margin = NO_MARGIN) -> bool:
    """Say whether the model is right on this sequence by more than the margin; a tie is wrong."""
    return oracle_of(model).is_correct(tuple(sequence), margin)


def gaps(model: ToyModel, sequence: Sequence, margin: Margin = NO_MARGIN) -> dict[int, arb]:
    """Return enclosures of logits[maximum] - logits[rival] - margin by rival."""
    return oracle_of(model).gaps(tuple(sequence), margin)


def rivals_ahead(model: ToyModel, sequence: Sequence, margin: Margin = NO_MARGIN) -> set[int]:
    """Return the rivals that the maximum does not beat by more than the margin."""
    return oracle_of(model).rivals_ahead(tuple(sequence), margin)


def count_correct(model: ToyModel, margin: Margin = NO_MARGIN) -> int:
    """Return the number of the v^k sequences that are correct with this margin."""
    oracle = oracle_of(model)
    return sum(oracle.is_correct(sequence, margin) for sequence in oracle.sequences())


def count_wrong_by_class(model: ToyModel, margin: Margin = NO_MARGIN) -> dict[tuple[int, int], int]:
    """Return the wrong sequences of each class (query, maximum) that holds a sequence."""
    oracle = oracle_of(model)
    wrong: dict[tuple[int, int], int] = {}
    for sequence in oracle.sequences():
        key = sequence[-1], max(sequence)
        wrong[key] = wrong.get(key, 0) + (not oracle.is_correct(sequence, margin))
    return wrong
