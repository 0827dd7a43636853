"""A study's numbers for machines: headlines, families and groups, each number a JSON number.

Counts that a float would round are decimal strings. Means and medians of ours are rounded down to
nine decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ballproof.verifier.report.coverage import coverage
from ballproof.verifier.report.noise import Noise, noises
from ballproof.verifier.report.numbers import Spread, floored, json_count
from ballproof.verifier.report.published import Published
from ballproof.verifier.report.study import Family
from ballproof.verifier.report.summary import (
    NEARLY,
    Best,
    best_of,
    group_table,
    shortest_for,
    truths,
)
from ballproof.verifier.report.tables import headlines

DIGITS = 9


def machine_summary(families: Sequence[Family]) -> dict[str, Any]:
    """Return coverage, headlines, families, groups and noise; what is not known is None."""
    whole = coverage(families)
    return {
        "coverage": {
            "models": whole.models,
            "strategies": whole.strategies,
            "verified": whole.verified,
            "missing": whole.missing,
            "without_certificate": sum(reason.count for reason in whole.reasons),
            "seconds_to_prove": round(whole.seconds_to_prove, 1),
            "seconds_to_check": round(whole.seconds_to_check, 1),
        },
        "headlines": [
            {"label": one.label, "value": _value(one.value), "meaning": one.meaning}
            for one in headlines(families)
        ],
        "families": [_family(family) for family in families],
        "groups": {
            family.label: {
                group.name: {
                    "published": _published(group.published),
                    "study": _best(group.study),
                    "all": _best(group.all),
                }
                for group in group_table(family)
            }
            for family in families
        },
        "noise": {noise.label: _noise(noise) for noise in noises(families)},
    }


def _noise(noise: Noise) -> dict[str, Any]:
    return {
        "factors": [
            {
                "product": row.product,
                "excess": _spread(row.excess),
                "step": _spread(row.step),
                "independent": _spread(row.independent),
            }
            for row in noise.factors
        ],
        "costs": [
            {
                "path": row.path,
                "handling": row.handling,
                "excess": _spread(row.excess),
                "normalised": _spread(row.normalised),
            }
            for row in noise.costs
        ],
    }


def _family(family: Family) -> dict[str, Any]:
    known = truths(family)
    return {
        "label": family.label,
        "models": len(family.subjects),
        "true_accuracy": _spread(known.spread),
        "known_exactly": known.exact,
        "published_true_accuracy": _pair(known.published),
        "best_bound": _spread(best_of(family, lambda row: True).bound),
        "operations_for_99_percent": _value(shortest_for(family, NEARLY)),
    }


def _best(best: Best) -> dict[str, Any]:
    return {
        "bound": _spread(best.bound),
        "normalised": _spread(best.normalised),
        "estimated": best.estimated,
        "operations": _range(best.operations),
        "unexplained_dimension": _range(best.unexplained_dimension),
    }


def _published(published: Published | None) -> dict[str, Any] | None:
    if published is None:
        return None
    return {
        "accuracy": _pair(published.spread),
        "normalised": published.normalised,
        "operations": _range(published.operations),
        "unexplained_dimension": _range(published.unexplained_dimension),
    }


def _value(value: Spread | float | None) -> Any:
    if isinstance(value, Spread):
        return _spread(value)
    if isinstance(value, int) or (value is not None and value == int(value)):
        return json_count(int(value))
    return value


def _spread(spread: Spread | None) -> dict[str, Any] | None:
    if spread is None:
        return None
    deviation = None if spread.deviation is None else round(spread.deviation, DIGITS)
    return {"mean": floored(spread.mean, DIGITS), "deviation": deviation, "models": spread.count}


def _pair(pair: tuple[float, float] | None) -> dict[str, float] | None:
    return None if pair is None else {"mean": pair[0], "deviation": pair[1]}


def _range(ends: tuple[int, int] | None) -> list[int | str | None] | None:
    return None if ends is None else [json_count(end) for end in ends]
