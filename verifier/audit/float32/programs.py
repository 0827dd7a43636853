"""The float32 program of T12 in several orders of summation, to hold T12 against.

Nothing here is a bound: these are the programs that a bound is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from ballproof.models.architectures import Weights
from ballproof.models.architectures.programs import Floats, Programs, Tokens, Total
from ballproof.models.errors import ModelError


@dataclass(frozen=True)
class Program:
    """One way to run the model in float32: from sequences (n,k) to logits (n,v)."""

    name: str
    logits: Callable[[Tokens], Floats]


def programs(weights: Weights, seed: int = 0) -> Iterator[Program]:
    """Yield the program with numpy in four orders of summation."""
    run, frozen = programs_of(weights).numpy, arrays(weights)
    random = np.random.default_rng(seed)

    def shuffled(terms: list[Floats]) -> Floats:
        return _sequential([terms[i] for i in random.permutation(len(terms))])

    orders: dict[str, Total] = {
        "from the first term": _sequential,
        "from the last term": lambda terms: _sequential(terms[::-1]),
        "in pairs": _pairwise,
        "in random order": shuffled,
    }
    for name, total in orders.items():
        yield Program(name, partial(run, frozen, total))


def programs_of(weights: Weights) -> Programs:
    """Return the program of the model's architecture; raises ModelError if there is none."""
    found = weights.architecture.programs
    if found is None:
        raise ModelError(
            f"{weights.source}: there is no program in float32 of a model of "
            f"{weights.architecture.words}."
        )
    return found


def arrays(weights: Weights) -> dict[str, Floats]:
    """Return the tensors in float32."""
    return {name: m.to_float().astype(np.float32) for name, m in weights.tensors.items()}


def _sequential(terms: list[Floats]) -> Floats:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _pairwise(terms: list[Floats]) -> Floats:
    while len(terms) > 1:
        paired = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = paired + terms[len(paired) * 2 :]
    return terms[0]
