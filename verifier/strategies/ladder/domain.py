"""The fields of a ladder's witness, as a certificate holds them, and the rules of its groups.

Beyond the table: ranges ascend, queries lie inside the pool around them and pools one after the
other, marked tokens have cells of their own, the query m stands alone.
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

MAX_MARKED = 4
TOKEN = Integer(0, "v-1")
RANGE = Items(TOKEN, length=2)
TOKENS = Items(TOKEN, ascending=True)

WITNESS: Fields = {"first": Integer(0, "v"), "maxima": Items(Items(Anything()), length="v-first")}
POOL: Fields = {
    "queries": RANGE,
    "near": Integer(0, "m"),
    "apart": Integer(0, 1),
    "together": Items(RANGE),
    "thresholds": Items(Tuple((TOKEN, Integer(-MAX_THRESHOLD, MAX_THRESHOLD))), ascending=True),
    "parts": Items(Named("pool")),
    "groups": Items(Named("group")),
    "marked": Items(TOKEN, most=MAX_MARKED, ascending=True),
    "most": Integer(0, 2),
}
# The rules that count with a rate, and the rate; the others have none.
RATES = {"moment": Integer(1, 2**20), "grid": Integer(1, 2**14), "below": Integer(1, 2**14)}
RULES = {
    "ladder": ("walk", "both", "moment", "grid", "below"),
    "moment": ("moment", "below"),
    "grid": ("grid", "below"),
}


def group_fields(rule: str) -> Fields:
    """Return the fields of a group with this rule."""
    fields: dict[str, Domain] = {"rule": Choice((rule,)), "rivals": TOKENS}
    return fields | ({"rate": RATES[rule]} if rule in RATES else {})
