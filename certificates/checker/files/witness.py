"""What every witness is read with; a witness outside its domain is refused as `witness`."""

from typing import Any

from files.claims import Claim
from files.verdict import reject_unless


def small(value: Any, low: int, high: int) -> int:
    """Return an integer of this range."""
    good = type(value) is int and low <= value <= high
    demand(good, f"a number is no integer between {low} and {high}.")
    return int(value)


def list_of(value: Any, length: int | None = None) -> list[Any]:
    """Return a list, of this length if one is given."""
    good = isinstance(value, list) and length in (None, len(value))
    demand(good, "a list is expected." if length is None else f"a list of {length} is expected.")
    return list(value)


def demand(holds: bool, sentence: str) -> None:
    """Reject a witness outside its domain."""
    reject_unless(holds, "witness", sentence)


def demand_empty(claim: Claim) -> None:
    """Reject any witness: the strategy takes none."""
    demand(not claim.witness, f"{claim.strategy} takes an empty witness.")
