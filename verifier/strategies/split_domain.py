"""The fields of the witnesses of `split` and, without tables of one head, of `exact`.

Beyond the table: classes ascend by query, then by label. Each holds a list of thresholds for every
summand but the last, of as many as there are answers, and lists of lower and of upper ends for
every summand, of as many as there are neurons; without neurons there are none.
"""

from __future__ import annotations

from ballproof.verifier.strategies.domains import MAX_SIZE, Anything, Fields, Integer, Items

MAX_UNIT, MAX_NUMBER, MAX_RATE = 4_096, 2**62, 4_096
TOKEN = Integer(0, MAX_SIZE)
NUMBERS = Items(Items(Integer(-MAX_NUMBER, MAX_NUMBER)))
WITHOUT_RATE: Fields = {"unit": Integer(-MAX_UNIT, MAX_UNIT), "classes": Items(Anything())}
WITH_RATE: Fields = {**WITHOUT_RATE, "rate": Integer(1, MAX_RATE)}
CLASS: Fields = {
    "query": TOKEN,
    "label": TOKEN,
    "thresholds": NUMBERS,
    "low": NUMBERS,
    "high": NUMBERS,
}
