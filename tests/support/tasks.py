"""Tasks by their definitions: what is asked of a toy, and which inputs it gets right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from random import Random

from support.oracle import Sequence, oracle_of
from support.toy import ToyModel, full_name

RULES = ("max", "min", "rank", "argmax")


@dataclass(frozen=True)
class ToyTask:
    """A rule, half-open ranges of tokens by position, the positions read, the logits that compete.

    `rank` counts from 1, the largest, for `rank` and `argmax`.
    """

    rule: str
    rank: int
    positions: tuple[tuple[int, int], ...]
    reads: tuple[int, ...]
    answers: tuple[int, int]

    def label(self, sequence: Sequence) -> int:
        """Return the right answer, by the definition."""
        values = [sequence[i] for i in self.reads]
        if self.rule in ("max", "min"):
            return max(values) if self.rule == "max" else min(values)
        places = sorted(range(len(values)), key=lambda i: (-values[i], i))
        place = places[self.rank - 1]
        return place if self.rule == "argmax" else values[place]

    def inputs(self) -> Iterator[Sequence]:
        return product(*(range(*allowed) for allowed in self.positions))

    def is_correct(self, model: ToyModel, sequence: Sequence, margin: Fraction) -> bool:
        """Say whether the label is an answer that leads every other one by more than the margin."""
        label = self.label(sequence)
        if not self.answers[0] <= label < self.answers[1]:
            return False
        return oracle_of(model).is_correct(sequence, margin, label, range(*self.answers))

    def count_correct(self, model: ToyModel, margin: Fraction = Fraction(0)) -> int:
        """Return the number of inputs of the domain that the model gets right."""
        return sum(self.is_correct(model, x, margin) for x in self.inputs())

    def as_json(self) -> dict[str, object]:
        """Return the task as certificates state it."""
        ranked = {"rank": self.rank} if self.rule in ("rank", "argmax") else {}
        return {
            "rule": self.rule,
            **ranked,
            "positions": [list(allowed) for allowed in self.positions],
            "reads": list(self.reads),
            "answers": list(self.answers),
        }


def random_task(rng: Random, model: ToyModel) -> ToyTask:
    """Return a task that models of these sizes can have: any rule, fixed positions, reads, answers.

    All tokens, all positions and all logits each have an even chance.
    """
    v, k, outputs = model.d_vocab, model.n_ctx, model.d_vocab_out
    reads = tuple(range(k)) if rng.random() < 0.5 else _some(rng, k)
    positions = tuple((0, v) if rng.random() < 0.5 else _range(rng, v) for _ in range(k))
    answers = (0, outputs) if rng.random() < 0.6 else _range(rng, outputs)
    return ToyTask(rng.choice(RULES), rng.randint(1, len(reads)), positions, reads, answers)


def with_outputs(rng: Random, model: ToyModel, outputs: int) -> ToyModel:
    """Return the model with so many logits, each a copy of one of its own: ties among them."""
    chosen = [rng.randrange(model.d_vocab_out) for _ in range(outputs)]
    tensors = dict(model.tensors)
    for name in (full_name("W_U"), full_name("b_U")):
        if name in tensors:
            tensors[name] = tensors[name][..., chosen]
    return ToyModel(tensors)


def _some(rng: Random, k: int) -> tuple[int, ...]:
    return tuple(sorted(rng.sample(range(k), rng.randint(1, k))))


def _range(rng: Random, past: int) -> tuple[int, int]:
    first = rng.randrange(past)
    return first, rng.randint(first + 1, past)
