"""Recompute `exact` and `brute-force`: the worst case of each rival, and sequences (T3, T1)."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import flint

from ballproof.interval.ball import exact, precision
from ballproof.models.tasks import Acceptor, Class
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
        n, answers = self.problem.shape.n_ctx - 1, self.problem.answers

        def cost(class_: Class) -> int:
            return answers * (n * sum(map(len, class_.acceptor.kinds)) + 1)

        return class_parts(self.problem, cost)

    def items(self, part: Part, _bits: int) -> list[Item]:
        """Return a pool for each rival, and a sequence with each rival; none for no answer."""
        query, label = part.name
        rivals = self._rivals(label)
        worst: list[Item] = [Pool(label, query, query, (), True, (j,)) for j in rivals]
        return worst + [(x, j) for x in self._sequences(query, label) for j in rivals]

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
        """Count the class if no rival can win, else what its sequences show.

        Where the label is no answer, all are wrong.
        """
        if self.problem.column(part.name[1]) is None:
            return Counted(0, 0)
        if all(negative(ball) for item, ball in balls.items() if isinstance(item, Pool)):
            return Counted(part.size, part.size)
        right = wrong = 0
        for sequence in self._sequences(*part.name):
            sums = [ball for item, ball in balls.items() if item[0] == sequence]
            right += all(map(negative, sums))
            wrong += any(map(nonnegative, sums))
        return Counted(right, part.size - wrong)

    def _rivals(self, label: int) -> list[int]:
        """Return the columns of the rivals of a label, none where it is no answer itself."""
        own = self.problem.column(label)
        return [] if own is None else [j for j in range(self.problem.answers) if j != own]

    def _sequences(self, query: int, label: int) -> list[Tokens]:
        """Return sequences of the class; which ones depends on the class alone."""
        rng = Random(SEED + query * 2**20 + label)
        acceptor = self.problem.task.acceptors(label)[query]
        return sorted({(*_drawn(acceptor, rng), query) for _ in range(SAMPLED)})

    def _sums(self, sequence: Tokens) -> dict[int, flint.arb]:
        """Enclose T1's sums of all rivals over the sum of the weights: the logit gaps, with eps."""
        problem, tokens = self.problem, list(sequence)
        query, own = sequence[-1], problem.label_column(sequence)
        tables, head = problem.tables, problem.head
        rows = head.output[tokens] + head.positional_output + tables.direct[query]
        gaps = (rows - rows[:, [own]] + tables.eps).T.tolist()
        weights = exponentials(head, head.score[query, tokens] + head.positional_score[query])
        whole = sum(weights, exact(0)) * tables.one
        return {
            j: sum((w * gap for w, gap in zip(weights, column, strict=True)), exact(0)) / whole
            for j, column in enumerate(gaps)
            if j != own
        }


def _drawn(acceptor: Acceptor, rng: Random) -> Tokens:
    """Return the free tokens of an input of the class, each input with the same chance."""
    state, tokens = 0, []
    for level, completions in enumerate(acceptor.completions[1:]):
        arcs = [arc for arc in acceptor.arcs[level] if arc.source == state]
        ways = [(arc.past - arc.first) * completions[arc.target] for arc in arcs]
        # Of integers of any size, and so in integers.
        place, chosen = rng.randrange(sum(ways)), 0
        while place >= ways[chosen]:
            place, chosen = place - ways[chosen], chosen + 1
        arc = arcs[chosen]
        tokens.append(rng.randrange(arc.first, arc.past))
        state = arc.target
    return tuple(tokens)
