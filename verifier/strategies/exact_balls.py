"""Recompute `exact` and `brute-force`: the worst case of each rival, and sequences (T3, T1)."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import flint

from ballproof.interval.ball import exact, precision
from ballproof.verifier.counting.attention import exponentials
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.pool_balls import Pool, PoolBalls
from ballproof.verifier.strategies.quantities import (
    Balls,
    Counted,
    Item,
    Part,
    class_parts,
    negative,
    nonnegative,
)

# Sequences of each class whose sums are formed for every rival.
SAMPLED = 1
SEED = 0
Tokens = tuple[int, ...]


class ExactQuantities:
    """T3 for each class and rival, and T1 for each rival on a sequence of each class."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.pools = PoolBalls(problem)

    @property
    def what(self) -> str:
        """What the quantities are."""
        return "worst cases (T3) per class and rival, and sums (T1) of sampled sequences"

    @property
    def alone(self) -> Counted:
        """Every input is in a class."""
        return Counted(0, 0)

    def parts(self) -> list[Part]:
        """Return the classes."""
        v, n = self.problem.shape.d_vocab, self.problem.shape.n_ctx - 1
        return class_parts(self.problem, lambda m: n * v * (m + 1) + v)

    def items(self, part: Part, _bits: int) -> list[Item]:
        """Return a pool for each rival, and a sequence with each rival."""
        query, m = part.name
        rivals = [j for j in range(self.problem.shape.d_vocab) if j != m]
        worst: list[Item] = [Pool(m, query, query, (), True, (j,)) for j in rivals]
        return worst + [(x, j) for x in self._sequences(query, m) for j in rivals]

    def balls(self, part: Part, items: Sequence[Any], bits: int) -> dict[Item, flint.arb]:
        """Enclose worst cases and sums."""
        with precision(bits):
            sums = {x: self._sums(x) for x in {i[0] for i in items if not isinstance(i, Pool)}}
            return {
                item: self.pools.worst(item, bits)
                if isinstance(item, Pool)
                else sums[item[0]][item[1]]
                for item in items
            }

    def name(self, item: Any) -> str:
        """Name a worst case or a sum."""
        if isinstance(item, Pool):
            return item.described
        return f"the logit gap of rival {item[1]} on {list(item[0])}"

    def counted(self, part: Part, balls: Balls) -> Counted:
        """Count the class if no rival can win, else what its sequences show."""
        if all(negative(ball) for item, ball in balls.items() if isinstance(item, Pool)):
            return Counted(part.size, part.size)
        right = wrong = 0
        for sequence in self._sequences(*part.name):
            sums = [ball for item, ball in balls.items() if item[0] == sequence]
            right += all(map(negative, sums))
            wrong += any(map(nonnegative, sums))
        return Counted(right, part.size - wrong)

    def _sequences(self, query: int, m: int) -> list[Tokens]:
        """Return sequences of the class; which ones depends on the class alone."""
        rng, n = Random(SEED + query * 2**20 + m), self.problem.shape.n_ctx - 1
        found = set()
        for _ in range(SAMPLED):
            free = [rng.randint(0, m) for _ in range(n)]
            if query < m:
                free[rng.randrange(n)] = m
            found.add((*free, query))
        return sorted(found)

    def _sums(self, sequence: Tokens) -> dict[int, flint.arb]:
        """Enclose T1's sums of all rivals over the sum of the weights: the logit gaps, with eps."""
        problem, tokens = self.problem, list(sequence)
        query, m = sequence[-1], max(sequence)
        tables, head = problem.tables, problem.head
        rows = head.output[tokens] + head.positional_output + tables.direct[query]
        gaps = (rows - rows[:, [m]] + tables.eps).T.tolist()
        weights = exponentials(head, head.score[query, tokens] + head.positional_score[query])
        whole = sum(weights, exact(0)) * tables.one
        return {
            j: sum((w * gap for w, gap in zip(weights, column, strict=True)), exact(0)) / whole
            for j, column in enumerate(gaps)
            if j != m
        }
