"""The witness of a subcubic strategy, as found and as it stands in a certificate."""

from __future__ import annotations

from typing import Any

from ballproof.models.architectures import Shape
from ballproof.verifier.strategies.base import Witness
from ballproof.verifier.strategies.subcubic.chains import Direction
from ballproof.verifier.strategies.subcubic.names import Parts
from ballproof.verifier.strategies.subcubic.scores import Directions
from ballproof.verifier.strategies.subcubic.search import Found


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
