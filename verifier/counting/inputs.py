"""The inputs of a task's domain in blocks, and the columns of their labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ballproof.models.tasks import Task

Tokens = NDArray[np.int64]

NO_LABEL, NO_ANSWER = -1, -2


class Evaluated(NamedTuple):
    """Inputs (N, k), the leads of their labels in logits, NaN if unknown, and their errors (N,)."""

    inputs: Tokens
    leads: NDArray[np.float64]
    errors: NDArray[np.float64]


class Inputs:
    """The sequences of a task's domain, tokens told by their places in it."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.firsts: Tokens = np.array([one.start for one in task.positions], dtype=np.int64)

    def blocks(self, rows: int) -> Iterator[Tokens]:
        """Yield the domain's sequences (N, k) in lexicographic order, so many at a time."""
        sizes = [len(allowed) for allowed in self.task.positions]
        for start in range(0, self.task.product, rows):
            rest = np.arange(start, min(start + rows, self.task.product), dtype=np.int64)
            tokens = np.empty((len(rest), len(sizes)), dtype=np.int64)
            for i in reversed(range(len(sizes))):
                rest, tokens[:, i] = np.divmod(rest, sizes[i])
            yield tokens

    def columns(self, tokens: Tokens) -> NDArray[np.int64]:
        """Return the column of each label (N,), NO_ANSWER or NO_LABEL where there is none."""
        labels = self.task.rule.labels_of(self.named(tokens)[:, list(self.task.reads)])
        answers = self.task.answers
        columns = np.where((labels >= answers.start) & (labels < answers.stop), labels, NO_ANSWER)
        columns[columns >= 0] -= answers.start
        columns[labels < 0] = NO_LABEL
        return columns

    def named(self, tokens: Tokens) -> Tokens:
        """Return the tokens themselves, of those told by their places."""
        named: Tokens = tokens + self.firsts
        return named
