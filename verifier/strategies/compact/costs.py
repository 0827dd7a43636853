"""What the checker will count of a compact proof, nearly: for the search, which tries again."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.program import DomainProgram
from ballproof.verifier.strategies.compact.boxes import Leaves

# Estimates are a little high: past its limit the checker stops, and nothing is learnt of its count.
ROUNDED = Fraction(1005, 1000)


def least_operations(problem: Problem) -> int:
    """Count the sums of every input, and nothing else."""
    return problem.task.product * _sums(problem.program)


def remainder_operations(problem: Problem, rank: int) -> int:
    """Count the tables and their fold, and each input's sums, remainders and products."""
    program = problem.program
    m, a = program.neurons, program.answers
    fold = 2 * _rows(program) * m * a + 2 * m * a * rank
    each = _sums(program) + 6 * m + 2 * rank * (m + a) + 3 * a
    return ceil((_tables(problem) + fold + problem.task.product * each) * ROUNDED)


def one_sided_operations(problem: Problem, used: float) -> int:
    """Count the tables, and each input's sums and votes, where it uses so many neurons."""
    program, inputs = problem.program, problem.task.product
    each = _sums(program) + 4 * program.neurons + 3 * program.answers
    votes = ceil(2 * program.answers * used * inputs)
    return ceil((_tables(problem) + inputs * each + votes) * ROUNDED)


def cells_operations(problem: Problem, directions: int, leaves: Leaves) -> int:
    """Count the tables and their directions, each input's sums and map, and the cells of inputs."""
    program, inputs = problem.program, problem.task.product
    m, a = program.neurons, program.answers
    project = _rows(program) * m * (4 * directions + 3)
    each = _sums(program, directions + a + 1) + 2 * directions * a + 3 * a
    cells = leaves.boxes * 4 * (directions + 1) * m + leaves.switched * 2 * (directions + 1) * a
    opened = leaves.opened * 2 * (directions + a)
    total = _tables(problem) + project + inputs * each + cells + opened
    return ceil(total * ROUNDED)


def enumerate_operations(problem: Problem) -> int:
    """Count the tables, and each input's sums and layer, as `enumerate` does in its first pass."""
    program = problem.program
    m, a = program.neurons, program.answers
    each = _sums(program) + m * (2 * a + 1) + a
    return _tables(problem) + 4 * m * a + problem.task.product * each


def _sums(program: DomainProgram, columns: int | None = None) -> int:
    """Count what is added up for an input: rows of look-ups and of heads, at every position.

    They have so many columns, all of the program unless given.
    """
    places, heads = len(program.positions), len(program.heads)
    width = program.width if columns is None else columns
    return 2 * places * (heads + 1) * width + 4 * heads * places


def _rows(program: DomainProgram) -> int:
    """Return how many rows all tables have."""
    parts = [*program.lookups, *(part for head in program.heads for part in head.values)]
    return sum(part.shape[0] for part in parts if part is not None)


def _tables(problem: Problem) -> int:
    """Count the products of weights that the tables are, and their roundings."""
    shape, program = problem.shape, problem.program
    rows = shape.d_vocab * len(program.positions)
    width = shape.d_mlp + shape.d_vocab_out
    of_head = rows * shape.d_model + shape.d_model * width + rows * width
    heads = 2 * len(program.heads) * shape.d_head * of_head
    return heads + 8 * _rows(program) * program.width
