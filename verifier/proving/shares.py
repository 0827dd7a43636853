"""Counts of inputs as shares of all, for people: rounded down, so that no share is too high."""

from __future__ import annotations


def share(count: int, total: int) -> str:
    """Return count / total rounded down to five decimals."""
    scaled = count * 10**5 // total
    return f"{scaled // 10**5}.{scaled % 10**5:05d}"
