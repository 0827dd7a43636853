"""The study's figures, which the report puts beside ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PATH = Path(__file__).parent / "published.json"


@dataclass(frozen=True)
class Published:
    """What the study reports of one group; a range is (least, most), a spread (mean, deviation).

    `spread` is of the bound over the true accuracy where `normalised`. Brute force has the true
    accuracy itself, and beyond max-of-4 the study does not say which.
    """

    spread: tuple[float, float]
    normalised: bool
    operations: tuple[int, int] | None = None
    unexplained_dimension: tuple[int, int] | None = None


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return content


def source() -> str:
    """Name the study."""
    return str(_content()["source"])


def published_truth(family: str) -> tuple[float, float] | None:
    """Return mean and deviation of the true accuracy of the study's own models."""
    spread = _of_family(family).get("true")
    return tuple(spread) if spread else None


def published_groups(family: str) -> dict[str, Published]:
    """Return what the study reports of a family such as max-of-4, by group."""
    content = _of_family(family)
    groups = content.get("groups")
    if groups:
        return {name: _detailed(figures) for name, figures in groups.items()}
    plain = {name: spread for name, spread in content.items() if name != "true"}
    return {name: Published(tuple(spread), False) for name, spread in plain.items()}


def _of_family(family: str) -> dict[str, Any]:
    if family == "max-of-4":
        content = _content()["max-of-4"]
        return {"true": content["true_accuracy"], "groups": content["groups"]}
    others: dict[str, Any] = _content()["others"].get(family, {})
    return others


def _detailed(figures: dict[str, Any]) -> Published:
    normalised = "normalized" in figures
    return Published(
        tuple(figures["normalized" if normalised else "accuracy"]),
        normalised,
        _range(figures.get("flops")),
        _range(figures.get("unexplained_dimension")),
    )


def _range(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    return (value[0], value[1]) if isinstance(value, list) else (value, value)
