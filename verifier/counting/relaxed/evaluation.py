"""Inputs of one query in floats with a bound of what they are off by; the rest in fixed point."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ballproof.verifier.counting.enumeration import Enumeration
from ballproof.verifier.counting.fixed_point import Settled
from ballproof.verifier.counting.relaxed.graphs import Places
from ballproof.verifier.counting.relaxed.summands import FAINT, SHARE, Floats, Summands
from ballproof.verifier.counting.wrong_count import NOTHING, WrongCount

# Numbers of one array operation.
BLOCK = 1 << 17


class Evaluation:
    """Counts the wrong ones among inputs of one query and label (T16)."""

    def __init__(self, summands: Summands, enumeration: Enumeration, eps: float) -> None:
        self.summands, self.enumeration, self.eps = summands, enumeration, eps
        self.error = self._error()

    def count(self, query: int, own: int, inputs: Places) -> WrongCount:
        """Return how many of the inputs (N, n) are wrong; all is told by places."""
        rows, wrong = max(BLOCK // self.summands.program.width, 1), NOTHING
        for start in range(0, len(inputs), rows):
            wrong += self._count(query, own, inputs[start : start + rows])
        return wrong

    def _count(self, query: int, own: int, inputs: Places) -> WrongCount:
        leads = self._leads(query, own, inputs)
        wrong, right = leads >= self.error, leads < -self.error
        left = np.flatnonzero(~(wrong | right))
        if len(left):
            settled = self._exactly(query, inputs[left])
            wrong[left], right[left] = settled.wrong, settled.right
        return WrongCount(int(wrong.sum()), int((~right).sum()))

    def _exactly(self, query: int, inputs: Places) -> Settled:
        tokens = np.column_stack([inputs, np.full(len(inputs), query)])
        return self.enumeration.decided(tokens + self.enumeration.inputs.firsts)

    def _leads(self, query: int, own: int, inputs: Places) -> Floats:
        """Return the largest lead of a rival, eps in it, of each input (N,), within `error`.

        Theorem: weights are within 2^-40 of themselves, and those below FAINT change a mean of
        values by less than 2^-900 of them. So a mean is within 2^-39 of the largest value, a sum
        over neurons within 2^-38 of the sum of what they are at most times the weights, and
        `error` is more. An input whose weights are all below FAINT has no mean: NaN, and open.
        """
        s = self.summands
        sums = np.broadcast_to(s.constant[query], (len(inputs), s.constant.shape[1])).copy()
        weights = s.weights(query)
        for h, divides in enumerate(s.divides):
            chosen = [each[h][inputs[:, i]] for i, each in enumerate(weights.free)]
            total = weights.own[h] + sum(chosen) if divides else np.ones(len(inputs))
            total = np.where(total > FAINT * 1e30, total, np.nan)
            sums += (weights.own[h] / total)[:, None] * s.own[query, h]
            for i, each in enumerate(chosen):
                sums += (each / total)[:, None] * s.values[i][h][inputs[:, i]]
        logits = sums[:, s.neurons :] + s.bias
        if s.neurons:
            logits += np.maximum(sums[:, : s.neurons], 0.0) @ s.layer
        mine = logits[:, own].copy()
        logits[:, own] = -np.inf
        found: Floats = logits.max(axis=1) - mine + self.eps
        return found

    def _error(self) -> float:
        """Return what a lead may be off by."""
        s = self.summands
        values = np.abs(s.constant).max(initial=0) + s.sizes().sum()
        mixed = np.abs(s.layer).sum(axis=0).max(initial=0)
        whole = values * (1 + mixed) + np.abs(s.bias).max() + abs(self.eps)
        return float(4 * SHARE * whole)


def float_of(number: Fraction) -> float:
    """Return the nearest float, infinite beyond all of them."""
    try:
        return float(number)
    except OverflowError:
        return float("inf")
