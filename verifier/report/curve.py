"""A curve or two as a picture, by matplotlib (the extra `report`)."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

from ballproof.verifier.report.plot import STYLES, require_plotting


class Line(NamedTuple):
    """Points (x, y) that belong together, and what they are called."""

    label: str
    points: Sequence[tuple[float, float]]


def draw_curve(lines: Sequence[Line], title: str, x: str, y: str, kind: str) -> bytes:
    """Return a picture of this kind (svg, png, pdf) of shares against whole numbers."""
    pyplot = require_plotting()
    figure, axes = pyplot.subplots(figsize=(6.4, 4.2), constrained_layout=True)
    for line, (colour, marker) in zip(lines, STYLES[1:], strict=False):
        across, up = [point[0] for point in line.points], [point[1] for point in line.points]
        axes.plot(across, up, color=colour, marker=marker, linewidth=1.2, label=line.label)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_ylim(-0.02, 1.02)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(True, which="major", alpha=0.3)
    axes.set_title(title)
    axes.legend(loc="lower right", fontsize=8)
    picture = BytesIO()
    figure.savefig(picture, dpi=160, format=kind.lower())
    pyplot.close(figure)
    return picture.getvalue()
