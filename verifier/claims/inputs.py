"""Decide claims about inputs one by one, for any task and any model that has a program."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import flint
import numpy as np
from numpy.typing import NDArray

from ballproof.interval.ball import precision
from ballproof.models.forward import evaluate
from ballproof.verifier.claims.budget import Deadline
from ballproof.verifier.claims.witness import FIRST_BITS, LAST_BITS, Witness, gap_enclosed
from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.inputs import NO_LABEL
from ballproof.verifier.counting.problem import Problem

# Inputs that are decided at once.
ROWS = 256
Pattern = Sequence[int | None]


@dataclass(frozen=True)
class InputsFound:
    """What was found of some inputs that have a label: how many they are, and one that breaks it.

    `unanswered` is one whose label is no answer, so that no lead is its own; `open` one that no
    pass decides.
    """

    size: int
    witness: Witness | None = None
    unanswered: tuple[int, ...] | None = None
    open: tuple[int, ...] | None = None


class InputDecider:
    """Decides inputs by the passes of an enumeration, which are made once."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def size(self, pattern: Pattern) -> int:
        """Return how many inputs have these tokens, None standing for any."""
        return math.prod(map(len, self._choices(pattern)))

    def search(
        self,
        pattern: Pattern,
        threshold: Fraction,
        strict: bool,
        deadline: Deadline,
        progress: Progress,
    ) -> InputsFound:
        """Return an input with logits[rival] - logits[label] above the threshold, if any.

        Not strict: or equal to it. An input without a label breaks nothing. Raises OutOfTimeError.
        """
        size, done, undecided = 0, 0, None
        for inputs in self._blocks(pattern):
            deadline.require()
            places = self.problem.enumeration.inputs
            own = places.columns(inputs - places.firsts)
            size += int((own != NO_LABEL).sum())
            found = self.problem.enumeration.decided(inputs, -threshold)
            for row in np.flatnonzero(~found.right & (own != NO_LABEL)).tolist():
                sequence = tuple(inputs[row].tolist())
                if own[row] < 0:
                    return InputsFound(size, unanswered=sequence)
                broken, witness = self._breaks(
                    sequence, threshold, strict, wrong=bool(found.wrong[row])
                )
                if witness:
                    return InputsFound(size, witness)
                undecided = undecided or (sequence if broken is None else None)
            done += len(inputs)
            progress(done, self.size(pattern))
        return InputsFound(size, open=undecided)

    def _breaks(
        self, sequence: tuple[int, ...], threshold: Fraction, strict: bool, *, wrong: bool
    ) -> tuple[bool | None, Witness | None]:
        """Say whether an input that is not shown right is beyond the threshold; None if open.

        `wrong` tells that some gap is at least the threshold.
        """
        label = self.problem.task.label(sequence)
        if label is None:
            raise ValueError("the input has no label")
        bits = FIRST_BITS
        while True:
            with precision(bits):
                beyond = self._beyond(sequence, label, threshold, bits)
                # A comparison of balls holds if it does for all of their numbers.
                if beyond:
                    rival = max(beyond, key=lambda j: beyond[j].mid())
                    reached = wrong or any(x >= 0 for x in beyond.values())
                    if any(x > 0 for x in beyond.values()) or (reached and not strict):
                        return True, self._witness(sequence, label, rival, threshold)
                    if all(x < 0 or (strict and x <= 0) for x in beyond.values()):
                        return False, None
            if bits >= LAST_BITS:
                return None, None
            bits *= 4

    def _beyond(
        self, sequence: tuple[int, ...], label: int, threshold: Fraction, bits: int
    ) -> dict[int, flint.arb]:
        """Enclose logits[rival] - logits[label] - threshold; nothing if bits do not suffice."""
        try:
            logits = evaluate(self.problem.weights, sequence, bits)
        except ValueError:
            return {}
        limit = flint.arb(flint.fmpq(threshold.numerator, threshold.denominator))
        rivals = (j for j in self.problem.task.answers if j != label)
        return {j: logits[j] - logits[label] - limit for j in rivals}

    def _witness(
        self, sequence: tuple[int, ...], label: int, rival: int, threshold: Fraction
    ) -> Witness:
        gap = gap_enclosed(self.problem.weights, sequence, rival, label)
        return Witness(sequence, rival, gap, gap == (threshold, threshold), label)

    def _blocks(self, pattern: Pattern) -> Iterator[NDArray[np.int64]]:
        """Yield the inputs (N, k) in lexicographic order."""
        choices = self._choices(pattern)
        for start in range(0, self.size(pattern), ROWS):
            rest = np.arange(start, min(start + ROWS, self.size(pattern)), dtype=np.int64)
            inputs = np.empty((len(rest), len(choices)), dtype=np.int64)
            for i in reversed(range(len(choices))):
                rest, inputs[:, i] = np.divmod(rest, len(choices[i]))
                inputs[:, i] += choices[i].start
            yield inputs

    def _choices(self, pattern: Pattern) -> list[range]:
        positions = self.problem.task.positions
        pairs = zip(pattern, positions, strict=True)
        return [allowed if x is None else range(x, x + 1) for x, allowed in pairs]
