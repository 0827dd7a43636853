"""Interval bounds of softmax as other tools compute them, on the scores of a trained model.

Run as `python benchmarks/softmax_bounds.py [MODEL ...]`: a Markdown table. For each query q of a
max-of-k model the box holds the scores of all inputs that end with q. The rule

    upper_i = exp(U_i - c) / (sum_j exp(L_j - c) - exp(L_i - c) + exp(U_i - c) + eps),   c = max U

bounds the weight of the query's own position, in numpy, with eps = 1e-12 and with none. It is
compared with the weight at one input of the box, the one whose other tokens have the least score,
enclosed by a ball of 256 bits: a bound counts as exceeded if all of the ball lies above it.

The second table is of a linear upper bound of the same weight in float64, `linear` below, with 1e-8
and with nothing added, at the input whose other tokens have the greatest score.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from ballproof.interval.ball import precision
from ballproof.models.catalogue import zoo_path
from ballproof.models.weights import load_weights
from ballproof.verifier.counting.problem import Problem, pose

MODELS = ("max-of-4-seed-123", "max-of-4-seed-50", "max-of-4-seed-519", "max-of-10-seed-50")
BITS = 256
EPSILON = 1e-12
LINEAR_EPSILON = 1e-8


@dataclass(frozen=True)
class Box:
    """The scores' least and greatest as balls, both of which are the scores of an input each."""

    lightest: list[int]
    heaviest: list[int]
    least: list[flint.arb]
    greatest: list[flint.arb]


def boxes(problem: Problem) -> list[Box]:
    """Return one box for each query; scores are in natural units, the query's position last."""
    head = problem.head
    scale = flint.arb((1, head.score_exponent)) / flint.arb(head.d_head).sqrt()
    found = []
    for query, (row, places) in enumerate(zip(head.score, head.positional_score, strict=True)):
        row, places = [int(x) for x in row], [int(x) for x in places]
        low, high = min(row), max(row)
        own = row[query]

        def natural(token_scores: list[int], places: list[int] = places) -> list[flint.arb]:
            return [(a + b) * scale for a, b in zip(token_scores, places, strict=True)]

        others = len(places) - 1
        found.append(
            Box(
                [row.index(low)] * others + [query],
                [row.index(high)] * others + [query],
                natural([low] * others + [own]),
                natural([high] * others + [own]),
            )
        )
    return found


def rule(least: NDArray[Any], greatest: NDArray[Any], epsilon: float) -> Any:
    """Return the upper bound of the last weight in the type of the arrays."""
    shift = greatest.max()
    low, high = np.exp(least - shift), np.exp(greatest - shift)
    return high[-1] / (low.sum() - low[-1] + high[-1] + low.dtype.type(epsilon))


def linear(
    least: NDArray[Any], greatest: NDArray[Any], scores: NDArray[Any], epsilon: float
) -> Any:
    """Return a linear upper bound of the last weight at these scores.

    p = exp(z) with z = x_i - log sum exp(x) is at most the chord of exp between the logarithms of
    bounds of p, and z, which is concave, at most its tangent in the middle of the box.
    """
    shift, low_shift = greatest.max(), least.max()
    low, high = np.exp(least - shift), np.exp(greatest - shift)
    under = low[-1] / (low[-1] - high[-1] + high.sum() + epsilon)
    low, high = np.exp(least - low_shift), np.exp(greatest - low_shift)
    over = high[-1] / (high[-1] - low[-1] + low.sum() + epsilon)
    log_over, log_under = np.log(over + epsilon), np.log(under + epsilon)
    slope, start = over, over * (1 - log_over)
    if over - under > 1e-5:
        slope = (over - under) / (log_over - log_under)
        start = (under * log_over - over * log_under) / (log_over - log_under)
    middle = (least + greatest) / 2
    terms = np.exp(middle - middle.max())
    z = middle[-1] - middle.max() - np.log(terms.sum() + epsilon)
    z += scores[-1] - middle[-1] - (terms / terms.sum()) @ (scores - middle)
    return start + slope * z


def weight(scores: list[flint.arb]) -> flint.arb:
    """Return a ball around the weight of the last position."""
    terms = [(score - scores[-1]).exp() for score in scores]
    return 1 / sum(terms[1:], terms[0])


def rounded(balls: list[flint.arb], kind: type) -> NDArray[Any]:
    """Return the balls' midpoints in a type of floats."""
    return np.array([float(ball.mid()) for ball in balls], dtype=kind)


def exceeded(box: Box, kind: type, epsilon: float) -> tuple[bool, float, float]:
    """Return whether the weight at the input is above the bound, the bound, and the weight."""
    bound = float(rule(rounded(box.least, kind), rounded(box.greatest, kind), epsilon))
    true = weight(box.least)
    return bool(true > flint.arb(bound)), bound, float(true.mid())


def linear_exceeded(box: Box, epsilon: float) -> tuple[bool, float, float]:
    """Return the same of the linear bound in float64, where the others' scores are greatest."""
    least, greatest = rounded(box.least, np.float64), rounded(box.greatest, np.float64)
    bound = float(linear(least, greatest, greatest, epsilon))
    true = weight(box.greatest)
    return bool(true > flint.arb(bound)), bound, float(true.mid())


def rows(name: str) -> list[str]:
    """Return the lines of a model: one for each type of floats and rule."""
    with precision(BITS):
        found = boxes(pose(load_weights(zoo_path(name))))
        spread = max(float((max(b.greatest) - min(b.least)).mid()) for b in found)
        lines = []
        for kind in (np.float32, np.float64):
            for epsilon in (EPSILON, 0.0):
                told = [exceeded(box, kind, epsilon) for box in found]
                wrong = [(true - bound, at) for at, (bad, bound, true) in enumerate(told) if bad]
                gap, at = max(wrong, default=(0.0, 0))
                cells = (name, f"{spread:.1f}", kind.__name__, f"{epsilon:g}")
                worst = f"{told[at][1]:.3g}, {told[at][2]:.3g} at {found[at].lightest}"
                cells += (f"{len(wrong)} of {len(told)}", f"{gap:.2g}", worst if wrong else "")
                lines.append("| " + " | ".join(cells) + " |")
    return lines


def linear_rows(name: str) -> list[str]:
    """Return the lines of a model in the second table."""
    with precision(BITS):
        found = boxes(pose(load_weights(zoo_path(name))))
        lines = []
        for epsilon in (LINEAR_EPSILON, 0.0):
            told = [linear_exceeded(box, epsilon) for box in found]
            wrong = [(true - bound, at) for at, (bad, bound, true) in enumerate(told) if bad]
            gap, at = max(wrong, default=(0.0, 0))
            worst = f"{told[at][1]:.3g}, {told[at][2]:.3g} at {found[at].heaviest}"
            cells = (name, f"{epsilon:g}", f"{len(wrong)} of {len(told)}", f"{gap:.2g}", worst)
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def main(names: list[str]) -> None:
    """Print the tables."""
    print("| model | spread | floats | eps | bound exceeded | by at most | bound, weight |")
    print("|---|---|---|---|---|---|---|")
    for name in names or MODELS:
        print("\n".join(rows(name)))
    print("\n| model | eps | linear bound exceeded | by at most | bound, weight |")
    print("|---|---|---|---|---|")
    for name in names or MODELS:
        print("\n".join(linear_rows(name)))


if __name__ == "__main__":
    main(sys.argv[1:])
