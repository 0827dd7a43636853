"""The study's pictures for papers, by matplotlib: PNG and SVG, light, one file each."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ballproof.verifier.proving.frontier import unbeaten
from ballproof.verifier.report.noise import MEASURED, Noise, noises
from ballproof.verifier.report.plot import require_plotting, show_near
from ballproof.verifier.report.series import Average, RankSeries, averages, rank_series
from ballproof.verifier.report.study import Family
from ballproof.verifier.report.summary import GROUPS
from ballproof.verifier.strategies import STRATEGIES

FORMATS = ("png", "svg")
# As on the page: Okabe and Ito's colours, and a shape for each.
COLOURS = (
    "#777777",
    "#b86e00",
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#8a63d2",
    "#b3a100",
)
SHAPES = ("*", "D", "o", "s", "^", "v", "P", "X", "h", "p")
# Equal input gives equal bytes: no date, no random identifiers.
METADATA = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


def study_figures(families: Sequence[Family]) -> Iterator[tuple[str, bytes]]:
    """Yield (file name, bytes) of every picture that has points, as PNG and as SVG."""
    pyplot = require_plotting()
    with pyplot.rc_context({"svg.hashsalt": "ballproof", "font.size": 9}):
        for family in families:
            means = averages(family)
            shared = [mean for mean in means if mean.normalised and mean.unexplained_dimension]
            series = rank_series(family)
            if means:
                yield from _files(pyplot, f"frontier-{_stem(family)}", _draw_frontier, means)
            if shared:
                yield from _files(pyplot, f"dimension-{_stem(family)}", _draw_dimension, shared)
            if series:
                yield from _files(pyplot, f"rank-{_stem(family)}", _draw_rank, series)
            for noise in noises([family]):
                yield from _files(pyplot, f"noise-{_stem(family)}", _draw_noise, noise)
                if any(costs for _, costs in noise.paths()):
                    yield from _files(pyplot, f"noise-cost-{_stem(family)}", _draw_costs, noise)


def _stem(family: Family) -> str:
    return re.sub(r"[^a-z0-9]+", "-", family.label)


def _files(pyplot: Any, stem: str, draw: Any, points: Any) -> Iterator[tuple[str, bytes]]:
    figure, axes = pyplot.subplots(figsize=(7.2, 4.4), constrained_layout=True)
    draw(axes, points)
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False)
    for kind in FORMATS:
        sink = io.BytesIO()
        figure.savefig(sink, format=kind, dpi=200, metadata=METADATA[kind])
        yield f"{stem}.{kind}", sink.getvalue()
    pyplot.close(figure)


def _by_group(means: Sequence[Average]) -> Iterator[tuple[list[Average], dict[str, Any]]]:
    """Yield the strategies of each group, ours apart, with the style of their marks."""
    extra = sorted({mean.group for mean in means} - set(GROUPS))
    for place, group in enumerate([*GROUPS, *extra]):
        for hollow in (False, True):
            members = [m for m in means if m.group == group and _is_variant(m) is hollow]
            colour, shape = COLOURS[place % len(COLOURS)], SHAPES[place % len(SHAPES)]
            if members:
                yield (
                    members,
                    {
                        "label": f"{group}, ours" if hollow else group,
                        "marker": shape,
                        "markeredgecolor": colour,
                        "markerfacecolor": "none" if hollow else colour,
                        "markersize": 5,
                        "linestyle": "none",
                    },
                )


def _is_variant(mean: Average) -> bool:
    """Return whether the strategy is ours, in a group of the study's."""
    studied = {strategy.group.name for strategy in STRATEGIES if strategy.of_study}
    return not mean.of_study and mean.group in studied


def _draw_frontier(axes: Any, means: Sequence[Average]) -> None:
    best = [means[i] for i in unbeaten([(mean.operations, mean.bound.mean) for mean in means])]
    line = [float(m.operations) for m in best], [float(m.bound.mean) for m in best]
    axes.plot(*line, color="#888888", linewidth=1, drawstyle="steps-post", label="frontier")
    for members, style in _by_group(means):
        x, y = [float(m.operations) for m in members], [float(m.bound.mean) for m in members]
        axes.plot(x, y, **style)
    axes.set_xscale("log")
    axes.set_xlabel("operations of the check, mean over models")
    axes.set_ylabel("certified accuracy, mean over models")
    show_near(axes, [float(m.operations) for m in means], [float(m.bound.mean) for m in means])


def _draw_dimension(axes: Any, means: Sequence[Average]) -> None:
    for members, style in _by_group(means):
        spreads = [m.normalised for m in members if m.normalised]
        axes.errorbar(
            [float(m.unexplained_dimension or 0) for m in members],
            [float(one.mean) for one in spreads],
            yerr=[one.deviation or 0.0 for one in spreads],
            elinewidth=0.7,
            ecolor=style["markeredgecolor"],
            **style,
        )
    axes.set_xscale("log")
    axes.set_xlabel("unexplained dimension")
    axes.set_ylabel("certified / true accuracy, mean and deviation over models")
    show_near(axes, [], [float(m.normalised.mean) for m in means if m.normalised])


def _draw_noise(axes: Any, noise: Noise) -> None:
    names = [factor.product for factor in noise.factors]
    deviations = [factor.excess.deviation or 0.0 for factor in noise.factors]
    for place, (label, ratios) in enumerate(noise.products.items(), start=1):
        style: dict[str, Any] = {"color": COLOURS[place], "marker": SHAPES[place], "label": label}
        if label == MEASURED:
            style |= {"yerr": deviations, "elinewidth": 0.7}
        else:
            # Hollow: all three may lie on each other.
            style |= {"markerfacecolor": "none", "markersize": 5 + 2 * place, "linestyle": ":"}
        axes.errorbar(range(len(names)), ratios, linewidth=1, **style)
    axes.set_xticks(range(len(names)), names)
    axes.set_yscale("log")
    axes.set_xlabel("product")
    axes.set_ylabel("bound over true range, mean over models")


def _draw_costs(axes: Any, noise: Noise) -> None:
    for number, (path, costs) in enumerate(noise.paths(), start=1):
        for place, cost in enumerate(costs):
            if cost.normalised is None:
                continue
            axes.errorbar(
                [float(cost.excess.mean)],
                [float(cost.normalised.mean)],
                yerr=[cost.normalised.deviation or 0.0],
                elinewidth=0.7,
                color=COLOURS[number],
                markerfacecolor="none",
                marker=SHAPES[place % len(SHAPES)],
                linestyle="none",
                label=f"{path}: {cost.handling}",
            )
    axes.set_xscale("log")
    axes.set_xlabel("bound over true range, mean over models")
    axes.set_ylabel("best certified / true accuracy with the handling")


def _draw_rank(axes: Any, every: Sequence[RankSeries]) -> None:
    for place, series in enumerate(every):
        colour, shape = COLOURS[place % len(COLOURS)], SHAPES[place % len(SHAPES)]
        label = series.score_error
        if series.line:
            label += f" (R² {series.line.r_squared:.2f})"
            ends = [min(series.ratio), max(series.ratio)]
            fit = [series.line.intercept + series.line.slope * x for x in ends]
            axes.plot(ends, fit, color=colour, linewidth=1)
        y = [float(share) for share in series.normalised]
        axes.scatter(series.ratio, y, s=10, color=colour, marker=shape, label=label, alpha=0.8)
    axes.set_xlabel("σ₁/σ₂ of the query-key table")
    axes.set_ylabel("certified / true accuracy")
    ratios = [ratio for series in every for ratio in series.ratio]
    show_near(axes, ratios, [float(share) for series in every for share in series.normalised])
