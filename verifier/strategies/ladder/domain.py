"""The fields of a ladder's witness, as a certificate holds them, and the rules of its groups.

Beyond the table: labels and ranges ascend, queries lie inside the pool around them and pools one
after the other, cells hold several tokens and have none in common, rare tokens have cells of their
own, the queries of a pool have equal classes, the tokens of a cell equal arcs. The axes of a group
are some of its rivals.
"""

from __future__ import annotations

from ballproof.verifier.strategies.domains import (
    Anything,
    Choice,
    Domain,
    Fields,
    Integer,
    Items,
    Named,
    Tuple,
)
from ballproof.verifier.strategies.ladder.options import MAX_THRESHOLD

MAX_RARE = 4
MAX_ATOMS, MAX_AXES = 2**12, 16
TOKEN = Integer(0, "v-1")
RANGE = Items(TOKEN, length=2)
TOKENS = Items(TOKEN, ascending=True)

WITNESS: Fields = {"labels": Items(Tuple((TOKEN, Items(Anything()))), ascending=True)}
POOL: Fields = {
    "queries": RANGE,
    "cells": Items(RANGE),
    "per_position": Integer(0, 1),
    "joint_rivals": Items(RANGE),
    "thresholds": Items(Tuple((TOKEN, Integer(-MAX_THRESHOLD, MAX_THRESHOLD))), ascending=True),
    "subpools": Items(Named("pool")),
    "groups": Items(Named("group")),
    "rare_tokens": Items(TOKEN, most=MAX_RARE, ascending=True),
    "at_most": Integer(0, 2),
}
# The rules that count with a rate, and the rate; the others have none.
RATES = {"moment": Integer(1, 2**20), "grid": Integer(1, 2**14), "grid-lower": Integer(1, 2**14)}
# What a merged walk keeps apart.
KEPT: Fields = {
    "atoms": Integer(1, MAX_ATOMS),
    "cells": Integer(1, MAX_ATOMS),
    "axes": Items(TOKEN, least=1, most=MAX_AXES, ascending=True),
}
BRANCHES = ("branch", "branch-two-sided")
MERGED = ("merged", "merged-lower")
# The rules that count from below alone.
LOWER = ("grid-lower", "merged-lower")
RULES = {
    "ladder": (*BRANCHES, "moment", "grid", "grid-lower", *MERGED),
    "moment": ("moment", "grid-lower"),
    "grid": ("grid", "grid-lower"),
}


def group_fields(rule: str) -> Fields:
    """Return the fields of a group with this rule."""
    fields: dict[str, Domain] = {"rule": Choice((rule,)), "rivals": TOKENS}
    if rule in MERGED:
        return {**fields, **KEPT}
    return fields | ({"rate": RATES[rule]} if rule in RATES else {})
