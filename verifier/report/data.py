"""What the page's script draws from: compact columns, stored once.

Counts beyond 2^53, which a script would round, are strings. Bounds are never floats here but those
of averages, which are rounded down.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from fractions import Fraction
from itertools import pairwise
from typing import Any

from ballproof.verifier.proving.frontier import unbeaten
from ballproof.verifier.report.noise import Noise, noises
from ballproof.verifier.report.numbers import SAFE, Spread, floored, json_count
from ballproof.verifier.report.series import Average, averages, rank_series
from ballproof.verifier.report.study import Family, Subject, strategy_order
from ballproof.verifier.report.summary import GROUPS, best_row
from ballproof.verifier.strategies import known_strategy, of_the_study
from ballproof.verifier.strategies.base import LossesOf
from ballproof.verifier.study.rows import VERIFIED, ResultRow

Certificate = Callable[[str], bytes]


def study_data(families: Sequence[Family]) -> dict[str, Any]:
    """Return the numbers of all plots and tables, portraits and losses apart."""
    names = sorted(
        {row.strategy for subject in _subjects(families) for row in subject.rows},
        key=strategy_order,
    )
    groups = {row.strategy: row.strategy_group for s in _subjects(families) for row in s.rows}
    place = {name: i for i, name in enumerate(names)}
    reasons: dict[str, int] = {}
    models = [_model(subject, place, reasons) for subject in _subjects(families)]
    starts = [0]
    for family in families:
        starts.append(starts[-1] + len(family.subjects))
    return {
        "groups": [*GROUPS, *sorted(set(groups.values()) - set(GROUPS))],
        "strategies": [[name, groups[name], int(of_the_study(name))] for name in names],
        "families": [
            _family(family, place, range(*ends))
            for family, ends in zip(families, pairwise(starts), strict=True)
        ],
        "noise": [_noise(one) for one in noises(families)],
        "models": models,
        "reasons": list(reasons),
    }


def picture_data(
    families: Sequence[Family], certificate: Certificate, progress: Callable[[int, int], None]
) -> list[dict[str, Any]]:
    """Return for each model its portrait and what its best subcubic certificate loses."""
    subjects = list(_subjects(families))
    pictures = []
    for done, subject in enumerate(subjects, start=1):
        pictures.append({"portrait": subject.model.portrait, "lost": _lost(subject, certificate)})
        progress(done, len(subjects))
    return pictures


def script_json(value: Any) -> str:
    """Return JSON that can stand inside a script element: nothing in it ends the element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _subjects(families: Sequence[Family]) -> Iterator[Subject]:
    for family in families:
        yield from family.subjects


def _family(family: Family, place: dict[str, int], models: range) -> dict[str, Any]:
    means = averages(family)
    best = unbeaten([(mean.operations, mean.bound.mean) for mean in means])
    return {
        "label": family.label,
        "models": [models.start, models.stop],
        "means": [_average(mean, place) for mean in means],
        "frontier": best,
        "rank": [
            {
                "name": series.score_error,
                "models": list(series.names),
                "x": [_short(x) for x in series.ratio],
                "y": [floored(y) for y in series.normalised],
                "line": series.line and [_short(part) for part in astuple(series.line)],
            }
            for series in rank_series(family)
        ],
    }


def _noise(noise: Noise) -> dict[str, Any]:
    """Return ratios by factor, and for each handling its ratio and its bound with deviations."""
    return {
        "factors": [factor.product for factor in noise.factors],
        "products": {name: [_short(y) for y in ys] for name, ys in noise.products.items()},
        "deviations": [_short(one.excess.deviation or 0.0) for one in noise.factors],
        "costs": {
            path: [
                [cost.handling, _short(float(cost.excess.mean)), *_spread(cost.normalised)]
                for cost in costs
            ]
            for path, costs in noise.paths()
        },
    }


def _average(mean: Average, place: dict[str, int]) -> list[Any]:
    """Return strategy, models, operations, bound and normalised with deviations, dimension."""
    dimension = mean.unexplained_dimension
    return [
        place[mean.strategy],
        mean.bound.count,
        _short(float(mean.operations), 7),
        *_spread(mean.bound),
        *_spread(mean.normalised),
        _short(float(dimension), 10) if dimension is not None else None,
    ]


def _spread(spread: Spread | None) -> list[float | None]:
    if spread is None:
        return [None, None]
    return [floored(spread.mean), spread.deviation and _short(spread.deviation, 3)]


def _model(subject: Subject, place: dict[str, int], reasons: dict[str, int]) -> dict[str, Any]:
    model, truth, verified = subject.model, subject.truth, subject.verified
    points = [(Fraction(row.operations or 0), subject.bound(row)) for row in verified]
    return {
        "name": model.name,
        "sha256": model.sha256,
        "sizes": [model.d_vocab, model.n_ctx, model.d_model, model.d_head],
        "total": str(model.total),
        "truth": truth and [str(truth.accuracy.numerator), str(truth.accuracy.denominator)],
        "exact": bool(truth and truth.exact),
        "samples": model.samples,
        "ratio": subject.singular_ratio and _short(subject.singular_ratio),
        "rows": {
            "strategy": [place[row.strategy] for row in verified],
            "at_least": [json_count(row.correct_at_least) for row in verified],
            # Mostly 0, which takes less room than the count.
            "below_all": [json_count(_below(row, model.total)) for row in verified],
            "operations": [json_count(row.operations) for row in verified],
            "dimension": [json_count(row.unexplained_dimension) for row in verified],
            "prove": [row.seconds_to_prove for row in verified],
            "check": [row.seconds_to_check for row in verified],
            "notes": {i: row.note for i, row in enumerate(verified) if row.note},
        },
        "frontier": unbeaten(points),
        "unproven": [
            [
                place[row.strategy],
                row.verdict,
                reasons.setdefault(row.reason or "no reason is recorded", len(reasons)),
            ]
            for row in subject.rows
            if row.verdict != VERIFIED
        ],
    }


def _below(row: ResultRow, total: int) -> int:
    return total - (total if row.correct_at_most is None else row.correct_at_most)


def _lost(subject: Subject, certificate: Certificate) -> dict[str, Any] | None:
    """Return the losses of the best certificate that tells them, for drawing."""
    row = best_row([row for row in subject.verified if _losses_of(row) and row.certificate])
    if row is None or row.certificate is None:
        return None
    losses_of = _losses_of(row)
    if losses_of is None:
        return None
    witness = json.loads(certificate(row.certificate))["proof"]["witness"]
    losses = losses_of(witness, subject.model.n_ctx)
    return {
        "strategy": row.strategy,
        "total": str(losses.total),
        "elsewhere": str(subject.model.total - (row.correct_at_least or 0) - losses.total),
        "by_query": [_drawn(count) for count in losses.by_query],
        "by_maximum": [_drawn(count) for count in losses.by_maximum],
        "by_gap": [_drawn(count) for count in losses.by_gap],
    }


def _losses_of(row: ResultRow) -> LossesOf | None:
    strategy = known_strategy(row.strategy)
    return strategy.losses if strategy else None


def _drawn(count: int) -> int | float:
    """Return a count for drawing: exact as long as a script keeps it so."""
    return count if count < SAFE else float(f"{count:.7g}")


def _short(value: float, digits: int = 6) -> float:
    return float(f"{value:.{digits}g}")
