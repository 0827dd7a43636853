"""What key maps say of a model beyond its tensors, as parts, and what they expect to be said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from ballproof.models.architectures import Shapes
from ballproof.models.architectures.attention_only.layout import W_Q
from ballproof.models.architectures.layers.design import Design, Layer, Norm
from ballproof.models.architectures.layers.layout import shown
from ballproof.models.architectures.layers.names import in_layer
from ballproof.models.architectures.layers.settings import design_of, norm_of
from ballproof.models.architectures.one_layer.settings import Settings
from ballproof.models.errors import ModelError
from ballproof.models.key_map import (
    ACTIVATION,
    EPS,
    EXPECTS,
    MASK,
    NORM,
    NORMALISED,
    NORMS,
    READOUT,
    KeyMap,
)

_OF_DESIGN = (MASK, ACTIVATION, NORM, READOUT)


def design_of_map(
    key_map: KeyMap, share: str | None, said: str | None, shapes: Shapes, source: str
) -> Design | None:
    """Return the design that a key map or a share of softmax states, None where neither does.

    `said` are the parts that the file itself states, of which only the share is replaced. Raises
    ModelError for settings that are none.
    """
    if share is None and not any(name in key_map for name in _OF_DESIGN):
        return None
    if W_Q not in shapes:
        raise ModelError(f"{source} has no attention, of which a mask or a share is stated.")
    design = _mapped(key_map, shapes, source) if said is None else design_of(said, source)
    if share is None:
        return design
    attention = Settings(design.attention.mask, _share(share), key_map.get(NORMALISED) == "true")
    return replace(design, attention=attention)


def check_expected(key_map: KeyMap, values: Mapping[str, object], source: str) -> dict[str, object]:
    """Return what a configuration states beside what the map expects of it.

    Raises ModelError where the configuration states a setting otherwise than the map expects.
    """
    rest = dict(values)
    listed = key_map.get(EXPECTS, ())
    for each in [listed] if isinstance(listed, str) else listed:
        name, _, expected = (word.strip() for word in each.partition("="))
        if name in rest and str(stated := rest.pop(name)).lower() != expected.lower():
            raise ModelError(
                f"{source} states {name} = {stated!r}, where the key map is for models with "
                f"{expected}."
            )
    return rest


def _share(share: str) -> Fraction:
    try:
        return Fraction(share)
    except (ValueError, ZeroDivisionError):
        raise ModelError(
            f"The share of softmax is {share!r}, where 0, 1/2 or so is expected."
        ) from None


def _mapped(key_map: KeyMap, shapes: Shapes, source: str) -> Design:
    found = shown(shapes)
    norm = _norm(key_map, source)
    stood = key_map.get(NORMS)
    places = [stood] if isinstance(stood, str) else stood

    def at(place: str, *names: str) -> Norm | None:
        """Return the norm of a place, if it is listed, or has a tensor where none are listed."""
        there = any(name in shapes for name in names) if places is None else place in places
        return norm if there else None

    activation = str(key_map.get(ACTIVATION, "relu"))
    layers = []
    for number, layer in enumerate(found.layers):
        ln1, ln2 = (in_layer(number, name) for name in ("ln1", "ln2"))
        first = at("ln1", f"{ln1}.w", f"{ln1}.b")
        second = at("ln2", f"{ln2}.w", f"{ln2}.b") if layer.activation else None
        layers.append(Layer(first, second, activation if layer.activation else None, layer.gated))
    final = at("ln_final", "ln_final.w", "ln_final.b")
    position = str(key_map.get(READOUT, "last"))
    return Design(
        found.heads,
        tuple(layers),
        Settings(str(key_map.get(MASK, "causal"))),
        found.positions,
        final,
        int(position) if position.isdecimal() and len(position) < 6 else position,
        found.readouts,
    )


def _norm(key_map: KeyMap, source: str) -> Norm | None:
    if NORM not in key_map:
        return None
    try:
        eps = str(Fraction(str(key_map[EPS])))
    except (KeyError, ValueError, ZeroDivisionError):
        raise ModelError(
            f"{source}: the key map states a norm, and no eps such as 1e-5 or 1/100000."
        ) from None
    return norm_of({"kind": key_map[NORM], "eps": eps}, source)
