"""Tasks for `prove`: by name, or by a function that one of the rules agrees with everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import prod

from ballproof.models.errors import ModelError
from ballproof.models.tasks import Rule, Task, task_named
from ballproof.models.tasks.reading import PLAIN, RANKED
from ballproof.verifier.api.models import Model

__all__ = ["Task", "from_function", "named"]

# Inputs on which a function is asked for its label.
MAX_INPUTS = 2**20


def named(name: str, model: Model) -> Task:
    """Return the task of this name for a model: min-of-4, rank-2-of-4, argmax-of-4, in full or not.

    Raises ModelError for a name that is no task, and for one that the model cannot have.
    """
    return task_named(name, model.weights.shape)


def from_function(
    function: Callable[[Sequence[int]], int],
    *,
    positions: Sequence[range],
    answers: range,
    reads: Sequence[int] | None = None,
) -> Task:
    """Return the task whose rule agrees with a function on every input.

    `positions` are the tokens at each position, the query's last; `reads` the positions whose
    tokens the function is given, all if left out; `answers` the logits that compete. The function
    is asked for every combination of tokens, at most 2**20 of them: what is returned is the same
    function, by rule. Raises ModelError where no rule agrees, naming an input for the nearest one.
    """
    read = tuple(range(len(positions)) if reads is None else sorted(reads))
    spans = [positions[place] for place in read]
    if prod(map(len, spans)) > MAX_INPUTS:
        raise ModelError(f"A function is asked for at most {MAX_INPUTS} inputs; name the task.")
    labels = {tokens: function(tokens) for tokens in product(*spans)}
    nearest: tuple[int, str] | None = None
    for rule in _rules(len(read)):
        wrong = [tokens for tokens, label in labels.items() if rule.label(tokens) != label]
        if not wrong:
            return Task(rule, tuple(positions), read, answers)
        said = (
            f"{rule.full_name} says {rule.label(wrong[0])} of {wrong[0]}, and the function "
            f"{labels[wrong[0]]}"
        )
        nearest = min(nearest or (len(wrong), said), (len(wrong), said))
    said = nearest[1] if nearest else "there is no position"
    raise ModelError(f"The function is none of the rules that are served: {said}.")


def _rules(reads: int) -> Iterator[Rule]:
    for make in PLAIN.values():
        yield make()
    for ranked in RANKED.values():
        yield from (ranked(rank) for rank in range(1, min(reads, 8) + 1))
