"""The series of the plots: strategies averaged over models, and rank against bound."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

from ballproof.verifier.report.numbers import Line, Spread, fitted, spread
from ballproof.verifier.report.study import Family, Subject, strategy_order
from ballproof.verifier.report.summary import best_row
from ballproof.verifier.strategies import of_the_study
from ballproof.verifier.strategies.subcubic.names import SCORE_ERROR
from ballproof.verifier.study.rows import ResultRow


@dataclass(frozen=True)
class Average:
    """A strategy over the models of a family; `normalised` leaves out unknown true accuracies."""

    strategy: str
    group: str
    operations: Fraction
    bound: Spread
    normalised: Spread | None
    unexplained_dimension: Fraction | None
    on_frontier: bool = False

    @property
    def of_study(self) -> bool:
        """Whether the strategy is one of the study's."""
        return of_the_study(self.strategy)


def averages(family: Family) -> list[Average]:
    """Return each strategy's means over the models that it has a certificate for."""
    rows: dict[str, list[tuple[Subject, ResultRow]]] = defaultdict(list)
    for subject in family.subjects:
        for row in subject.verified:
            rows[row.strategy].append((subject, row))
    return [_average(rows[name]) for name in sorted(rows, key=strategy_order)]


def _average(pairs: list[tuple[Subject, ResultRow]]) -> Average:
    bound = spread([subject.bound(row) for subject, row in pairs])
    operations = spread([Fraction(row.operations or 0) for _, row in pairs])
    shares = [share for subject, row in pairs if (share := subject.normalised(row)) is not None]
    dimensions = [Fraction(d) for _, row in pairs if (d := row.unexplained_dimension) is not None]
    dimension = spread(dimensions)
    assert bound is not None and operations is not None  # noqa: S101 there is a row
    return Average(
        pairs[0][1].strategy,
        pairs[0][1].strategy_group,
        operations.mean,
        bound,
        spread(shares),
        dimension.mean if dimension else None,
    )


@dataclass(frozen=True)
class RankSeries:
    """One score-error handling: sigma_1 / sigma_2 and the best normalised bound, per model."""

    score_error: str
    names: tuple[str, ...]
    ratio: tuple[float, ...]
    normalised: tuple[Fraction, ...]
    line: Line | None


def rank_series(family: Family) -> list[RankSeries]:
    """Return a series for each score-error handling of the study that has points.

    The bound of a model is the best over the handlings of the direct path and of the attention,
    without `chord`, which is not the study's.
    """
    found = [_rank_series(family, name) for name in SCORE_ERROR]
    return [series for series in found if series.names]


def _rank_series(family: Family, score_error: str) -> RankSeries:
    points = []
    for subject in family.subjects:
        ratio = subject.singular_ratio
        row = best_row([row for row in subject.verified if _handles(row.strategy, score_error)])
        share = subject.normalised(row) if row else None
        if ratio is not None and share is not None:
            points.append((subject.model.name, ratio, share))
    names, ratios, shares = zip(*points, strict=True) if points else ((), (), ())
    line = fitted(ratios, [float(share) for share in shares])
    return RankSeries(score_error, tuple(names), tuple(ratios), tuple(shares), line)


def _handles(strategy: str, score_error: str) -> bool:
    return strategy.endswith(f"/{score_error}") and of_the_study(strategy)
