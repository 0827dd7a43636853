"""The subcubic strategies: one object for each combination of the study's ideas, and ours."""

from __future__ import annotations

from typing import Any

from ballproof.models.layout import Shape
from ballproof.verifier.counting.goal import Goal, Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.base import Bounds, Witness
from ballproof.verifier.strategies.subcubic.chains import Direction
from ballproof.verifier.strategies.subcubic.counting import Settled, settled
from ballproof.verifier.strategies.subcubic.logits import bounded_logits
from ballproof.verifier.strategies.subcubic.names import ALL, Parts
from ballproof.verifier.strategies.subcubic.scores import Directions, bounded_scores
from ballproof.verifier.strategies.subcubic.search import Found, search

PRECISION = 48


class Subcubic:
    """subcubic/<direct>/<attention>/<score error>."""

    precision = PRECISION
    steerable = False

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.name, self.summary = parts.name, parts.summary
        self.complexity, self.group = parts.complexity, parts.group

    def obstacle(self, shape: Shape) -> str | None:
        """Return None: the strategies apply at any size."""
        return None

    def least_operations(self, shape: Shape) -> int:
        """Count what all subcubic strategies share: scores, logits, weights of positions."""
        v, k, d, h = shape.d_vocab, shape.n_ctx, shape.d_model, shape.d_head
        scores = 5 * v * d + 3 * k * d + 2 * v * d * h + h * k * (2 * d - 1) + 2 * v * h * k
        values = d * d * (2 * h - 1) + d * v * (2 * d - 1) + (2 * v * v + k * v) * (2 * d - 1)
        tables = 2 * v * d + 2 * d * h + 2 * v * k * v + 14 * v * v
        peeling = 4 * (5 * v * d + 2 * v + h * (2 * d - 1) + d * (2 * h - 1) + v * (2 * d - 1) - d)
        split = min(peeling, 2 * v * h * (2 * d - 1))
        return scores + values + tables + split + v * (7 * v + 6 * k)

    def unexplained_dimension(self, shape: Shape) -> int:
        """Return the study's count of numbers that the proof treats case by case."""
        return self.parts.unexplained_dimension(shape.d_vocab, shape.d_model)

    def search(self, problem: Problem, goal: Goal, progress: Progress) -> Witness:
        """Return directions, anchors and gaps found in floats, rounded to dyadics."""
        return encode(self.parts, search(problem, self.parts))

    def bound(self, problem: Problem, witness: Witness, progress: Progress) -> Bounds:
        """Count the classes that the witness settles; sound for any witness."""
        if problem.shape.d_vocab == 1:
            return Bounds(1, 1)  # No rival, and one input.
        return Bounds(sum(count for *_, count in self.settled(problem, witness)), problem.total)

    def settled(self, problem: Problem, witness: Witness) -> list[Settled]:
        """Return the entries that the witness settles; they are of different sequences."""
        found = decode(self.parts, witness, problem.shape)
        scores = bounded_scores(problem, self.parts.score_error, found.directions)
        logits = bounded_logits(problem, self.parts.direct, found.mu)
        return settled(scores, logits, found.anchors, found.gaps)


def encode(parts: Parts, found: Found) -> Witness:
    """Return the witness as it stands in a certificate: only the keys that the strategy has."""
    witness: Witness = {"gaps": found.gaps}
    chosen = found.directions
    if chosen.query:
        witness["query_directions"] = _listed(chosen.query)
        witness["key_directions"] = _listed(chosen.key)
    if chosen.matrix:
        witness["matrix_directions"] = _listed(chosen.matrix)
    if parts.score_error == "svd":
        witness["squarings"] = chosen.squarings
    if parts.direct == "svd-query":
        witness["mu"] = _listed([found.mu])[0]
    if parts.attention == "mean+diff":
        witness["a_star"] = [_listed([[anchor for (anchor,) in row]])[0] for row in found.anchors]
    if parts.attention == "chord":
        witness["chord"] = [_listed(row) for row in found.anchors]
    return witness


def decode(parts: Parts, witness: Witness, shape: Shape) -> Found:
    """Return the witness that `encode` wrote."""
    v, n = shape.d_vocab, shape.n_ctx - 1
    chosen = Directions(
        tuple(map(_pairs, witness.get("query_directions", []))),
        tuple(map(_pairs, witness.get("key_directions", []))),
        tuple(map(_pairs, witness.get("matrix_directions", []))),
        witness.get("squarings", 0),
    )
    anchors: list[list[Direction]]
    if parts.attention == "mean+diff":
        anchors = [[(pair,) for pair in _pairs(row)] for row in witness["a_star"]]
    elif parts.attention == "chord":
        anchors = [[_pairs(ends) for ends in row] for row in witness["chord"]]
    else:
        anchors = [[((0, 0),)] * n] * v
    return Found(chosen, _pairs(witness.get("mu", [])), anchors, witness["gaps"])


def _listed(directions: Any) -> list[list[list[Any]]]:
    return [[[str(mantissa), exponent] for mantissa, exponent in d] for d in directions]


def _pairs(dyadics: list[list[Any]]) -> Direction:
    return tuple((int(mantissa), exponent) for mantissa, exponent in dyadics)


SUBCUBIC = tuple(Subcubic(parts) for parts in ALL)
