"""What can be wrong in a witness, key by key, for the model `small` (v = 4, k = 3, d = 3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from support.ladders import pool

SVD = "subcubic/svd-query/mean+diff/svd"
CHORD = "subcubic/max-diff/chord/max-diff-subproduct"
MIXED = "mean-recursive+max-diff-subproduct-recursive"
RECURSIVE = f"subcubic/mean-query/drop-average/{MIXED}"
ONE, ZERO = ["1", 0], ["0", 0]
DYADICS: dict[str, Any] = {
    "even": ["2", 0],
    "zero-with-exponent": ["0", 1],
    "minus-zero": ["-0", 0],
    "exponent-high": ["1", 20_001],
    "exponent-low": ["1", -20_001],
    "number": [1, 0],
    "plus": ["+1", 0],
    "leading-zero": ["01", 0],
    "fraction": ["1/3", 0],
    "word": ["inf", 0],
    "other-digits": ["\u0661", 0],
    "exponent-text": ["1", "0"],
    "exponent-true": ["1", True],
    "three": ["1", 0, 0],
    "one": ["1"],
    "bare": "1",
    "null": None,
}
FEW = {name: DYADICS[name] for name in ("even", "exponent-high", "number", "leading-zero", "null")}


class Fault(NamedTuple):
    """A value that does not belong at a path of a witness."""

    key: str
    name: str
    about: str
    path: tuple[Any, ...]
    value: Any


def subcubic_faults() -> Iterator[tuple[str, Fault]]:
    """Yield the faults of all eight keys, each with a strategy that has the key."""
    for name, value in _numbers(5).items():
        yield CHORD, Fault("gaps", name, "no integer of 1 .. v", ("gaps", 3, 2, 1), value)
    for name, path, value in (
        ("maximum-missing", ("gaps",), [[[1, 1]], [[1, 1]] * 2, [[1, 1]] * 3]),
        ("query-missing", ("gaps", 3), [[1, 1]] * 3),
        ("query-added", ("gaps", 3), [[1, 1]] * 5),
        ("count-missing", ("gaps", 3, 0), [1]),
        ("count-added", ("gaps", 3, 0), [1, 1, 1]),
        ("object", ("gaps", 3), {"0": [1, 1]}),
        ("null", ("gaps",), None),
    ):
        yield SVD, Fault("gaps", name, "lists of another shape", path, value)
    yield from _direction_faults()
    for name, value in _numbers(13).items():
        if name != "zero":
            yield SVD, Fault("squarings", name, "no integer of 0 .. 12", ("squarings",), value)
    for name, value in DYADICS.items():
        yield SVD, Fault("mu", name, "no dyadic", ("mu", 1), value)
    for name, value in FEW.items():
        yield SVD, Fault("a_star", name, "no dyadic", ("a_star", 2, 1), value)
        yield CHORD, Fault("chord", name, "no dyadic", ("chord", 2, 1, 0), value)
    for name, value in {"short": [ONE] * 2, "long": [ONE] * 4, "empty": [], "object": {}}.items():
        yield SVD, Fault("mu", name, "no vector of length d", ("mu",), value)
        yield (
            SVD,
            Fault(
                "a_star", name, "no n numbers", ("a_star", 1), value if name != "short" else [ONE]
            ),
        )
        pairs = [[ZERO, ONE]] * (len(value) - (name == "short"))
        yield CHORD, Fault("chord", name, "no n pairs", ("chord", 1), pairs)
    yield CHORD, Fault("chord", "crossed", "a_min > a_max", ("chord", 0, 0), [ONE, ZERO])
    yield CHORD, Fault("chord", "triple", "no pair", ("chord", 0, 0), [ZERO, ONE, ONE])
    yield from _key_faults()


def _numbers(above: int) -> dict[str, Any]:
    listed = {"zero": 0, "negative": -1, "above": above, "huge": 10**1999, "text": "1"}
    return listed | {"true": True, "null": None, "list": [1], "object": {}}


def _direction_faults() -> Iterator[tuple[str, Fault]]:
    for key, length, count in (
        ("query_directions", 4, 1),
        ("key_directions", 4, 1),
        ("matrix_directions", 3, 2),
    ):
        strategy = SVD if count == 1 else CHORD
        for name, value in FEW.items():
            yield strategy, Fault(key, name, "no dyadic", (key, count - 1, 1), value)
        for name, vector in {
            "zero-vector": [ZERO] * length,
            "short": [ONE] * (length - 1),
            "long": [ONE] * (length + 1),
            "empty": [],
        }.items():
            about = "no vector of the length that is asked, or one of zeros"
            yield strategy, Fault(key, name, about, (key, count - 1), vector)
        for name, number in {"none": 0, "too-few": count - 1, "too-many": count + 1}.items():
            about = "another number of directions"
            yield strategy, Fault(key, name, about, (key,), [[ONE] * length] * number)
    for key in ("query_directions", "key_directions"):
        about = "one direction where two are asked"
        yield RECURSIVE, Fault(key, "one-of-two", about, (key,), [[ONE] * 4])


def _key_faults() -> Iterator[tuple[str, Fault]]:
    """Yield keys that do not belong there."""
    for key, value in {
        "mu": [ONE] * 3,
        "chord": [[[ZERO, ONE]] * 2] * 4,
        "squarings": 3,
        "note": "x",
        "": {},
        "\ud800": [],
    }.items():
        name = f"added-{ascii(key)[1:-1].strip(chr(92)) or 'empty'}"
        yield RECURSIVE, Fault("keys", name, "a key that is not used", (key,), value)


NODES = ("labels", 0, 1)
TOP = (*NODES, 0)
LADDER_FAULTS: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    (
        "labels",
        ("labels",),
        {"null": None, "object": {}, "bare": [3], "one": [[3]], "three": [[3, [], []]]}
        | {"above": [[4, []]], "negative": [[-1, []]], "text": [["3", []]], "true": [[True, []]]}
        | {"twice": [[3, []], [3, []]], "unsorted": [[3, []], [2, []]], "null-label": [[None, []]]},
    ),
    ("labels", NODES, {"nodes-object": {}, "nodes-number": 0, "nodes-pool": pool(0, 2)}),
    ("labels", NODES, {"of-numbers": [0], "of-lists": [[]], "of-null": [None], "of-words": ["0"]}),
    (
        "queries",
        (*TOP, "queries"),
        {"crossed": [2, 0], "above": [0, 4], "unlike": [0, 3], "below": [-1, 0], "one": [0]}
        | {"three": [0, 1, 2], "true": [False, True], "text": ["0", "1"], "null": None},
    ),
    (
        "cells",
        (*TOP, "cells"),
        {"crossed": [[1, 0]], "single": [[1, 1]], "above": [[2, 4]], "negative": [[-1, 0]]}
        | {"overlap": [[0, 1], [1, 2]], "twice": [[0, 1], [0, 1]], "unlike": [[2, 3]]}
        | {"unsorted": [[2, 3], [0, 1]], "one": [[0]], "three": [[0, 1, 2]], "text": [["0", 1]]}
        | {"true": [[False, True]], "bare": [0], "null": None, "object": {}, "huge": [[0, 9**99]]},
    ),
    (
        "per_position",
        (*TOP, "per_position"),
        {"two": 2, "negative": -1, "true": True, "text": "1", "null": None},
    ),
    (
        "joint_rivals",
        (*TOP, "joint_rivals"),
        {"crossed": [[1, 0]], "above": [[0, 4]], "negative": [[-1, 0]], "one": [[0]]}
        | {"bare": [0], "null": None, "object": {}},
    ),
    (
        "thresholds",
        (*TOP, "thresholds"),
        {"high": [[0, 2**60 + 1]], "low": [[0, -(2**60) - 1]], "rival": [[4, 0]]}
        | {"twice": [[1, 0], [1, 0]], "unsorted": [[1, 0], [0, 0]], "text": [[0, "0"]]}
        | {"three": [[0, 0, 0]], "bare": [0], "null": None},
    ),
    (
        "subpools",
        (*TOP, "subpools"),
        {"outside": [pool(3, 3)], "overlap": [pool(0, 1), pool(1, 1)], "null": None}
        | {"unsorted": [pool(1, 1), pool(0, 0)], "object": pool(0, 0), "number": [0]}
        | {"key-less": [{}], "key-more": [pool(0, 0, sure=1)]},
    ),
    ("groups", (*TOP, "groups"), {"object": {}, "null": None, "number": [0], "bare": ["branch"]}),
    (
        "rare_tokens",
        (*TOP, "rare_tokens"),
        {"above": [4], "negative": [-1], "twice": [1, 1], "unsorted": [1, 0]}
        | {"true": [True], "text": ["1"], "null": None, "five": [0, 1, 2, 3, 4]},
    ),
    (
        "rare_tokens",
        TOP,
        {"in-a-cell": pool(0, 2, cells=[[0, 1]], rare_tokens=[1])},
    ),
    (
        "at_most",
        (*TOP, "at_most"),
        {"three": 3, "negative": -1, "true": True, "text": "1", "null": None},
    ),
)


def ladder_faults() -> Iterator[tuple[str, Fault]]:
    """Yield the faults of all keys of a ladder's witness, its pools and its groups."""
    for index, (key, path, values) in enumerate(LADDER_FAULTS):
        strategy = ("ladder", "moment", "grid")[index % 3]
        for name, value in values.items():
            yield strategy, Fault(key, name, "outside its domain", path, value)
    groups = (*TOP, "groups")
    rules = {
        "ladder": ("Branch", "walk", "", None, ["branch"]),
        "moment": ("grid", "branch"),
        "grid": ("moment",),
    }
    for strategy, wrong in rules.items():
        for index, rule in enumerate(wrong):
            made = [{"rule": rule, "rivals": [0], "rate": 1}]
            yield strategy, Fault("rule", str(index), "no rule of the strategy", groups, made)
    for strategy, rule, high in (("moment", "moment", 2**20), ("grid", "grid", 2**14)):
        for name, rate in _numbers(high + 1).items():
            made = [{"rule": rule, "rivals": [0], "rate": rate}]
            yield strategy, Fault("rate", f"{rule}-{name}", "outside its range", groups, made)
    for name, rivals in {
        "above": [4],
        "negative": [-1],
        "twice": [1, 1],
        "unsorted": [1, 0],
        "true": [True],
        "text": "0",
        "null": None,
    }.items():
        made = [{"rule": "branch", "rivals": rivals}]
        yield "ladder", Fault("rivals", name, "no ascending list of rivals", groups, made)
    for name, group in {
        "rate-of-branch": {"rule": "branch", "rivals": [0], "rate": 1},
        "rate-missing": {"rule": "grid", "rivals": [0]},
        "rule-missing": {"rivals": [0], "rate": 1},
        "rivals-missing": {"rule": "branch"},
        "added": {"rule": "branch", "rivals": [0], "sure": []},
        "empty": {},
    }.items():
        yield "ladder", Fault("groups", name, "a group of other keys", groups, [group])
