"""The program of a model on a task's domain: the tokens that occur, the outputs that compete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import flint

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.models.architectures import Program, ProgramHead, Weights
from ballproof.models.tasks import Task


@dataclass(frozen=True, eq=False)
class DomainHead:
    """What a head adds, by position: `values` (T_i, m+a), None where nothing is mixed in.

    `score` (v, v) and `positional_score` (v, k) are sqrt(d_head) times the scores, with one
    exponent; queries and tokens are the model's own.
    """

    values: tuple[DyadicMatrix | None, ...]
    score: DyadicMatrix
    positional_score: DyadicMatrix
    d_head: int


@dataclass(frozen=True, eq=False)
class DomainProgram:
    """A program whose rows are the T_i tokens of each position, its columns m neurons, a answers.

    Tokens are told by their place in `positions`. Leads are `denominator` times the model's.

    Theorem (M1): a head's weights of all positions add up to 1. So where the query is a single
    token q, T_i[t] - T_{k-1}[q] may stand in place of T_i[t], and T_{k-1}[q] be looked up once: the
    weight of the query's own position is not needed.
    """

    positions: tuple[range, ...]
    lookups: tuple[DyadicMatrix | None, ...]
    heads: tuple[DomainHead, ...]
    neurons: int
    answers: int
    layers: tuple[tuple[DyadicMatrix, DyadicMatrix], ...]
    denominator: int

    @property
    def width(self) -> int:
        """Number of columns, m + a."""
        return self.neurons + self.answers

    @property
    def operations(self) -> int:
        """What one input takes, in additions and multiplications; of layers all products."""
        mixed = sum(values is not None for head in self.heads for values in head.values)
        products = sum(matrix.shape[0] * matrix.shape[1] for matrix, _ in self.layers)
        return 2 * mixed * self.width + 2 * products

    def reach(self) -> Fraction:
        """Return a bound of every logit of the domain, without its sign, and of `denominator`."""
        neurons, direct = range(self.neurons), range(self.neurons, self.width)
        value, own = self.largest(neurons), self.largest(direct)
        for matrix, bias in self.layers:
            value = value * column_sum(matrix) + largest_entry(bias)
        return (own + value) / self.denominator

    def largest(self, columns: range) -> Fraction:
        """Return a bound of the sums of look-ups and heads in these columns, without the sign."""
        looked_up = sum(largest_entry(part, columns) for part in self.lookups if part is not None)
        added = (
            max(
                (largest_entry(part, columns) for part in head.values if part is not None),
                default=0,
            )
            for head in self.heads
        )
        return Fraction(looked_up + sum(added))


def domain_program(weights: Weights, task: Task) -> DomainProgram:
    """Return the program of a model on a task's domain; ValueError where there is none."""
    make = weights.architecture.program
    if make is None:
        raise ValueError(f"There is no program of {weights.architecture.words}.")
    program = make(weights, len(task.positions))
    return _folded(_restricted(program, task))


def columns_of(matrix: DyadicMatrix, columns: range) -> DyadicMatrix:
    """Return some columns."""
    entries = [x for row in matrix.mantissa.tolist() for x in row[columns.start : columns.stop]]
    return DyadicMatrix(flint.fmpz_mat(matrix.shape[0], len(columns), entries), matrix.exponent)


def largest_entry(matrix: DyadicMatrix, columns: range | None = None) -> Fraction:
    """Return the largest absolute value of some columns, of all unless given."""
    part = matrix if columns is None else columns_of(matrix, columns)
    largest = max((abs(int(entry)) for entry in part.mantissa.entries()), default=0)
    return largest * Fraction(2) ** matrix.exponent


def column_sum(matrix: DyadicMatrix) -> Fraction:
    """Return the largest sum of absolute values of a column."""
    columns = matrix.mantissa.transpose().tolist()
    largest = max((sum(abs(int(entry)) for entry in column) for column in columns), default=0)
    return largest * Fraction(2) ** matrix.exponent


def _restricted(program: Program, task: Task) -> DomainProgram:
    """Return the program with the rows of the domain's tokens and the columns of the answers."""
    m, answers = program.neurons, task.answers
    columns = [*range(m), *(m + answer for answer in answers)]
    lookups = tuple(
        None if part is None else _part(part, tokens, columns)
        for part, tokens in zip(program.lookups, task.positions, strict=True)
    )
    *hidden, last = program.layers or (None,)
    layers = [layer for layer in hidden if layer is not None]
    if last is not None:
        matrix, bias = last
        layers.append((_part(matrix, range(m), answers), _part(bias, range(1), answers)))
    return DomainProgram(
        task.positions,
        lookups,
        tuple(_restricted_head(head, task, columns) for head in program.heads),
        m,
        len(answers),
        tuple(layers),
        program.denominator,
    )


def _restricted_head(head: ProgramHead, task: Task, columns: Sequence[int]) -> DomainHead:
    values = [
        _part(part, tokens, columns)
        for part, tokens in zip(head.values, task.positions, strict=True)
    ]
    exponent = min(head.score.exponent, head.positional_score.exponent)
    score, positional = (_at(part, exponent) for part in (head.score, head.positional_score))
    return DomainHead(tuple(values), score, positional, head.d_head)


def _folded(program: DomainProgram) -> DomainProgram:
    """Return the program without the weight of the query's own position, if it is one token."""
    if len(program.positions[-1]) > 1:
        return program
    heads, own = [], program.lookups[-1]
    for head in program.heads:
        *others, last = head.values
        if last is None:
            raise ValueError("the program is folded already")
        own = last if own is None else own + last
        free = [None if part is None else part.plus_row(-last) for part in others]
        heads.append(replace(head, values=(*free, None)))
    return replace(program, lookups=(*program.lookups[:-1], own), heads=tuple(heads))


def _part(matrix: DyadicMatrix, rows: range, columns: Sequence[int]) -> DyadicMatrix:
    """Return some rows and columns."""
    mantissa = matrix.mantissa
    entries = [mantissa[row, column] for row in rows for column in columns]
    return DyadicMatrix(flint.fmpz_mat(len(rows), len(columns), entries), matrix.exponent)


def _at(matrix: DyadicMatrix, exponent: int) -> DyadicMatrix:
    """Return the same value with a lower or equal exponent."""
    return DyadicMatrix(matrix.mantissa * (1 << (matrix.exponent - exponent)), exponent)
