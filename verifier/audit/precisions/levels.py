"""What recomputing a certificate at two precisions shows: in fields for machines, and in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import flint

from ballproof.verifier.audit.subject import Finding
from ballproof.verifier.strategies.quantities import Counted

# Where the finer precision leaves a sign open, how many bits are tried for the tightest one.
LAST_BITS = 8_192


@dataclass
class Level:
    """What was seen at one precision: the largest width, and the counts that follow."""

    bits: int
    width: flint.arb
    least: int = 0
    most: int = 0
    open: int = 0

    def see(self, ball: flint.arb) -> None:
        """Take one enclosure into account."""
        width = 2 * ball.rad()
        if width.is_finite() and width > self.width:
            self.width = width
        self.open += not (bool(ball < 0) or bool(ball >= 0))

    def count(self, counted: Counted) -> None:
        """Add the counts of a part."""
        self.least += counted.least
        self.most += counted.most

    def fields(self) -> dict[str, Any]:
        """Return the level for machines; widths are rounded to a few digits."""
        return {
            "bits": self.bits,
            "largest_width": self.width.str(3, radius=False),
            "without_sign": self.open,
            "correct_at_least": str(self.least),
            "correct_at_most": str(self.most),
        }


@dataclass(frozen=True)
class Nearest:
    """The tightest decision: the quantity nearest to 0 for its width, and the bits it takes.

    `bits` is a multiple of 8, or the finer precision; None where none of those tried decides.
    """

    part: tuple[int, ...]
    name: str
    ball: flint.arb
    bits: int | None

    def fields(self) -> dict[str, Any]:
        """Return it for machines."""
        return {
            "part": list(self.part),
            "quantity": self.name,
            "value": self.ball.str(12, radius=True),
            "bits": self.bits,
        }


@dataclass(frozen=True, eq=False)
class Precisions:
    """What was compared, how many overlap, how wide they are, and what follows from them."""

    what: str
    parts: tuple[int, int]
    quantities: int
    overlapping: int
    narrower: int
    zeros: int
    coarse: Level
    fine: Level
    claimed: tuple[int, int]
    nearest: Nearest | None
    findings: list[Finding] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        """The finer precision's largest width over the coarser's; None if both are exact."""
        return float(self.fine.width / self.coarse.width) if self.coarse.width > 0 else None

    def fields(self) -> dict[str, Any]:
        """Return the comparison for machines."""
        return {
            "what": self.what,
            "parts": self.parts[0],
            "all_parts": self.parts[1],
            "quantities": self.quantities,
            "overlapping": self.overlapping,
            "narrower": self.narrower,
            "exactly_zero": self.zeros,
            "levels": [self.coarse.fields(), self.fine.fields()],
            "ratio": self.ratio,
            "nearest": None if self.nearest is None else self.nearest.fields(),
            "findings": [finding.fields() for finding in self.findings],
        }

    def lines(self) -> list[str]:
        """Return the comparison in plain words."""
        done, every = self.parts
        sample = "" if done == every else f", a sample of {done} of {every} parts"
        bits = f"{self.coarse.bits} and {self.fine.bits} bits"
        lines = [
            f"Recomputed in balls of {bits}: {self.what}{sample}.",
            f"{self.overlapping} of {self.quantities} quantities overlap, "
            f"{self.narrower} are exact or narrower at {self.fine.bits} bits.",
        ]
        for level in (self.coarse, self.fine):
            lines.append(
                f"  {level.bits} bits: widths up to {level.width.str(3, radius=False)}, "
                f"{level.open} without a sign; "
                f"what follows is a count from {level.least} to {level.most}"
            )
        if self.ratio is not None:
            lines.append(f"The largest width shrinks to {self.ratio:.3g} of itself.")
        if self.nearest is not None:
            lines.append(self._tightest(self.nearest))
        return lines

    def _tightest(self, nearest: Nearest) -> str:
        decided = (
            f"no precision up to {LAST_BITS} bits decides it"
            if nearest.bits is None
            else f"{nearest.bits} bits decide it"
        )
        where = ", ".join(map(str, nearest.part))
        return (
            f"The tightest decision is {nearest.name}, of ({where}): "
            f"{nearest.ball.str(6, radius=False)}; {decided}."
        )
