"""The rule `sum`: the label is the sum of the tokens, each times a coefficient, modulo a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ballproof.models.errors import ModelError
from ballproof.models.tasks.rule import Rule, State

MAX_MODULUS = 2**20


@dataclass(frozen=True)
class Sum(Rule):
    """The state is the sum so far. There is a coefficient for each position that is read."""

    name = "sum"
    modulus: int
    coefficients: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.modulus <= MAX_MODULUS:
            raise ModelError(f"The task has the modulus {self.modulus}, where 1 to 2^20 is.")

    def title(self, reads: int) -> str:
        """Return add-mod-p for two positions, else sum-mod-p-of-n."""
        return f"add-mod-{self.modulus}" if reads == 2 else f"sum-mod-{self.modulus}-of-{reads}"

    def details(self) -> list[str]:
        """Return the coefficients, if they are not all 1."""
        if set(self.coefficients) == {1}:
            return []
        return [f"coefficients={','.join(map(str, self.coefficients))}"]

    def parameters(self) -> dict[str, object]:
        """Return modulus and coefficients."""
        return {"modulus": self.modulus, "coefficients": list(self.coefficients)}

    def check(self, positions: Sequence[range], reads: Sequence[int]) -> None:
        """Refuse another number of coefficients than positions that are read, and large ones."""
        if len(self.coefficients) != len(reads):
            raise ModelError(
                f"The task has {len(self.coefficients)} coefficients, where {len(reads)} positions "
                "are read."
            )
        for coefficient in self.coefficients:
            if not -MAX_MODULUS < coefficient < MAX_MODULUS:
                raise ModelError(f"The task has the coefficient {coefficient}, not below 2^20.")

    def label(self, values: Sequence[int]) -> int:
        """Return the sum modulo the modulus."""
        terms = (c * value for c, value in zip(self.coefficients, values, strict=True))
        return sum(terms) % self.modulus

    def labels_of(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sum of each row modulo the modulus."""
        # Tokens below 2^28 and coefficients below 2^20: 2^15 terms fit int64.
        if len(self.coefficients) > 2**15:
            return super().labels_of(values)
        labels: NDArray[np.int64] = values @ np.array(self.coefficients) % self.modulus
        return labels

    def labels(self, tokens: range, reads: int) -> range:
        """Return the remainders."""
        return range(self.modulus)

    def answers(self, outputs: int, reads: int) -> range:
        """Return the remainders."""
        return range(self.modulus)

    def usual_reads(self, n_ctx: int, count: int | None = None) -> tuple[int, ...]:
        """Return the first positions."""
        return tuple(range(min(len(self.coefficients), n_ctx)))

    def usual_tokens(self, d_vocab: int, read: bool) -> range:
        """Return the remainders where a position is read, and the token after them elsewhere."""
        return range(self.modulus) if read else range(self.modulus, self.modulus + 1)

    def start(self, wanted: int) -> State:
        """Return the empty sum."""
        return 0

    def step(self, wanted: int, state: State, place: int, token: int) -> State:
        """Return the sum with this token."""
        return (state + self.coefficients[place] * token) % self.modulus

    def accepts(self, wanted: int, state: State) -> bool:
        """Say whether the sum is the label."""
        return bool(state == wanted)
