"""Tasks by name, as on the command line, and as the JSON object of a certificate."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ballproof.models.architectures import Shape
from ballproof.models.errors import ModelError
from ballproof.models.tasks.argmax import Argmax
from ballproof.models.tasks.max import Max
from ballproof.models.tasks.min import Min
from ballproof.models.tasks.rank import Rank
from ballproof.models.tasks.rule import Rule
from ballproof.models.tasks.task import Task, default

# The rules that there are; those of the second table are made with a rank.
PLAIN: dict[str, Callable[[], Rule]] = {"max": Max, "min": Min}
RANKED: dict[str, Callable[[int], Rule]] = {"rank": Rank, "argmax": Argmax}

# The checker's limit.
MAX_RANK = 8

_NAME = re.compile(r"(?a:([a-z]+)(?:-(\d{1,6}))?-of-(\d{1,6})(?:\[([^\[\]]*)\])?)")
_KEYS = ("rule", "rank", "positions", "reads", "answers")


def known_names() -> str:
    """Return the forms of names, for messages."""
    return "max-of-4, min-of-4, rank-2-of-4 and argmax-of-4 are examples"


def task_named(name: str, shape: Shape) -> Task:
    """Return the task of this name for models of these sizes, or raise ModelError."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ModelError(f"{name!r} is no name of a task: {known_names()}.")
    rank = None if match[2] is None else int(match[2])
    rule = _rule(match[1], 1 if match[1] == "argmax" and rank is None else rank, repr(name))
    parts = _parts(match[4], name)
    reads = parts.pop("reads", None)
    task = default(rule, shape, None if reads is None else _numbers(reads, name))
    if "positions" in parts:
        ranges = tuple(_range(text, name) for text in parts.pop("positions").split(","))
        task = replace(task, positions=ranges)
    if "answers" in parts:
        task = replace(task, answers=_range(parts.pop("answers"), name))
    if int(match[3]) != len(task.reads):
        raise ModelError(
            f"The task {name!r} is about {match[3]} positions, where "
            + (f"the model has {shape.n_ctx}." if reads is None else f"{reads} are read.")
        )
    return checked(task, shape)


def task_of_json(value: object, shape: Shape) -> Task:
    """Return the task of a certificate's JSON object, for models of these sizes."""
    if not isinstance(value, dict):
        raise ModelError(f"The task is {value!r}, where a JSON object is expected.")
    name = str(value.get("rule"))
    expected = [key for key in _KEYS if key != "rank" or name in RANKED]
    if sorted(value) != sorted(expected):
        raise ModelError(
            f"The task has the keys {', '.join(sorted(value))}, where {', '.join(expected)} are "
            "expected."
        )
    rule = _rule(name, value.get("rank"), "The certificate's task")
    positions = tuple(_pair(item) for item in _list(value["positions"]))
    reads = tuple(_whole(item) for item in _list(value["reads"]))
    return checked(Task(rule, positions, reads, _pair(value["answers"])), shape)


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
    rank = getattr(task.rule, "rank", 1)
    if not 1 <= rank <= min(len(task.reads), MAX_RANK):
        raise ModelError(
            f"The task has the rank {rank}, where 1 to {min(len(task.reads), MAX_RANK)} is "
            f"expected: at most the number of positions that are read, and {MAX_RANK}."
        )
    return task


def _rule(name: str, rank: Any, what: str) -> Rule:
    if name in PLAIN and rank is None:
        return PLAIN[name]()
    if name in RANKED and type(rank) is int:
        return RANKED[name](rank)
    if name in PLAIN or name in RANKED:
        has = "no rank" if name in PLAIN else "a rank, as in rank-2-of-4"
        raise ModelError(f"{what}: the rule {name} has {has}.")
    known = ", ".join([*PLAIN, *RANKED])
    raise ModelError(f"{what}: {name!r} is no rule; the rules are {known}.")


def _parts(text: str | None, name: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in [] if text is None else text.split(";"):
        key, _, value = part.partition("=")
        if key not in ("positions", "reads", "answers") or key in parts:
            raise ModelError(
                f"{name!r}: {part!r} is none of positions=.., reads=.. and answers=.., once each."
            )
        parts[key] = value
    return parts


def _numbers(text: str, name: str) -> list[int]:
    return [_number(each, name) for each in text.split(",")]


def _range(text: str, name: str) -> range:
    first, dots, last = text.partition("..")
    if not dots:
        raise ModelError(f"{name!r}: {text!r} is no range such as 0..63.")
    return range(_number(first, name), _number(last, name) + 1)


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ModelError(f"{name!r}: {text!r} is no whole number.")
    return int(text)


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


def _whole(value: object) -> int:
    if type(value) is not int:
        raise ModelError(f"The task holds {value!r}, where a whole number is expected.")
    return value
