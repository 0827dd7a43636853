"""What the checker will count of a compact proof, nearly: for the search, which tries again."""

from __future__ import annotations

from ballproof.verifier.counting.program import DomainProgram


def terms(program: DomainProgram) -> int:
    """Return how many rows are added up for an input: look-ups, and those that heads mix."""
    looked_up = sum(part is not None for part in program.lookups)
    return looked_up + sum(part is not None for head in program.heads for part in head.values)


def rows(program: DomainProgram) -> int:
    """Return how many rows all tables have."""
    parts = [*program.lookups, *(part for head in program.heads for part in head.values)]
    return sum(part.shape[0] for part in parts if part is not None)


def remainder_operations(program: DomainProgram, inputs: int, rank: int) -> int:
    """Count the tables' fold, and each input's sums, remainders and products at this rank."""
    m, a = program.neurons, program.answers
    fold = 2 * rows(program) * m * a + 4 * rows(program) * program.width + 2 * m * a * rank
    each = 2 * terms(program) * program.width + 6 * m + 2 * rank * (m + a) + 2 * a
    return fold + inputs * each


def one_sided_operations(program: DomainProgram, inputs: int, used: float) -> int:
    """Count the tables, and each input's sums and votes, where it uses so many neurons."""
    each = 2 * terms(program) * program.width + 4 * program.neurons
    tables = 4 * rows(program) * program.width
    return tables + inputs * each + int(2 * program.answers * used * inputs)
