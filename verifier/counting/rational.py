"""Inputs of a program without exponentials, decided exactly: every number is rational."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np
from numpy.typing import NDArray

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.verifier.counting.fixed_point import Settled
from ballproof.verifier.counting.mixing import Tokens
from ballproof.verifier.counting.program import DomainProgram, columns_of


class Rational:
    """Evaluates inputs in integers of one unit, without rounding: ties are wrong."""

    def __init__(self, program: DomainProgram) -> None:
        if program.heads:
            raise ValueError("weights of attention are no rational numbers")
        self.program = program

    def settle(self, tokens: Tokens, own: NDArray[np.int64], margin: Fraction) -> Settled:
        """Decide inputs (N, k) as `FixedPoint.settle` does; none is left open."""
        logits = self._logits(tokens)
        scaled = margin * self.program.denominator / Fraction(2) ** logits.exponent
        right = []
        for row, column in zip(logits.tolist(), own.tolist(), strict=True):
            mine = row.pop(column)
            right.append(mine - max(row) > scaled)
        mask = np.array(right, dtype=np.bool_)
        return Settled(mask, ~mask)

    def _logits(self, tokens: Tokens) -> DyadicMatrix:
        """Return the logits (N, a), times the denominator."""
        program = self.program
        sums = DyadicMatrix.zeros(len(tokens), program.width)
        for i, table in enumerate(program.lookups):
            if table is not None:
                sums = sums + _taken(table, tokens[:, i].tolist())
        neurons = columns_of(sums, range(program.neurons))
        logits = columns_of(sums, range(program.neurons, program.width))
        for matrix, bias in program.layers:
            neurons = (_positive(neurons) @ matrix).plus_row(bias)
        return logits + neurons if program.layers else logits


def _taken(table: DyadicMatrix, rows: list[int]) -> DyadicMatrix:
    entries = table.mantissa.tolist()
    return DyadicMatrix(flint.fmpz_mat([entries[row] for row in rows]), table.exponent)


def _positive(matrix: DyadicMatrix) -> DyadicMatrix:
    """Return ReLU of every entry."""
    entries = [entry if entry > 0 else 0 for entry in matrix.mantissa.entries()]
    return DyadicMatrix(flint.fmpz_mat(*matrix.shape, entries), matrix.exponent)
