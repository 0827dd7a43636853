"""The frontier as a picture, by matplotlib (the extra `report`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ballproof.verifier.proving.extras import MissingExtraError
from ballproof.verifier.proving.frontier import Point, frontier

FORMATS = (".svg", ".png", ".pdf")
# What both panels show: label, colour, marker. Colours that print and that the colour-blind tell.
SERIES = (
    ("the study's strategies", "#777777", "o"),
    ("ours: chord, exact", "#d95f02", "^"),
    ("ours: ladder", "#1b6ca8", "s"),
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


def draw(points: list[Point], title: str, path: Path) -> None:
    """Write length against bound, and against what the bound leaves open, side by side."""
    pyplot = require_plotting()
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.6), constrained_layout=True)
    best = frontier(points)
    for axes, height in ((left, _bound), (right, _open)):
        for index, (label, colour, marker) in enumerate(SERIES):
            group = [point for point in points if _series(point) == index]
            x, y = [p.operations for p in group], [height(p) for p in group]
            axes.scatter(x, y, s=22, c=colour, marker=marker, label=label, linewidths=0, alpha=0.8)
        line = [p.operations for p in best], [height(p) for p in best]
        axes.plot(*line, color="black", linewidth=1, drawstyle="steps-post", label="frontier")
        axes.set_xscale("log")
        axes.set_xlabel("length of the proof, operations")
        axes.grid(True, which="major", alpha=0.3)
    left.set_ylabel("certified accuracy")
    left.set_ylim(-0.02, 1.02)
    left.legend(loc="lower right", fontsize=8)
    right.set_ylabel("inputs not certified, share")
    right.set_yscale("log")
    right.invert_yaxis()
    figure.suptitle(title)
    figure.savefig(path, dpi=160)
    pyplot.close(figure)


def _series(point: Point) -> int:
    if point.published:
        return 0
    return 2 if point.strategy in ("ladder", "moment", "grid") else 1


def _bound(point: Point) -> float:
    return point.correct_at_least / point.total


def _open(point: Point) -> float:
    """Return the share that is not certified; none at all is drawn as less than one input."""
    return max((point.total - point.correct_at_least) / point.total, 0.5 / point.total)
