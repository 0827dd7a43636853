"""Recompute compact proofs: what decides sampled inputs, in balls."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import flint

from ballproof.interval.ball import exact, precision
from ballproof.interval.dyadic import DyadicMatrix
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.program import DomainHead, DomainProgram
from ballproof.verifier.counting.projection import Projection
from ballproof.verifier.counting.remainder import Linear
from ballproof.verifier.strategies.enumerate_balls import EnumerateQuantities, Tokens
from ballproof.verifier.strategies.quantities import Item, Part

Balls = list[flint.arb]


class CompactQuantities(EnumerateQuantities):
    """The gap of every rival on sampled inputs, by the model's definition, and what is charged.

    What is charged is the program's, `denominator` times the model's.
    """

    what = "gaps of every rival on sampled inputs, and what the proof charges for each"

    def balls(self, part: Part, items: Sequence[Any], bits: int) -> dict[Item, flint.arb]:
        """Enclose logit[rival] + eps - logit[label] plus the charge."""
        gaps: dict[Any, flint.arb] = super().balls(part, items, bits)
        sequence = self._sampled(part)
        own = None if sequence is None else self.problem.label_column(sequence)
        if not gaps or sequence is None or own is None:
            return gaps
        with precision(bits):
            charges = self.charges(sequence, own)
            unit = self.problem.program.denominator
            return {item: gap + charges[item[1]] / unit for item, gap in gaps.items()}

    def charges(self, sequence: Tokens, own: int) -> Balls:
        """Return what is charged for each rival of an input, at the precision that is set."""
        raise NotImplementedError


class RemainderQuantities(CompactQuantities):
    """M3: what neurons leave, times the range of the weights beyond the low rank.

    The proof's leads are those of the model without rem R, so rem R is taken away first.
    """

    def __init__(self, problem: Problem, linear: Linear, rest: DyadicMatrix) -> None:
        super().__init__(problem)
        self.linear, self.rest = linear, _balls(rest)
        self.ranges = [exact(max(row) - min(row), rest.exponent) for row in rest.tolist()]

    def charges(self, sequence: Tokens, own: int) -> Balls:
        """Return (rem R)_label - (rem R)_rival + sum_n |rem_n| range(R_n)."""
        pre = neurons(self.problem.program, sequence)
        left = [
            _relu(x) - mu - kappa * x
            for x, kappa, mu in zip(
                pre, *map(_row, (self.linear.kappa, self.linear.mu)), strict=True
            )
        ]
        moved = _entries(flint.arb_mat(1, len(left), left) * self.rest)
        worst = sum(
            (abs(x) * range_ for x, range_ in zip(left, self.ranges, strict=True)), exact(0)
        )
        return [moved[own] - other + worst for other in moved]


class OneSidedQuantities(CompactQuantities):
    """M5: what neurons that are not used say for the label."""

    def __init__(self, problem: Problem, share: Fraction) -> None:
        super().__init__(problem)
        weights = problem.program.layers[-1][0]
        votes = [[max(row) - x for x in row] for row in weights.tolist()]
        self.votes = _balls(DyadicMatrix.from_ints(votes, weights.exponent))
        self.strongest = [exact(max(row), weights.exponent) for row in votes]
        self.share = flint.arb(flint.fmpq(share.numerator, share.denominator))

    def charges(self, sequence: Tokens, own: int) -> Balls:
        """Return the sum of act g(rival) over the neurons that are left out.

        Where it is open whether one is, its part is anything from 0 to that.
        """
        active = [_relu(x) for x in neurons(self.problem.program, sequence)]
        strength = [x * most for x, most in zip(active, self.strongest, strict=True)]
        enough = exact(0)
        for each in strength:
            enough = enough.max(each)
        enough *= self.share
        unused = [
            exact(0) if each >= enough else x if each < enough else x.union(exact(0))
            for x, each in zip(active, strength, strict=True)
        ]
        return _entries(flint.arb_mat(1, len(unused), unused) * self.votes)


class CellsQuantities(CompactQuantities):
    """M4: what the directions leave of each row.

    The proof's leads are those of rows in these directions, so the neurons' difference is taken
    away first. A checker may round coordinates to another unit.
    """

    def __init__(self, problem: Problem, projection: Projection) -> None:
        super().__init__(problem)
        self.projection = projection
        self.weights = _balls(problem.program.layers[-1][0])

    def charges(self, sequence: Tokens, own: int) -> Balls:
        """Return the label's lead by what the neurons differ in, plus the charges of the rows."""
        true, made = (
            [_relu(x) for x in neurons(program, sequence)]
            for program in (self.problem.program, self.projection.program)
        )
        left = [x - y for x, y in zip(true, made, strict=True)]
        moved = _entries(flint.arb_mat(1, len(left), left) * self.weights)
        (worst,) = columns(self.projection.charges, sequence)
        return [moved[own] - other + worst for other in moved]


def neurons(program: DomainProgram, sequence: Tokens) -> Balls:
    """Enclose the neurons before ReLU."""
    return columns(program, sequence)[: program.neurons]


def columns(program: DomainProgram, sequence: Tokens) -> Balls:
    """Enclose what look-ups and heads add up to, by the definition of a program."""
    places = [token - span.start for token, span in zip(sequence, program.positions, strict=True)]
    found = [exact(0)] * program.width
    for part, place in zip(program.lookups, places, strict=True):
        found = _plus(found, exact(1), part, place)
    for head in program.heads:
        weights = _weights(head, sequence)
        for weight, part, place in zip(weights, head.values, places, strict=True):
            found = _plus(found, weight, part, place)
    return found


def _plus(found: Balls, weight: flint.arb, part: DyadicMatrix | None, row: int) -> Balls:
    if part is None:
        return found
    entries = (part.mantissa[row, n] for n in range(len(found)))
    pairs = zip(found, entries, strict=True)
    return [x + weight * exact(int(entry), part.exponent) for x, entry in pairs]


def _weights(head: DomainHead, sequence: Tokens) -> Balls:
    """Enclose the weights of attention."""
    query = sequence[-1]
    scores = [
        int(head.score.mantissa[query, token] + head.positional_score.mantissa[query, i])
        for i, token in enumerate(sequence)
    ]
    root, top = flint.arb(head.d_head).sqrt(), max(scores)
    powers = [(exact(x - top, head.score.exponent) / root).exp() for x in scores]
    total = sum(powers, exact(0))
    return [power / total for power in powers]


def _relu(ball: flint.arb) -> flint.arb:
    return ball.max(exact(0))


def _row(matrix: DyadicMatrix) -> Balls:
    return [exact(int(x), matrix.exponent) for x in matrix.mantissa.entries()]


def _balls(matrix: DyadicMatrix) -> flint.arb_mat:
    return flint.arb_mat(*matrix.shape, _row(matrix))


def _entries(matrix: flint.arb_mat) -> Balls:
    return list(matrix.entries())
