"""Structureless noise: how bounds on row ranges grow factor by factor, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from operator import mul
from typing import Any

from ballproof.verifier.report.numbers import Spread, spread
from ballproof.verifier.report.study import Family, Subject
from ballproof.verifier.report.summary import best_row
from ballproof.verifier.strategies import of_the_study
from ballproof.verifier.study.rows import ResultRow

FACTOR_COLUMNS = (
    "product",
    "inner dimension",
    "bound over true range",
    "growth by this factor",
    "of independent noise",
    "models",
)
MEASURED, GROWTHS = "bound over true range", "the growths multiplied"
INDEPENDENT = "independent noise, multiplied"
COST_COLUMNS = ("path", "handling", "bound over true range", "best normalised bound", "models")


@dataclass(frozen=True)
class Factor:
    """A multiplication of the recursive handling, over models: mean ratios and deviations."""

    product: str
    inner: str
    excess: Spread
    step: Spread
    independent: Spread

    @property
    def cells(self) -> tuple[str, ...]:
        """The row in words."""
        ratios = (self.excess, self.step, self.independent)
        return (self.product, self.inner, *map(_plain, ratios), str(self.excess.count))


@dataclass(frozen=True)
class Cost:
    """A handling of a path: its ratio, and the best bound of the study's strategies with it.

    Over the models that have both; None where no strategy of the sweep has the handling.
    """

    path: str
    handling: str
    excess: Spread
    normalised: Spread | None

    @property
    def cells(self) -> tuple[str, ...]:
        """The row in words."""
        bound = "-" if self.normalised is None else str(self.normalised)
        return (self.path, self.handling, _plain(self.excess), bound, str(self.excess.count))


@dataclass(frozen=True)
class Noise:
    """The tables of one family."""

    label: str
    factors: tuple[Factor, ...]
    costs: tuple[Cost, ...]

    @property
    def products(self) -> dict[str, list[float]]:
        """By name, what the bound exceeds the true range by, factor after factor, in means.

        As it is; as it would be if each factor added its own growth to an exact one; and as it
        would be of independent noise.
        """
        steps = [float(one.step.mean) for one in self.factors]
        noise = [float(one.independent.mean) for one in self.factors]
        return {
            MEASURED: [float(one.excess.mean) for one in self.factors],
            GROWTHS: list(accumulate(steps, mul)),
            INDEPENDENT: list(accumulate(noise, mul)),
        }

    def paths(self) -> Iterator[tuple[str, list[Cost]]]:
        """Yield each path with those of its handlings that have a bound."""
        for path in dict.fromkeys(cost.path for cost in self.costs):
            yield path, [c for c in self.costs if c.path == path and c.normalised is not None]


def noises(families: Sequence[Family]) -> list[Noise]:
    """Return the tables of the families that have models with figures."""
    return [made for family in families if (made := _noise(family)).factors]


def _noise(family: Family) -> Noise:
    known = [subject for subject in family.subjects if _figures(subject)]
    names = [one["product"] for one in _figures(known[0])["factors"]] if known else []
    factors = tuple(f for place in range(len(names)) if (f := _factor(known, place)))
    costs = [
        cost
        for path, key in (("query-key", "scores"), ("direct", "direct"))
        for handling in (_figures(known[0])[key] if known else ())
        if (cost := _cost(known, path, key, handling))
    ]
    return Noise(family.label, factors, tuple(costs))


def _figures(subject: Subject) -> dict[str, Any]:
    """Return the figures of a model, empty where its portrait has none."""
    return (subject.model.portrait or {}).get("noise") or {}


def _factor(known: Sequence[Subject], place: int) -> Factor | None:
    ones = [_figures(subject)["factors"][place] for subject in known]
    ratios = [_spread(one[name] for one in ones) for name in ("excess", "step", "independent")]
    if any(ratio is None for ratio in ratios):
        return None
    inner = sorted({one["inner"] for one in ones})
    return Factor(ones[0]["product"], ", ".join(map(str, inner)), *ratios)  # type: ignore[arg-type]


def _cost(known: Sequence[Subject], path: str, key: str, handling: str) -> Cost | None:
    ratios = _spread(_figures(subject)[key][handling]["excess"] for subject in known)
    if ratios is None:
        return None
    handles = _handles(path, handling)
    best = [
        (subject, row)
        for subject in known
        if (row := best_row([row for row in subject.verified if handles(row)]))
    ]
    shares = [share for subject, row in best if (share := subject.normalised(row)) is not None]
    return Cost(path, handling, ratios, spread(shares))


def _handles(path: str, handling: str) -> Callable[[ResultRow], bool]:
    place = 1 if path == "direct" else 3

    def handles(row: ResultRow) -> bool:
        parts = row.strategy.split("/")
        return len(parts) == 4 and parts[place] == handling and of_the_study(row.strategy)

    return handles


def _spread(values: Any) -> Spread | None:
    return spread([Fraction(str(value)) for value in values if value is not None])


def _plain(ratio: Spread) -> str:
    """Write a ratio: a measured figure, to two decimals."""
    text = f"{float(ratio.mean):,.2f}"
    return text if ratio.deviation is None else f"{text} ± {ratio.deviation:,.2f}"
