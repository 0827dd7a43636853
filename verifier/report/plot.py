"""The frontier as a picture, by matplotlib (the extra `report`)."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from itertools import cycle
from typing import Any

from ballproof.verifier.proving.extras import MissingExtraError
from ballproof.verifier.proving.frontier import Point, frontier
from ballproof.verifier.report.numbers import nearby
from ballproof.verifier.strategies import STRATEGIES, strategy_named

FORMATS = (".svg", ".png", ".pdf")
THE_STUDYS = "the study's strategies"
# Colour and marker of the study's, then of our families in turn: colours that print, and that the
# colour-blind tell; no two families share a marker.
STYLES = (
    ("#777777", "o"),
    ("#d95f02", "^"),
    ("#1b6ca8", "s"),
    ("#b86e00", "D"),
    ("#8a63d2", "v"),
    ("#0f7b5f", "P"),
    ("#c2185b", "X"),
    ("#5d4037", "h"),
)


def require_plotting() -> Any:
    """Return matplotlib's pyplot without a display; raise MissingExtraError if it is missing."""
    try:
        import matplotlib
    except ImportError:
        raise MissingExtraError("A plot", "matplotlib", "report") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def draw(points: list[Point], title: str, kind: str) -> bytes:
    """Return a picture of this kind (svg, png, pdf): length against bound, and against what the
    bound leaves open, side by side.
    """
    pyplot = require_plotting()
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.6), constrained_layout=True)
    best = frontier(points)
    for axes, height in ((left, _bound), (right, _open)):
        for label, (colour, marker) in zip(_labels(), cycle(STYLES), strict=False):
            group = [point for point in points if _label(point.strategy) == label]
            if not group:
                continue
            x, y = [p.operations for p in group], [height(p) for p in group]
            axes.scatter(x, y, s=22, c=colour, marker=marker, label=label, linewidths=0, alpha=0.8)
        line = [p.operations for p in best], [height(p) for p in best]
        axes.plot(*line, color="black", linewidth=1, drawstyle="steps-post", label="frontier")
        axes.set_xscale("log")
        axes.set_xlabel("length of the proof, operations")
        axes.grid(True, which="major", alpha=0.3)
    left.set_ylabel("certified accuracy")
    left.set_ylim(-0.02, 1.02)
    show_near(left, [point.operations for point in points], [_bound(point) for point in points])
    left.legend(loc="lower right", fontsize=8)
    right.set_ylabel("inputs not certified, share")
    right.set_yscale("log")
    right.invert_yaxis()
    figure.suptitle(title)
    picture = BytesIO()
    figure.savefig(picture, dpi=160, format=kind.lower())
    pyplot.close(figure)
    return picture.getvalue()


def show_near(axes: Any, x: Sequence[float], y: Sequence[float]) -> None:
    """Limit the linear ones of a picture's axes to what is near; their labels count the others."""
    for name, values in (("x", x), ("y", y)):
        if not values or getattr(axes, f"get_{name}scale")() != "linear":
            continue
        low, high = nearby(values)
        beyond = sum(not low <= value <= high for value in values)
        if beyond:
            room = 0.06 * (high - low) or 0.01
            getattr(axes, f"set_{name}lim")(low - room, high + room)
            label = getattr(axes, f"get_{name}label")()
            getattr(axes, f"set_{name}label")(f"{label} ({beyond} further off)")


def _labels() -> list[str]:
    ours = [_label(strategy.name) for strategy in STRATEGIES if not strategy.of_study]
    return list(dict.fromkeys([THE_STUDYS, *ours]))


def _label(name: str) -> str:
    strategy = strategy_named(name)
    return THE_STUDYS if strategy.of_study else f"ours: {strategy.family}"


def _bound(point: Point) -> float:
    return point.correct_at_least / point.total


def _open(point: Point) -> float:
    """Return the share that is not certified; none at all is drawn as less than one input."""
    return max((point.total - point.correct_at_least) / point.total, 0.5 / point.total)
