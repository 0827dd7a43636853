"""Recompute `enumerate`: leads of sampled inputs, by the definition of the model."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from ballproof.interval.ball import precision
from ballproof.models.forward import evaluate
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.quantities import (
    Balls,
    Counted,
    Item,
    Part,
    negative,
    nonnegative,
)

# The domain in lexicographic order, in so many parts of one size, with one input evaluated of each.
PARTS = 1 << 10
SEED = 0
Tokens = tuple[int, ...]
# A sequence, and the column of a rival.
Gap = tuple[Tokens, int]


class EnumerateQuantities:
    """The gap of every rival on an input of each part, apart from any table or program."""

    what = "gaps of every rival on sampled inputs, by the model's definition"
    alone = Counted(0, 0)

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.sizes = [len(allowed) for allowed in problem.task.positions]

    def parts(self) -> list[Part]:
        """Return ranges of inputs that have a label, by the first and the last place."""
        product = self.problem.task.product
        length = -(-product // PARTS)
        numbers = sum(x.shape[0] * x.shape[1] for x in self.problem.weights.tensors.values())
        cost = 2 * numbers * len(self.sizes)
        parts = []
        for start in range(0, product, length):
            past = min(start + length, product)
            size = self._labelled(start, past)
            if size:
                parts.append(Part((start, past - 1), size, cost))
        return parts

    def items(self, part: Part, bits: int) -> list[Gap]:
        """Return the sampled input with each rival's column; nothing where no rival decides."""
        sequence = self._sampled(part)
        own = None if sequence is None else self.problem.label_column(sequence)
        if sequence is None or own is None:
            return []
        return [(sequence, j) for j in range(self.problem.answers) if j != own]

    def balls(self, part: Part, items: Sequence[Any], bits: int) -> dict[Item, flint.arb]:
        """Enclose logit[rival] + eps - logit[label]."""
        sequence = self._sampled(part)
        own = None if sequence is None else self.problem.label_column(sequence)
        if sequence is None or own is None:
            return {}
        first = self.problem.task.answers.start
        logits = self._logits(sequence, bits)
        with precision(bits):
            eps = _ball(self.problem.margin)
            return {item: logits[first + item[1]] + eps - logits[first + own] for item in items}

    def name(self, item: Any) -> str:
        """Name a gap."""
        sequence, column = item
        rival = self.problem.task.answers.start + column
        return f"the logit gap of rival {rival} on {list(sequence)}"

    def counted(self, part: Part, balls: Balls) -> Counted:
        """Count the sampled input alone; without rivals its label decides."""
        sequence = self._sampled(part)
        if sequence is None:
            return Counted(0, part.size)
        if self.problem.label_column(sequence) is None:
            return Counted(0, part.size - 1)
        right = all(map(negative, balls.values()))
        wrong = any(map(nonnegative, balls.values()))
        return Counted(int(right), part.size - int(wrong))

    def _sampled(self, part: Part) -> Tokens | None:
        """Return an input of the part, which one depends on the part alone; None if unlabelled."""
        place = Random(SEED + part.name[0]).randrange(part.name[0], part.name[1] + 1)
        sequence = tuple(self._sequences(np.array([place]))[0].tolist())
        return None if self.problem.task.label(sequence) is None else sequence

    def _sequences(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sequences (N, k) at these places of the domain."""
        positions = self.problem.task.positions
        sequences = np.empty((len(places), len(positions)), dtype=np.int64)
        for i in reversed(range(len(positions))):
            places, sequences[:, i] = np.divmod(places, self.sizes[i])
            sequences[:, i] += positions[i].start
        return sequences

    def _labelled(self, start: int, past: int) -> int:
        """Return how many inputs of a range have a label."""
        task = self.problem.task
        if not task.rule.partial:
            return past - start
        sequences = self._sequences(np.arange(start, past, dtype=np.int64))
        return int((task.rule.labels_of(sequences[:, list(task.reads)]) >= 0).sum())

    def _logits(self, sequence: Tokens, bits: int) -> list[flint.arb]:
        """Enclose the logits; nothing is known of them where the bits do not bound them."""
        try:
            return evaluate(self.problem.weights, sequence, bits)
        except ValueError:
            return [flint.arb("nan")] * self.problem.shape.d_vocab_out


def _ball(number: Fraction) -> flint.arb:
    return flint.arb(flint.fmpq(number.numerator, number.denominator))
