"""The parts of deep transformers, as a file states them: read, or refused by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ballproof.models.architectures.layers.design import (
    ACTIVATIONS,
    KINDS,
    POSITIONS,
    Design,
    Layer,
    Norm,
)
from ballproof.models.architectures.layers.names import MAX_LAYERS
from ballproof.models.architectures.one_layer.settings import of_parts
from ballproof.models.errors import ModelError

_EPS = re.compile(r"(?a:(?:0|[1-9]\d{0,30})(?:/[1-9]\d{0,30})?)")
_KEYS = {
    "embed": ("part",),
    "positions": ("part",),
    "norm": ("part", "kind", "eps"),
    "attention": ("part", "heads", "mask", "scale", "softmax", "normalised"),
    "mlp": ("part", "activation", "gated"),
    "readout": ("part", "position", "layers"),
}
Parts = list[Mapping[str, Any]]


def design_of(text: str, source: str) -> Design:
    """Return the design that the parts of a file state, or raise ModelError.

    What is left open here is settled by a comparison of `text` with the text of the design.
    """
    parts = _listed(text, source)
    readout = parts.pop() if parts and parts[-1]["part"] == "readout" else None
    if readout is None or not parts or parts.pop(0)["part"] != "embed":
        raise ModelError(f"{source} states parts that do not lead from embed to readout: {text}.")
    positions = bool(parts) and parts[0]["part"] == "positions"
    inner = parts[positions:]
    attention = [part for part in inner if part["part"] == "attention"]
    if any(part != attention[0] for part in attention):
        raise ModelError(f"{source} states layers whose attention differs, which is not supported.")
    settings = of_parts(attention, source)
    layers, final = _layers(inner, source)
    return Design(
        heads=_whole(attention[0].get("heads"), "heads", source),
        layers=layers,
        attention=settings,
        positions=positions,
        final=final,
        position=_position(readout.get("position"), source),
        readouts=_whole(readout.get("layers", 1), "layers of the readout", source),
    )


def norm_of(part: Mapping[str, Any], source: str) -> Norm:
    """Return the normalisation that a part states, or raise ModelError."""
    kind, eps = part.get("kind"), part.get("eps")
    if kind not in KINDS:
        raise ModelError(f"{source} states a norm of kind {kind!r}, where layer or rms is.")
    number = Fraction(eps) if isinstance(eps, str) and _EPS.fullmatch(eps) else None
    if number is None or str(number) != eps:
        raise ModelError(
            f"{source} states the eps {eps!r} of a norm, where a rational number from 0 in lowest "
            "terms is expected, as in 1/100000."
        )
    return Norm(str(kind), number)


def _listed(text: str, source: str) -> Parts:
    """Return the parts of a JSON text, each an object with the keys of a known part."""
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{source}: its metadata `parts` is no JSON: {error}.") from error
    for part in parts if isinstance(parts, list) else [parts]:
        name = part.get("part") if isinstance(part, dict) else None
        if not isinstance(name, str) or name not in _KEYS:
            raise ModelError(
                f"{source} states the part {str(part)[:200]}, where one of {', '.join(_KEYS)} is "
                "expected."
            )
        if unknown := sorted(part.keys() - {*_KEYS[name]}):
            raise ModelError(f"{source} states {unknown[0]!r} of its part {name!r}, not supported.")
    return list(parts) if isinstance(parts, list) else []


def _layers(inner: Parts, source: str) -> tuple[tuple[Layer, ...], Norm | None]:
    """Return the layers that stand between embedding and readout, and the final norm."""
    layers: list[Layer] = []
    rest = list(inner)
    while any(part["part"] == "attention" for part in rest):
        before = _norm(rest, source)
        _expect(rest, "attention", source)
        if not _next_is_mlp(rest):
            layers.append(Layer(before))
            continue
        second, mlp = _norm(rest, source), rest.pop(0)
        activation, gated = mlp.get("activation"), mlp.get("gated", False)
        if activation not in ACTIVATIONS:
            raise ModelError(
                f"{source} states the activation {activation!r}, where one of "
                f"{', '.join(ACTIVATIONS)} is supported."
            )
        layers.append(Layer(before, second, str(activation), gated is True))
    final = _norm(rest, source)
    if rest:
        raise ModelError(f"{source} states the part {rest[0]['part']!r} in a place that is none.")
    if not 1 <= len(layers) <= MAX_LAYERS:
        raise ModelError(f"{source} states {len(layers)} layers, where 1 to {MAX_LAYERS} are.")
    return tuple(layers), final


def _norm(rest: Parts, source: str) -> Norm | None:
    """Take a normalisation from the front, if one is there."""
    return norm_of(rest.pop(0), source) if rest and rest[0]["part"] == "norm" else None


def _expect(rest: Parts, name: str, source: str) -> None:
    part = rest.pop(0)["part"]
    if part != name:
        raise ModelError(f"{source} states the part {part!r}, where {name!r} is expected.")


def _next_is_mlp(rest: Parts) -> bool:
    names = [part["part"] for part in rest[:2]]
    return names[:1] == ["mlp"] or names == ["norm", "mlp"]


def _position(value: object, source: str) -> str | int:
    if type(value) is int and value >= 0:
        return value
    if isinstance(value, str) and value in POSITIONS:
        return value
    raise ModelError(
        f"{source} reads out {value!r}, where last, sum, mean or the number of a position is "
        "supported."
    )


def _whole(value: object, what: str, source: str) -> int:
    if type(value) is not int or value < 1:
        raise ModelError(f"{source} states the {what} {value!r}, where a number from 1 is.")
    return value
