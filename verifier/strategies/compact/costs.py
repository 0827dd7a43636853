"""What the checker will count of a compact proof, nearly: for the search, which tries again."""

from __future__ import annotations

from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.program import DomainProgram


def remainder_operations(problem: Problem, rank: int) -> int:
    """Count the tables and their fold, and each input's sums, remainders and products."""
    program = problem.program
    m, a = program.neurons, program.answers
    fold = 2 * _rows(program) * m * a + 2 * m * a * rank
    each = _sums(program) + 6 * m + 2 * rank * (m + a) + 2 * a
    return _tables(problem) + fold + problem.task.product * each


def one_sided_operations(problem: Problem, used: float) -> int:
    """Count the tables, and each input's sums and votes, where it uses so many neurons."""
    program, inputs = problem.program, problem.task.product
    votes = int(2 * program.answers * used * inputs)
    return _tables(problem) + inputs * (_sums(program) + 4 * program.neurons) + votes


def _sums(program: DomainProgram) -> int:
    """Count what is added up for an input: rows of look-ups and of heads, at every position."""
    return 2 * len(program.positions) * (len(program.heads) + 1) * program.width


def _rows(program: DomainProgram) -> int:
    """Return how many rows all tables have."""
    parts = [*program.lookups, *(part for head in program.heads for part in head.values)]
    return sum(part.shape[0] for part in parts if part is not None)


def _tables(problem: Problem) -> int:
    """Count the products of weights that the tables are, and their roundings."""
    shape, program = problem.shape, problem.program
    rows = sum(len(tokens) for tokens in problem.task.positions)
    width = shape.d_mlp + shape.d_vocab_out
    of_head = rows * shape.d_model + shape.d_model * width + rows * width
    heads = 2 * len(program.heads) * shape.d_head * of_head
    return heads + 4 * _rows(program) * program.width
