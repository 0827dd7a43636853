"""Tasks by name, as on the command line and in the metadata of a weights file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ballproof.models.architectures import Shape
from ballproof.models.errors import ModelError
from ballproof.models.files import parse_json, read_limited
from ballproof.models.tasks.after import REPEATS, After
from ballproof.models.tasks.balanced import Balanced
from ballproof.models.tasks.first_picks import FirstPicks
from ballproof.models.tasks.groups import Group, digest, of_sympy
from ballproof.models.tasks.product import Product
from ballproof.models.tasks.reading import checked, listed_task, rule_with_rank
from ballproof.models.tasks.rule import Rule
from ballproof.models.tasks.sum import Sum
from ballproof.models.tasks.task import Task, default

_NAME = re.compile(r"([^\[\]]*)(?:\[([^\[\]]*)\])?")
_POSITIONS = ("positions", "reads", "answers")
FILE = "table:"
_BRACKETS = {"open": "0", "close": "1"}


def known_names() -> str:
    """Return the forms of names, for messages."""
    return (
        "max-of-4, min-of-4, rank-2-of-4, argmax-of-4, add-mod-113, sum-mod-10-of-4, parity-12, "
        "product-in-s5, after-6-of-12, balanced-12 and table:FILE are examples"
    )


class _Words(NamedTuple):
    """A name in pieces: the match of its stem, and the bracket's parts by key."""

    match: re.Match[str]
    parts: dict[str, str]
    name: str


def _ranked(words: _Words) -> Rule:
    match = words.match
    rank = None if match[2] is None else int(match[2])
    return rule_with_rank(
        match[1], 1 if match[1] == "argmax" and rank is None else rank, repr(words.name)
    )


def _sum(words: _Words) -> Rule:
    modulus, count = int(words.match["p"]), int(words.match["n"] or 2)
    listed = words.parts.get("coefficients")
    if listed is None:
        return Sum(modulus, (1,) * count)
    coefficients = tuple(_integer(each, words.name) for each in listed.split(","))
    if len(coefficients) != count:
        raise ModelError(
            f"{words.name!r} has {len(coefficients)} coefficients, where {count} positions are "
            "read."
        )
    return Sum(modulus, coefficients)


def _product(words: _Words) -> Rule:
    name = words.match["group"].upper()
    side, order = words.parts.get("side", "x(y)"), words.parts.get("order", "lexicographic")
    if order == "lexicographic":
        return Product(Group(name), side)
    # A file names the order by its digest: that of sympy is the one that is known.
    if order != "sympy" and (name not in ("S5", "A5") or order != digest(of_sympy(name))):
        raise ModelError(
            f"{words.name!r}: the order {order!r} is not known; lexicographic and sympy are."
        )
    return Product(Group(name, of_sympy(name)), side)


def _parity(words: _Words) -> Rule:
    return Sum(2, (1,) * int(words.match["n"]))


def _after(words: _Words) -> Rule:
    if words.parts.get(REPEATS, ""):
        raise ModelError(f"{words.name!r}: {REPEATS} has no value.")
    return After(REPEATS not in words.parts)


def _balanced(words: _Words) -> Rule:
    open_, close = (_number(words.parts.get(key, i), words.name) for key, i in _BRACKETS.items())
    labels = _numbers(words.parts.get("labels", "0,1"), words.name)
    if len(labels) != 2:
        raise ModelError(f"{words.name!r} has {len(labels)} labels, where two are.")
    return Balanced(open_, close, (labels[0], labels[1]))


def _first_picks(words: _Words) -> Rule:
    picks = _numbers(words.parts.get("picks", ""), words.name)
    if len(picks) != 2:
        raise ModelError(f"{words.name!r} has {len(picks)} tokens that pick, where two do.")
    return FirstPicks((picks[0], picks[1]))


def _table(words: _Words) -> Rule:
    raise ModelError(
        f"{words.name!r} is a task whose labels are in a file: name the file, as in {FILE}FILE."
    )


class _Form(NamedTuple):
    """A form of stems, the rule's own keys of brackets, and what makes the rule.

    The rule reads so many `more` positions than the stem's number.
    """

    stem: re.Pattern[str]
    keys: tuple[str, ...]
    rule: Callable[[_Words], Rule]
    more: int = 0

    def count(self, match: re.Match[str]) -> int:
        """Return how many positions are read, for a match of the stem."""
        return int(match["n"] or 2) + self.more


