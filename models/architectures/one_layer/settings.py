"""What the tensors of a one-layer transformer do not show: mask and share of softmax; its parts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ballproof.models.architectures.architecture import Shapes, Stated
from ballproof.models.architectures.attention_only.layout import W_POS, W_Q
from ballproof.models.architectures.one_layer.layout import W_IN
from ballproof.models.errors import ModelError

MASKS = {"causal": "causal", "none": "full"}
_SHARE = re.compile(r"(?a:(?:0|[1-9]\d{0,17})(?:/[1-9]\d{0,17})?)")


@dataclass(frozen=True)
class Settings:
    """The settings of attention.

    Its weights are share * softmax + (1 - share) at every position, where `normalised` with the
    second term divided by the number of positions. A share of 1 is plain softmax.
    """

    mask: str = "causal"
    share: Fraction = Fraction(1)
    normalised: bool = False

    def attention(self, heads: int) -> dict[str, Any]:
        """Return the part of attention, as a certificate states it."""
        part = {"part": "attention", "heads": heads, "mask": self.mask, "scale": "1/sqrt(d_head)"}
        plain = self.share == 1
        return part if plain else part | {"softmax": str(self.share), "normalised": self.normalised}

    def parts(self, shapes: Shapes) -> tuple[dict[str, Any], ...]:
        """Return all parts of a model with these tensors."""
        return (
            {"part": "embed"},
            *([{"part": "positions"}] if W_POS in shapes else []),
            self.attention(shapes[W_Q][0]),
            *([{"part": "mlp", "activation": "relu"}] if W_IN in shapes else []),
            {"part": "readout", "position": "last"},
        )


def serves(text: str) -> bool:
    """Say whether parts that a file states are not those of a deeper or another kind of model.

    What is wrong with them otherwise is said where they are read.
    """
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError):
        return True
    found = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    names = [part.get("part") for part in found]
    plain = all(
        "gated" not in part
        and "layers" not in part
        and part.get("activation", "relu") not in ("gelu", "gelu-tanh", "silu")
        and (part.get("part") != "readout" or part.get("position", "last") == "last")
        for part in found
    )
    return plain and names.count("attention") < 2 and "norm" not in names


def of_parts(parts: object, source: str) -> Settings:
    """Return the settings among parts that a file states; raises ModelError for others."""
    listed = parts if isinstance(parts, list | tuple) else []
    for part in listed:
        if isinstance(part, Mapping) and part.get("part") == "attention":
            return _of_attention(part, source)
    raise ModelError(f"{source} states parts without one of attention: {str(parts)[:200]}.")


def of_stated(stated: Stated, source: str) -> Settings:
    """Return the settings that a file states, the default where it states none."""
    if stated.parts is None:
        return Settings()
    try:
        return of_parts(json.loads(stated.parts), source)
    except ModelError:
        raise
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{source}: its metadata `parts` is no JSON: {error}.") from error


def share_of(text: str) -> Fraction | None:
    """Return the share that a text n/d in lowest terms states, None for another text."""
    if not _SHARE.fullmatch(text):
        return None
    share = Fraction(text)
    return share if str(share) == text else None


def words(parts: tuple[Mapping[str, Any], ...]) -> str:
    """Return the parts for a reader, as the verdict line states them."""
    return ",".join(map(_words, parts))


def _words(part: Mapping[str, Any]) -> str:
    name = str(part["part"])
    if name == "mlp":
        return f"mlp({part['activation']})"
    if name == "readout":
        return f"readout({part['position']})"
    return attention_words(part, "n_ctx") if name == "attention" else name


def attention_words(part: Mapping[str, Any], among: str) -> str:
    """Return attention for a reader; a normalised share is divided by what `among` says."""
    heads = part["heads"]
    inside = [f"{heads}-head{'s' * (heads != 1)}", MASKS[part["mask"]], part["scale"]]
    if "softmax" in part:
        share = Fraction(part["softmax"])
        uniform = f"{1 - share}/{among}" if part["normalised"] else f"{1 - share}"
        inside.append(f"{share}*softmax+{uniform}")
    return f"attention({','.join(inside)})"


def _of_attention(part: Mapping[str, Any], source: str) -> Settings:
    mask, share = part.get("mask"), part.get("softmax", "1")
    if mask not in MASKS:
        raise ModelError(f"{source} states the mask {mask!r}, where causal or none is supported.")
    found = share_of(share) if isinstance(share, str) else None
    if found is None or (found == 1 and "softmax" in part):
        raise ModelError(
            f"{source} states the share of softmax {share!r}, where a rational number from 0 in "
            "lowest terms is expected, other than 1, as in 1/2."
        )
    normalised = part.get("normalised", False)
    if not isinstance(normalised, bool):
        raise ModelError(f"{source} states normalised {normalised!r}, where true or false is.")
    return Settings(mask, found, normalised)
