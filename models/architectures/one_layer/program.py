"""The program of enumeration: the model as look-ups by token and position, then one ReLU (M1)."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from math import lcm
from operator import add

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.architectures.architecture import Weights
from ballproof.models.architectures.one_layer.layout import (
    B_IN,
    B_O,
    B_OUT,
    B_Q,
    B_U,
    B_V,
    W_E,
    W_IN,
    W_K,
    W_O,
    W_OUT,
    W_POS,
    W_Q,
    W_U,
    W_V,
)
from ballproof.models.architectures.one_layer.settings import of_parts
from ballproof.models.architectures.program import Program, ProgramHead


def program(weights: Weights, positions: int) -> Program:
    """Return the model as look-ups, exactly, times a denominator of the two shares."""
    made = _Made(weights, positions)
    return Program(
        lookups=made.lookups(),
        heads=made.heads() if made.share else (),
        neurons=weights.shape.d_mlp,
        layers=made.layers(),
        denominator=made.denominator,
    )


class _Made:
    """The pieces of the program of one model, each made once."""

    def __init__(self, weights: Weights, positions: int) -> None:
        self.tensor, self.shape, self.positions = weights.tensors, weights.shape, positions
        settings = of_parts(weights.architecture.parts, weights.source)
        self.share = settings.share
        self.uniform = (1 - self.share) / (positions if settings.normalised else 1)
        self.denominator = lcm(self.share.denominator, self.uniform.denominator)
        self.total = self.share + positions * self.uniform
        self.columns = self._columns()
        # Without positions, every position's look-ups are one object.
        self.placed = any(self.tensor[W_POS].mantissa.entries())
        self.values = [self._values(head) for head in range(self.shape.n_heads)]

    def heads(self) -> tuple[ProgramHead, ...]:
        """Return the scores of each head, and its values times the share."""
        return tuple(self._head(head) for head in range(self.shape.n_heads))

    def lookups(self) -> tuple[DyadicMatrix | None, ...]:
        """Return the token's own path and all constants at the last position; uniform shares."""
        residuals = self._residuals(self.positions - 1)
        own = self._times(residuals @ self.columns, 1).plus_row(self._constants())
        if not self.uniform:
            return (*(None,) * (self.positions - 1), own.trimmed())
        summed = [reduce(add, each) for each in zip(*self.values, strict=True)]
        shared = self._spread([self._times(each, self.uniform) for each in summed])
        return (*shared[:-1], (shared[-1] + own).trimmed())

    def layers(self) -> tuple[tuple[DyadicMatrix, DyadicMatrix], ...]:
        """Return the layer after the neurons; its bias is among the constants."""
        if not self.shape.d_mlp:
            return ()
        weight = self.tensor[W_OUT] @ self.tensor[W_U]
        return ((weight.trimmed(), DyadicMatrix.zeros(1, self.shape.d_vocab_out)),)

    def _head(self, head: int) -> ProgramHead:
        asked = self._of(W_K, head, self.shape.d_model)
        query = self._residuals(self.positions - 1) @ self._of(W_Q, head, self.shape.d_model)
        query = query.plus_row(self._of(B_Q, head, 1))
        embedding, places = self.tensor[W_E], self.tensor[W_POS]
        return ProgramHead(
            values=self._spread([self._times(each, self.share) for each in self.values[head]]),
            score=(query @ (embedding @ asked).transpose()).trimmed(),
            positional_score=(query @ (places @ asked).transpose()).trimmed(),
            d_head=self.shape.d_head,
        )

    def _values(self, head: int) -> list[DyadicMatrix]:
        """Return (W_E + W_pos[i]) W_V W_O and the columns, at the positions that differ."""
        into = self._of(W_V, head, self.shape.d_model)
        out = self._of(W_O, head, self.shape.d_head) @ self.columns
        return [(self._residuals(i) @ into) @ out for i in self._distinct()]

    def _constants(self) -> DyadicMatrix:
        """Return what the biases add: that of values times the sum of the attention weights."""
        heads = range(self.shape.n_heads)
        values = [self._of(B_V, i, 1) @ self._of(W_O, i, self.shape.d_head) for i in heads]
        residual = self._times(reduce(add, values), self.total) + self._times(self.tensor[B_O], 1)
        last = self.tensor[B_U]
        if self.shape.d_mlp:
            last = self.tensor[B_IN].beside(self.tensor[B_OUT] @ self.tensor[W_U] + last)
        return residual @ self.columns + self._times(last, 1)

    def _columns(self) -> DyadicMatrix:
        """Return [W_in | W_U]."""
        if not self.shape.d_mlp:
            return self.tensor[W_U]
        return self.tensor[W_IN].beside(self.tensor[W_U])

    def _residuals(self, position: int) -> DyadicMatrix:
        return self.tensor[W_E].plus_row(self.tensor[W_POS].row(position))

    def _of(self, name: str, head: int, rows: int) -> DyadicMatrix:
        """Return what a head has of a tensor, of which each head has so many rows."""
        return self.tensor[name].rows(head * rows, (head + 1) * rows)

    def _times(self, matrix: DyadicMatrix, factor: Fraction | int) -> DyadicMatrix:
        return matrix.scaled(int(factor * self.denominator)).trimmed()

    def _distinct(self) -> range:
        return range(self.positions if self.placed else 1)

    def _spread(self, made: list[DyadicMatrix]) -> tuple[DyadicMatrix, ...]:
        return tuple(made) if self.placed else (made[0],) * self.positions
