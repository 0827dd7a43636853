"""A ladder's certificate in words, and as a picture of its classes by matplotlib."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from statistics import median_low

import numpy as np

from ballproof.verifier.proving.shares import share
from ballproof.verifier.report.plot import require_plotting
from ballproof.verifier.strategies.ladder.uses import (
    CLEARED,
    CLEARED_ALONE,
    STATES,
    ClassUse,
    LadderUse,
)

# Told apart by the colour-blind, and by their lightness in print.
COLOURS = ("#c6dbef", "#56a0d3", "#e69f00", "#7f2704")


def words(use: LadderUse) -> Iterator[str]:
    """Yield lines about what the proof uses."""
    every = len(use.classes)
    yield f"classes           {every}, one for each label and last token"
    for state in STATES:
        ones = use.of(state)
        lost = sum(one.lost for one in ones)
        line = f"{state}: {len(ones)}, {_part(ones, use.total)} of the inputs"
        yield f"                  {line}{f'; {lost} inputs may be wrong' if lost else ''}"
    rules = ", ".join(f"{rule} {count}" for rule, count in sorted(use.rules().items()))
    if rules:
        yield f"                  counted by: {rules}"
    yield f"pools             {use.pools}, and {use.tables} tables that clear ranges of rivals"
    apart = [one.apart for one in use.classes if one.state in (CLEARED, CLEARED_ALONE)]
    if apart:
        yield (
            f"tokens apart      {min(apart)} to {max(apart)} where a class is cleared, "
            f"{median_low(apart)} in the middle; all others share a cell with their neighbours"
        )


def draw_classes(use: LadderUse, title: str, kind: str) -> bytes:
    """Return a picture of this kind (svg, png, pdf): labels down, last tokens across."""
    pyplot = require_plotting()
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    labels = max(one.label for one in use.classes) + 1
    queries = max(one.query for one in use.classes) + 1
    states, apart = (np.full((labels, queries), np.nan) for _ in range(2))
    for one in use.classes:
        states[one.label, one.query] = STATES.index(one.state)
        apart[one.label, one.query] = one.apart or np.nan
    # Equal input gives equal bytes.
    with pyplot.rc_context({"svg.hashsalt": "ballproof"}):
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.8), constrained_layout=True)
        colours = ListedColormap(COLOURS)
        left.imshow(states, cmap=colours, vmin=0, vmax=len(STATES) - 1, interpolation="nearest")
        found = [Patch(color=c, label=s) for s, c in zip(STATES, COLOURS, strict=True) if use.of(s)]
        left.legend(handles=found, fontsize=8, loc="upper right")
        left.set_title("what becomes of a class", fontsize=10)
        shown = right.imshow(apart, cmap="viridis", vmin=0, interpolation="nearest")
        figure.colorbar(shown, ax=right, label="tokens told apart")
        right.set_title("by the finest table that is looked at", fontsize=10)
        for axes in (left, right):
            axes.set_xlabel("last token")
            axes.set_ylabel("label")
        figure.suptitle(title)
        picture = BytesIO()
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(picture, dpi=160, format=kind, metadata=metadata)
        pyplot.close(figure)
    return picture.getvalue()


def _part(ones: list[ClassUse], total: int) -> str:
    return share(sum(one.size for one in ones), total)
