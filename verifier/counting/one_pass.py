"""What proofs of one pass have in common: inputs that are not decided count at the worse end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import flint
import numpy as np
from numpy.typing import NDArray

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.interval.fixed import RangeError
from ballproof.verifier.counting.enumeration import Pass
from ballproof.verifier.counting.fixed_point import LANES, FixedPoint, Mask, Settled
from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.inputs import NO_ANSWER
from ballproof.verifier.counting.layers import FREE
from ballproof.verifier.counting.mixing import Numbers, Tokens
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.program import DomainProgram, columns_of
from ballproof.verifier.counting.wrong_count import WrongCount

Columns = NDArray[np.int64]
# Numbers beyond which int64 has no room for a sum of a few.
MOST = 1 << (LANES - FREE)


@dataclass(frozen=True, eq=False)
class Sums:
    """Inputs before their layer: neurons (N, m) in 2^-fx, direct columns (N, a) in 2^-fl.

    `proved` says of which inputs (N,) they hold.
    """

    neurons: Numbers
    direct: Numbers
    proved: Mask


class Before:
    """The look-ups and heads of a program with one layer, in int64 (M2).

    Neurons p^ are the pass's sums without their lower half: |2^fx pre - p^| <= r = `neuron_error`,
    ceil(r_pre / 2^S) + 1, and `least` <= p^ <= `most`. Of direct columns, the difference of two is
    off by `direct_error` at most. Direct columns are below 2^60 in size.
    """

    def __init__(self, program: DomainProgram) -> None:
        self.fixed = fixed = FixedPoint(replace(program, layers=()), LANES)
        self.denominator = program.denominator
        self.neuron_error = -(-fixed.neuron_error >> fixed.shift) + 1
        self.neuron_unit = fixed.neuron_unit - fixed.shift
        self.direct_unit, self.direct_error = fixed.unit, fixed.direct_error
        least, most = fixed.neuron_ends
        self.least, self.most = ([end >> fixed.shift for end in ends] for ends in (least, most))

    def of(self, tokens: Tokens) -> Sums:
        """Return the sums of inputs (N, k)."""
        values, proved = self.fixed.sums(tokens)
        m = self.fixed.program.neurons
        return Sums(values[:, :m] >> self.fixed.shift, values[:, m:], proved)


def with_bias(program: DomainProgram, row: DyadicMatrix) -> DomainProgram:
    """Return the program with a row (1, a) added to the direct columns of every input."""
    row = DyadicMatrix(flint.fmpz_mat(1, program.neurons), 0).beside(row)
    lookups = [*program.lookups]
    place = next((i for i, part in enumerate(lookups) if part is not None), 0)
    part = lookups[place]
    if part is None:
        part = DyadicMatrix.zeros(len(program.positions[0]), program.width)
    lookups[place] = part.plus_row(row)
    return replace(program, lookups=tuple(lookups))


def folded(program: DomainProgram, linear: DyadicMatrix) -> DomainProgram:
    """Return the program whose direct columns have the neurons' times a matrix (m, a) in them."""

    def fold(part: DyadicMatrix | None) -> DyadicMatrix | None:
        if part is None:
            return None
        neurons = columns_of(part, range(program.neurons))
        direct = columns_of(part, range(program.neurons, program.width))
        return neurons.beside(direct + neurons @ linear)

    heads = [replace(head, values=tuple(map(fold, head.values))) for head in program.heads]
    return replace(program, lookups=tuple(map(fold, program.lookups)), heads=tuple(heads))


class Undecided:
    """A pass whose numbers do not fit its lanes."""

    def settle(self, tokens: Tokens, own: Columns, margin: Fraction) -> Settled:
        """Leave every input open."""
        nothing = np.zeros(len(tokens), dtype=np.bool_)
        return Settled(nothing, nothing)


def count_wrong(problem: Problem, step: Pass, progress: Progress) -> WrongCount:
    """Return how many inputs are wrong: certainly, and possibly."""
    lost = answered = right = wrong = done = 0
    for tokens in problem.enumeration.blocks():
        own = problem.enumeration.columns(tokens)
        rivals = own >= 0
        lost, answered = lost + int((own == NO_ANSWER).sum()), answered + int(rivals.sum())
        if problem.answers > 1:
            found = step.settle(tokens[rivals], own[rivals], problem.margin)
            right, wrong = right + int(found.right.sum()), wrong + int(found.wrong.sum())
        done += len(tokens)
        progress(done, problem.task.product)
    if problem.answers == 1:
        right = answered
    return WrongCount(lost + wrong, lost + answered - right)


def sampled(problem: Problem, most: int, seed: int) -> tuple[Tokens, Columns, Fraction]:
    """Return inputs whose label is an answer, their columns, and which part of all each stands for.

    They are all there are, or of so many at random.
    """
    enumeration, every = problem.enumeration, problem.task.product
    if every <= most:
        tokens = np.concatenate(list(enumeration.blocks()))
    else:
        sizes = [len(allowed) for allowed in problem.task.positions]
        tokens = np.random.default_rng(seed).integers(0, sizes, (most, len(sizes)))
    own = enumeration.columns(tokens)
    return tokens[own >= 0], own[own >= 0], Fraction(1, len(tokens))


def require_room(values: list[int]) -> None:
    """Raise RangeError unless all are below 2^60: sums of a few of them fit int64."""
    if max(map(abs, values), default=0) >= MOST:
        raise RangeError(f"a sum of {max(map(abs, values)).bit_length()} bits")
