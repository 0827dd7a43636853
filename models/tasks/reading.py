"""Tasks as the JSON object of a certificate, and what a model allows of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ballproof.models.architectures import Shape
from ballproof.models.errors import ModelError
from ballproof.models.tasks.after import After
from ballproof.models.tasks.argmax import Argmax
from ballproof.models.tasks.balanced import Balanced
from ballproof.models.tasks.first_picks import FirstPicks
from ballproof.models.tasks.groups import LEXICOGRAPHIC, Group, Permutation
from ballproof.models.tasks.max import Max
from ballproof.models.tasks.min import Min
from ballproof.models.tasks.product import Product
from ballproof.models.tasks.rank import Rank
from ballproof.models.tasks.rule import Rule
from ballproof.models.tasks.sum import Sum
from ballproof.models.tasks.table import Table
from ballproof.models.tasks.task import Task

# The rules that there are; those of the second table are made with a rank.
PLAIN: dict[str, Callable[[], Rule]] = {"max": Max, "min": Min}
RANKED: dict[str, Callable[[int], Rule]] = {"rank": Rank, "argmax": Argmax}

# The checker's limit.
MAX_RANK = 8

# What a certificate states of each rule, before positions, reads and answers.
PARAMETERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(PLAIN, ()),
    **dict.fromkeys(RANKED, ("rank",)),
    "sum": ("modulus", "coefficients"),
    "product": ("group", "order", "side"),
    "after": ("distinct",),
    "first-picks": ("picks",),
    "balanced": ("open", "close", "labels"),
    "table": ("labels",),
}


def task_of_json(value: object, shape: Shape) -> Task:
    """Return the task of a certificate's JSON object, for models of these sizes."""
    if not isinstance(value, dict):
        raise ModelError(f"The task is {value!r}, where a JSON object is expected.")
    name = str(value.get("rule"))
    expected = ["rule", *PARAMETERS.get(name, ()), "positions", "reads", "answers"]
    if sorted(value) != sorted(expected):
        raise ModelError(
            f"The task has the keys {', '.join(sorted(value))}, where {', '.join(expected)} are "
            "expected."
        )
    if name == "table":
        return listed_task(value, shape)
    return checked(Task(_rule_of_json(name, value), *_domain(value)), shape)


def listed_task(value: Mapping[str, Any], shape: Shape) -> Task:
    """Return the task whose labels are listed in an object with positions, reads and answers."""
    positions, reads, answers = _domain(value)
    labels = tuple(_whole(item) for item in _list(value["labels"]))
    # Positions that are none are refused below.
    ranges = tuple(positions[i] for i in reads if 0 <= i < len(positions))
    return checked(Task(Table(labels, ranges), positions, reads, answers), shape)


def _domain(value: Mapping[str, Any]) -> tuple[tuple[range, ...], tuple[int, ...], range]:
    positions = tuple(_pair(item) for item in _list(value["positions"]))
    reads = tuple(_whole(item) for item in _list(value["reads"]))
    return positions, reads, _pair(value["answers"])


def _rule_of_json(name: str, value: Mapping[str, Any]) -> Rule:
    if name == "sum":
        coefficients = tuple(_whole(item) for item in _list(value["coefficients"]))
        return Sum(_whole(value["modulus"]), coefficients)
    if name == "product":
        order, side = value["order"], value["side"]
        listed = None if order == LEXICOGRAPHIC else _permutations(order)
        return Product(Group(str(value["group"]), listed), side)
    if name == "after":
        return After(_boolean(value["distinct"]))
    if name == "first-picks":
        return FirstPicks(_two([_whole(item) for item in _list(value["picks"])], "picks"))
    if name == "balanced":
        labels = _two([_whole(item) for item in _list(value["labels"])], "labels")
        return Balanced(_whole(value["open"]), _whole(value["close"]), labels)
    return rule_with_rank(name, value.get("rank"), "The certificate's task")


def _two(found: list[int], what: str) -> tuple[int, int]:
    if len(found) != 2:
        raise ModelError(f"The task has {len(found)} {what}, where two are.")
    return found[0], found[1]


def _permutations(value: object) -> tuple[Permutation, ...]:
    return tuple(tuple(_whole(item) for item in _list(each)) for each in _list(value))


def checked(task: Task, shape: Shape) -> Task:
    """Return the task, or raise ModelError if models of these sizes cannot have it."""
    if len(task.positions) != shape.n_ctx:
        raise ModelError(
            f"The task has {len(task.positions)} positions, where the model has {shape.n_ctx}."
        )
    for allowed in task.positions:
        _check_range(allowed, shape.d_vocab, "tokens of a position")
    _check_range(task.answers, shape.d_vocab_out, "answers")
    ascending = all(a < b for a, b in zip(task.reads, task.reads[1:], strict=False))
    if not task.reads or not ascending or not 0 <= task.reads[0] <= task.reads[-1] < shape.n_ctx:
        raise ModelError(
            f"The task reads the positions {list(task.reads)}, where one or more of 0 to "
            f"{shape.n_ctx - 1} are expected, ascending."
        )
    task.rule.check(task.positions, task.reads)
    rank = getattr(task.rule, "rank", 1)
    if not 1 <= rank <= min(len(task.reads), MAX_RANK):
        raise ModelError(
            f"The task has the rank {rank}, where 1 to {min(len(task.reads), MAX_RANK)} is "
            f"expected: at most the number of positions that are read, and {MAX_RANK}."
        )
    return task


def rule_with_rank(name: str, rank: Any, what: str) -> Rule:
    """Return the rule of this name, with this rank if it has one, or raise ModelError."""
    if name in PLAIN and rank is None:
        return PLAIN[name]()
    if name in RANKED and type(rank) is int:
        return RANKED[name](rank)
    if name in PLAIN or name in RANKED:
        has = "no rank" if name in PLAIN else "a rank, as in rank-2-of-4"
        raise ModelError(f"{what}: the rule {name} has {has}.")
    known = ", ".join(PARAMETERS)
    raise ModelError(f"{what}: {name!r} is no rule; the rules are {known}.")


def _check_range(found: range, past: int, what: str) -> None:
    if not 0 <= found.start < found.stop <= past:
        raise ModelError(
            f"The task has the {what} {found.start} to {found.stop - 1}, where at least one of 0 "
            f"to {past - 1} is expected."
        )


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ModelError(f"The task holds {value!r}, where a list is expected.")
    return value


def _pair(value: object) -> range:
    pair = _list(value)
    if len(pair) != 2:
        raise ModelError(f"The task holds {value!r}, where [first, past] is expected.")
    return range(_whole(pair[0]), _whole(pair[1]))


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ModelError(f"The task holds {value!r}, where true or false is expected.")
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise ModelError(f"The task holds {value!r}, where a whole number is expected.")
    return value
