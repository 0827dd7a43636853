"""What a report draws of one model: tables, how close to rank one, leads, where it errs.

Pictures, not proofs: the tables are rounded to 256 levels.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ballproof.verifier.counting.problem import Integers, Problem
from ballproof.verifier.strategies.obstacles import has_tables
from ballproof.verifier.strategies.subcubic.directions import query_key_table
from ballproof.verifier.strategies.subcubic.noise import noise
from ballproof.verifier.study.errors import wrong_sequences
from ballproof.verifier.study.leads import leads_by_pair
from ballproof.verifier.study.quantise import quantised

PORTRAIT_VERSION = 3
Floats = NDArray[np.float64]


def portrait(problem: Problem) -> dict[str, Any]:
    """Return the portrait of a model as a JSON-able dictionary.

    `architecture` and `sizes` say what the model is, `leads` is what `leads_by_pair` returns. Where
    the model has the tables of one head, the rest is there as well, else it is None.

    `tables` holds D, V, P, S and R as `verifier.problem.Problem` does, but in natural units: scores
    are divided by sqrt(d_head). `sigma_1` and `sigma_2` are the largest singular values of the
    query-key table, None where there is none. `wrong` is what `wrong_sequences` returns, `noise`
    what `noise` does.
    """
    tabled = has_tables(problem)
    first, second = _singular_values(problem) if tabled else (None, None)
    return {
        "version": PORTRAIT_VERSION,
        "architecture": problem.weights.architecture.words,
        "sizes": problem.shape.fields(),
        "tables": _tables(problem) if tabled else None,
        "sigma_1": first,
        "sigma_2": second,
        "wrong": wrong_sequences(problem) if tabled else None,
        "noise": noise(problem) if tabled else None,
        "leads": leads_by_pair(problem),
    }


def _tables(problem: Problem) -> dict[str, Any]:
    head, one = problem.head, problem.tables.one
    root = math.sqrt(head.d_head)
    tables = {
        "D": _natural(problem.tables.direct, one),
        "V": _natural(head.output, one),
        "P": _natural(head.positional_output, one),
        "S": _scaled(head.score, head.score_exponent) / root,
        "R": _scaled(head.positional_score, head.score_exponent) / root,
    }
    return {name: quantised(table) for name, table in tables.items()}


def _natural(table: Integers, one: int) -> Floats:
    return _floats(table, lambda value: value / one)


def _scaled(table: Integers, exponent: int) -> Floats:
    if exponent >= 0:
        return _floats(table, lambda value: float(value << exponent))
    unit = 1 << -exponent
    return _floats(table, lambda value: value / unit)


def _floats(table: Integers, convert: Any) -> Floats:
    """Return the entries as floats; those beyond their range are drawn at a quarter of it."""
    limit = sys.float_info.max / 4

    def entry(value: int) -> float:
        try:
            return min(max(float(convert(int(value))), -limit), limit)
        except OverflowError:
            return limit if value > 0 else -limit

    values: Floats = np.array([[entry(value) for value in row] for row in table.tolist()])
    return values


def _singular_values(problem: Problem) -> tuple[float | None, float | None]:
    """Return the two largest singular values of the query-key table."""
    values = np.linalg.svd(query_key_table(problem), compute_uv=False)
    finite = [float(value) if math.isfinite(value) else None for value in values[:2]]
    return finite[0], finite[1] if len(finite) > 1 else None
