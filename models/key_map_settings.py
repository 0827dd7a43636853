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

_OF_DESIGN = (MASK, ACTIVATION, NORM, EPS, NORMS, READOUT)
_PLACES = {"ln1", "ln2", "ln_final"}


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
    """Return the design that a map states of these tensors."""
    found = shown(shapes)
    norm, places = _norm(key_map, source), _places(key_map, shapes, source)
    activation = str(key_map.get(ACTIVATION, "relu"))

    def at(*names: str) -> Norm | None:
        return norm if places & {*names} else None

    layers = []
    for number, layer in enumerate(found.layers):
        first, second = (at(name, in_layer(number, name)) for name in ("ln1", "ln2"))
        has_mlp = layer.activation is not None
        act = activation if has_mlp else None
        layers.append(Layer(first, second if has_mlp else None, act, layer.gated))
    position = str(key_map.get(READOUT, "last"))
    return Design(
        found.heads,
        tuple(layers),
        Settings(str(key_map.get(MASK, "causal"))),
        found.positions,
        at("ln_final"),
        int(position) if position.isdecimal() and len(position) < 6 else position,
        found.readouts,
    )


def _places(key_map: KeyMap, shapes: Shapes, source: str) -> set[str]:
    """Return where norms stand: what the map lists, or where tensors of norms are.

    Raises ModelError for a norm that stands nowhere, and for places of no norm.
    """
    listed = key_map.get(NORMS)
    if listed is None:
        named = {name.rpartition(".")[0] for name in shapes if name.endswith((".w", ".b"))}
        places = {name for name in named if name.rpartition(".")[2] in _PLACES}
    else:
        places = {listed} if isinstance(listed, str) else set(listed)
        if not places or not places <= _PLACES:
            raise ModelError(
                f"{source}: the key map has norms at {', '.join(sorted(places)) or 'no place'}, "
                f"where some of {', '.join(sorted(_PLACES))} are."
            )
    if (NORM in key_map and not places) or (NORM not in key_map and (EPS in key_map or listed)):
        raise ModelError(
            f"{source}: the key map states a norm that stands nowhere, or an eps or places of "
            "norms without a norm."
        )
    return places


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
