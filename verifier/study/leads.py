"""What a report draws of a model that reads two tokens: the lead of the label by both.

A picture, not a proof: leads are floats of one pass, rounded to 256 levels. Which pairs are wrong
is decided by as many passes as it takes.
"""

from __future__ import annotations

import base64
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ballproof.models.tasks import Task
from ballproof.verifier.counting.mixing import Tokens
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.study.quantise import quantised

# Beyond these neither the picture nor the time it takes is worth it.
MOST_PAIRS, MOST_INPUTS, MOST_OPERATIONS = 2**20, 2**20, 2**37
# Pairs that are listed, and near ties that are decided: the others are marked alone.
LISTED, DECIDED = 500, 2_000
# Leads beyond it are drawn there: differences of two have to be floats.
REACH = sys.float_info.max / 4
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class _Pairs:
    """By the two tokens read (rows, columns): the least lead, what is wrong, what is open."""

    def __init__(self, task: Task) -> None:
        first, second = (task.positions[place] for place in task.reads)
        self.task, self.starts = task, np.array([first.start, second.start])
        shape = len(first), len(second)
        self.lead: Floats = np.full(shape, np.nan)
        self.wrong: Bools = np.zeros(shape, dtype=np.bool_)
        self.open: Bools = np.zeros(shape, dtype=np.bool_)

    def cells(self, inputs: Tokens) -> tuple[Tokens, Tokens]:
        """Return the rows and columns of inputs (N, k)."""
        read = inputs[:, list(self.task.reads)] - self.starts
        return read[:, 0], read[:, 1]

    def listed(self, mask: Bools) -> list[list[Any]]:
        """Return [a, b, label, lead] of the pairs marked, the least leads first."""
        rows, columns = np.nonzero(mask)
        order = np.argsort(self.lead[rows, columns], kind="stable")[:LISTED]
        found = []
        for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
            pair = [row + int(self.starts[0]), column + int(self.starts[1])]
            lead = float(self.lead[row, column])
            found.append([*pair, self.task.rule.label(pair), _json(lead)])
        return found


def leads_by_pair(problem: Problem) -> dict[str, Any] | None:
    """Return what is drawn, JSON-able, or None where there is no such picture.

    There is one where the task reads two positions, two answers or more compete and the inputs can
    be evaluated one by one. `lead` is packed by `quantised`, rows are tokens of the first position
    read; of inputs that share a pair it is the least. `unknown`, `wrong` and `open` are masks of
    bits in base64: of pairs without a lead, of wrong ones, and of those that no pass decides.
    `listed` holds [a, b, label, lead] of the wrong and open pairs with the least leads.
    """
    if not _is_drawn(problem):
        return None
    pairs = _Pairs(problem.task)
    _mark_lost(problem, pairs)
    _evaluate(problem, pairs)
    unknown = np.isnan(pairs.lead)
    if unknown.all():
        return None
    return {
        "positions": list(problem.task.reads),
        "starts": pairs.starts.tolist(),
        "margin": str(problem.margin),
        "lead": quantised(np.where(unknown, np.nanmin(pairs.lead), pairs.lead)),
        "unknown": _bits(unknown),
        "wrong": _bits(pairs.wrong),
        "open": _bits(pairs.open),
        "counts": [int(pairs.wrong.sum()), int(pairs.open.sum()), pairs.wrong.size],
        "listed": pairs.listed(pairs.wrong | pairs.open),
    }


def _is_drawn(problem: Problem) -> bool:
    task = problem.task
    if len(task.reads) != 2 or problem.answers < 2:
        return False
    if task.product > MOST_INPUTS:
        return False
    if problem.is_deep:
        operations = problem.deep.operations
    elif problem.weights.architecture.program is not None:
        operations = problem.program.operations
    else:
        return False
    pairs = len(task.positions[task.reads[0]]) * len(task.positions[task.reads[1]])
    return pairs <= MOST_PAIRS and task.product * operations <= MOST_OPERATIONS


def _mark_lost(problem: Problem, pairs: _Pairs) -> None:
    """Mark the pairs whose label is no answer: they are wrong, and have no lead."""
    rows, columns = np.indices(pairs.wrong.shape).reshape(2, -1)
    labels = problem.task.rule.labels_of(np.column_stack([rows, columns]) + pairs.starts)
    answers = problem.task.answers
    lost = (labels >= 0) & ((labels < answers.start) | (labels >= answers.stop))
    pairs.wrong[rows[lost], columns[lost]] = True


def _evaluate(problem: Problem, pairs: _Pairs) -> None:
    """Fill in leads, and decide what is near the margin by further passes."""
    margin, near = float(problem.margin), []
    for found in problem.evaluated.leads():
        cells, leads = pairs.cells(found.inputs), np.clip(found.leads, -REACH, REACH)
        np.fmin.at(pairs.lead, cells, leads)
        # A little more than the error: floats round.
        reach = np.minimum(1.001 * found.errors + 1e-12 * np.abs(leads), REACH) + 1e-12 * margin
        wrong = leads < margin - reach
        np.logical_or.at(pairs.wrong, cells, wrong)
        near.append(found.inputs[~wrong & ~(leads > margin + reach)])
    inputs = np.concatenate(near)
    settled = problem.evaluated.decided(inputs[:DECIDED])
    left = np.ones(len(inputs), dtype=np.bool_)
    left[:DECIDED] = ~(settled.right | settled.wrong)
    np.logical_or.at(pairs.wrong, pairs.cells(inputs[:DECIDED]), settled.wrong)
    np.logical_or.at(pairs.open, pairs.cells(inputs), left)
    pairs.open &= ~pairs.wrong


def _bits(mask: Bools) -> str:
    """Return a mask as bits, row by row, the first the highest of its byte."""
    return base64.b64encode(np.packbits(mask).tobytes()).decode()


def _json(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.6g}")