_FORMS = (
    _Form(re.compile(r"(?a:add-mod-(?P<p>\d{1,7})(?P<n>))"), ("coefficients",), _sum),
    _Form(re.compile(r"(?a:sum-mod-(?P<p>\d{1,7})-of-(?P<n>\d{1,6}))"), ("coefficients",), _sum),
    _Form(
        re.compile(r"(?a:product-in-(?P<group>[a-z]\d{1,4})(?:-of-(?P<n>\d{1,6}))?)"),
        ("side", "order"),
        _product,
    ),
    _Form(re.compile(r"(?a:parity-(?P<n>\d{1,6}))"), (), _parity),
    _Form(re.compile(r"(?a:after-(?P<n>\d{1,6})-of-(?P<tokens>\d{1,6}))"), (REPEATS,), _after),
    _Form(re.compile(r"(?a:first-picks-of-(?P<n>\d{1,6}))"), ("picks",), _first_picks, 1),
    _Form(re.compile(r"(?a:balanced-(?P<n>\d{1,6}))"), (*_BRACKETS, "labels"), _balanced),
    _Form(re.compile(r"(?a:table-of-(?P<n>\d{1,6}))"), ("sha256",), _table),
    _Form(re.compile(r"(?a:([a-z]+)(?:-(\d{1,6}))?-of-(?P<n>\d{1,6}))"), (), _ranked),
)


def task_named(name: str, shape: Shape) -> Task:
    """Return the task of this name for models of these sizes, or raise ModelError.

    `table:FILE` is the task whose labels a JSON file lists.
    """
    if name.startswith(FILE):
        return _of_file(Path(name.removeprefix(FILE)), shape)
    form, match, bracket = _matched(name)
    words = _Words(match, _parts(bracket, name, form.keys), name)
    _check_tokens(words, shape)
    rule, count, parts = form.rule(words), form.count(match), words.parts
    reads = None if "reads" not in parts else _numbers(parts["reads"], name)
    usual = rule.usual_reads(shape.n_ctx, count)
    task = default(rule, shape, usual if reads is None else reads)
    if "positions" in parts:
        ranges = tuple(_range(text, name) for text in parts["positions"].split(","))
        task = replace(task, positions=ranges)
    if "answers" in parts:
        task = replace(task, answers=_range(parts["answers"], name))
    if count != len(task.reads):
        raise ModelError(
            f"The task {name!r} is about {count} positions, where "
            + (
                f"the model has {shape.n_ctx}."
                if "reads" not in parts
                else f"{parts['reads']} are read."
            )
        )
    return checked(task, shape)


def _check_tokens(words: _Words, shape: Shape) -> None:
    """Refuse a name that says how many tokens there are, for models of another number."""
    named = words.match.groupdict().get("tokens")
    if named is not None and int(named) != shape.d_vocab:
        raise ModelError(
            f"The task {words.name!r} is about {named} tokens, where the model has {shape.d_vocab}."
        )


def positions_named(name: str) -> int | None:
    """Return how many positions a task of this name has, None where the name does not tell."""
    try:
        form, match, bracket = _matched(name)
        parts = _parts(bracket, name, form.keys)
    except ModelError:
        return None
    if "positions" in parts:
        return len(parts["positions"].split(","))
    # A sum or a product may stand before tokens that are not read, as in `a b =`.
    first_only = name.startswith(("add-mod-", "sum-mod-", "product-in-", "parity-"))
    return None if "reads" in parts or first_only else form.count(match)


def _matched(name: str) -> tuple[_Form, re.Match[str], str | None]:
    whole = _NAME.fullmatch(name)
    for form in _FORMS:
        match = form.stem.fullmatch(whole[1]) if whole else None
        if whole and match:
            return form, match, whole[2]
    raise ModelError(f"{name!r} is no name of a task: {known_names()}.")


def _of_file(path: Path, shape: Shape) -> Task:
    """Return the task of a JSON file: a list of labels, or an object with them."""
    value = parse_json(read_limited(path), str(path))
    stated = value if isinstance(value, dict) else {"labels": value}
    unknown = sorted(stated.keys() - {"labels", *_POSITIONS})
    if unknown or "labels" not in stated:
        raise ModelError(
            f"{path} has the keys {', '.join(sorted(stated))}, where labels, positions, reads and "
            "answers are expected, the last three if need be."
        )
    usual = {
        "positions": [[0, shape.d_vocab]] * shape.n_ctx,
        "reads": list(range(shape.n_ctx)),
        "answers": [0, shape.d_vocab_out],
    }
    return listed_task({**usual, **stated}, shape)


def _parts(text: str | None, name: str, own: tuple[str, ...]) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in [] if text is None else text.split(";"):
        key, _, value = part.partition("=")
        if key not in (*own, *_POSITIONS) or key in parts:
            known = ", ".join(f"{each}=.." for each in (*own, *_POSITIONS[:-1]))
            raise ModelError(f"{name!r}: {part!r} is none of {known} and answers=.., once each.")
        parts[key] = value
    return parts


def _numbers(text: str, name: str) -> list[int]:
    return [_number(each, name) for each in text.split(",")]


def _range(text: str, name: str) -> range:
    first, dots, last = text.partition("..")
    if not dots:
        raise ModelError(f"{name!r}: {text!r} is no range such as 0..63.")
    return range(_number(first, name), _number(last, name) + 1)


def _integer(text: str, name: str) -> int:
    number = _number(text.removeprefix("-"), name)
    return -number if text.startswith("-") else number


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ModelError(f"{name!r}: {text!r} is no whole number.")
    return int(text)
