"""What a report draws of a model."""

from __future__ import annotations

from typing import Any

from verifier.problem import Problem


def portrait(problem: Problem) -> dict[str, Any]:
    """Return the picture of a model."""
    return {"version": 0}


PORTRAIT_VERSION = 0
