"""Changes of the matrices of a witness, for the audit to try."""

from __future__ import annotations

from random import Random
from typing import Any

from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.changes import (
    COMPUTED,
    OUTSIDE,
    WITNESS_PATH,
    Change,
    WitnessChanges,
)
from ballproof.verifier.strategies.compact.domain import LARGEST, MATRIX
from ballproof.verifier.strategies.domains import sizes_of
from ballproof.verifier.strategies.faults import fields_faults


def add_matrix_changes(
    changes: WitnessChanges, problem: Problem, key: str, matrix: dict[str, Any], rng: Random
) -> None:
    """Add changes of the matrix of this name: outside of its domain, and others inside."""
    outside, inside = changes.outside, changes.inside
    path, rows = (*WITNESS_PATH, key), matrix["rows"]
    outside += fields_faults(path, matrix, MATRIX, sizes_of(problem.shape.d_vocab, 0))
    shorter = [*rows[:-1], rows[-1][:-1]] if rows else [[1]]
    outside.append(Change((*path, "rows"), shorter, OUTSIDE))
    if rows:
        i, j = (rng.randrange(len(x)) for x in (rows, rows[0]))
        place, number = (*path, "rows", i, j), rows[i][j]
        outside.append(Change(place, LARGEST + 1, OUTSIDE))
        inside += [Change(place, x, COMPUTED) for x in (number + 1, -LARGEST)]
        inside.append(Change((*path, "exponent"), matrix["exponent"] + 1, COMPUTED))
