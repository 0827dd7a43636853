"""The witness of `exact` and `split` for several heads and neurons: numbers by class."""

from typing import Any, NamedTuple

from files.claims import Claim
from files.witness import demand, list_of, small

# Of a threshold or an end, of the exponent of their unit, and of a grid's rate.
MOST_NUMBER, MOST_UNIT, MOST_RATE, MOST_TOKEN = 2**62, 4096, 4096, 2**28
KEYS = ("query", "label", "thresholds", "low", "high")
Numbers = list[list[int]]


class Said(NamedTuple):
    """What is said of a class: `thresholds[h][j]` for all summands but the last and each answer.

    `low[h][l]` and `high[h][l]` are for all summands and each neuron.
    """

    thresholds: Numbers
    low: Numbers
    high: Numbers


class Witness(NamedTuple):
    """The exponent of the numbers' unit, the rate of grids, and what is said by query and label."""

    unit: int
    rate: int
    classes: dict[tuple[int, int], Said]


def read_exact(claim: Claim) -> Witness:
    """Return the witness of `exact`: what a class leaves is evaluated."""
    return _read(claim, {"unit", "classes"})


def read_split(claim: Claim) -> Witness:
    """Return the witness of `split`: what a class leaves is counted on a grid."""
    return _read(claim, {"unit", "rate", "classes"})


def _read(claim: Claim, keys: set[str]) -> Witness:
    witness = claim.witness
    demand(witness.keys() == keys, f"the keys {', '.join(sorted(keys))} are expected.")
    rate = small(witness["rate"], 1, MOST_RATE) if "rate" in keys else 0
    unit, classes = small(witness["unit"], -MOST_UNIT, MOST_UNIT), dict[tuple[int, int], Said]()
    last = (-1, 0)
    for item in list_of(witness["classes"]):
        fits = isinstance(item, dict) and item.keys() == set(KEYS)
        demand(fits, f"a class has the keys {', '.join(KEYS)}.")
        key = small(item["query"], 0, MOST_TOKEN), small(item["label"], 0, MOST_TOKEN)
        demand(key > last, "classes ascend by query, then by label.")
        classes[key] = Said(*(_numbers(item[name]) for name in KEYS[2:]))
        last = key
    return Witness(unit, rate, classes)


def _numbers(value: Any) -> Numbers:
    rows = [list_of(row) for row in list_of(value)]
    fits = all(type(x) is int and -MOST_NUMBER <= x <= MOST_NUMBER for row in rows for x in row)
    demand(fits, f"a number is an integer of size {MOST_NUMBER} at most.")
    return rows
