"""A sequence that shows a claim to be false, evaluated by the literal forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from ballproof.interval.ball import precision
from ballproof.models.forward import evaluate
from ballproof.models.weights import Weights
from ballproof.verifier.claims.numbers import (
    decimal_down,
    decimal_up,
    is_narrow,
    rounded_down,
    rounded_up,
)

FIRST_BITS, LAST_BITS = 256, 16_384


@dataclass(frozen=True)
class Witness:
    """A sequence and a rival; `gap` = (low, high) encloses logits[rival] - logits[label].

    `gap` is None where the literal forward pass has no finite bounds at LAST_BITS. `equal` says
    that the gap is exactly the threshold that it was held against. The label is the largest token
    unless it is `stated`.
    """

    sequence: tuple[int, ...]
    rival: int
    gap: tuple[Fraction, Fraction] | None
    equal: bool = False
    stated: int | None = None

    @property
    def label(self) -> int:
        """The right answer."""
        return max(self.sequence) if self.stated is None else self.stated

    def fields(self) -> dict[str, Any]:
        """Return the witness for machines; the ends of the gap are decimals rounded outward."""
        low, high = self.gap or (None, None)
        return {
            "sequence": list(self.sequence),
            "label": self.label,
            "rival": self.rival,
            "gap_at_least": None if low is None else decimal_down(low),
            "gap_at_most": None if high is None else decimal_up(high),
        }

    def line(self) -> str:
        """Return one line of text."""
        tokens = ",".join(map(str, self.sequence))
        lead = f"logit of {self.rival} less the logit of {self.label}"
        if self.gap is None:
            return f"{tokens}: {lead} has no finite bounds at {LAST_BITS} bits"
        low, high = (decimal_down(self.gap[0]), decimal_up(self.gap[1]))
        between = f"= {low}" if low == high else f"in [{low}, {high}]"
        return f"{tokens}: {lead} {between}"


def gap_enclosed(
    weights: Weights, sequence: tuple[int, ...], rival: int, label: int | None = None
) -> tuple[Fraction, Fraction] | None:
    """Enclose logits[rival] - logits[label] to more digits than are printed, if LAST_BITS do.

    Left out, the label is the largest token.
    """
    label = max(sequence) if label is None else label
    bits, ends = FIRST_BITS, None
    while bits <= LAST_BITS:
        # The ends of a ball are rounded to the precision in force as well.
        with precision(bits):
            ball = _gap(weights, sequence, (rival, label), bits)
            if ball is not None:
                ends = rounded_down(ball), rounded_up(ball)
                if is_narrow(ball):
                    break
        bits *= 4
    return ends


def _gap(
    weights: Weights, sequence: tuple[int, ...], outputs: tuple[int, int], bits: int
) -> flint.arb | None:
    try:
        logits = evaluate(weights, sequence, bits)
    except ValueError:
        return None
    rival, label = outputs
    return logits[rival] - logits[label]
