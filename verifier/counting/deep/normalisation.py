"""Layer and root-mean-square norms of doubles with a radius (T16)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ballproof.verifier.counting.deep.rounding import (
    TINY,
    UNIT,
    UP,
    Floats,
    Uncertain,
    rounded_up,
    scaled,
    shifted,
)


@dataclass(frozen=True)
class Norm:
    """x -> c / sqrt(mean c^2 + eps) w + b with c = x - mean x, or c = x where not `centred`.

    `eps` and `eps_error`: the exact eps is within `eps_error` of `eps`. `weight`, `bias` (d,) are
    None for 1 and 0.

    Theorem: let c^ be doubles with |c - c^| <= r entry by entry, s the true root and S the one of
    c^. The root is 1-Lipschitz in |c|_2 / sqrt(d), so |s - S| <= |r|_2 / sqrt(d) =: e, and with N =
    c^ / S: |c/s - N| <= (r + |N| e) / (S - e), from (c - c^)/s + N (S - s)/s. Where S <= e nothing
    is known, which an infinite radius says. []
    """

    centred: bool
    eps: float
    eps_error: float
    weight: Floats | None
    bias: Floats | None

    def __call__(self, x: Uncertain) -> Uncertain:
        """Return the normalised rows (N, d)."""
        c, d = self._centre(x), x.middle.shape[-1]
        square = np.einsum("...d,...d->...", c.middle, c.middle)[..., None] / d + self.eps
        root = np.sqrt(square)
        # The sum is off by (d + 2) units, the root by half of that and by what eps is off by.
        with np.errstate(divide="ignore", invalid="ignore"):
            slack = (d + 6) * UNIT * root + self.eps_error / root + TINY
            squares = np.einsum("...d,...d->...", c.radius, c.radius)[..., None] / d
            error = np.sqrt(squares) * UP + slack
            normal = c.middle / root
            least = root * (1 - 2.0**-40) - error
            off = (c.radius + np.abs(normal) * error) / least
        # Squares of smaller numbers are subnormal.
        known = (least > 0) & np.isfinite(normal) & (root > 2.0**-150)
        off = np.where(known, off + 2 * UNIT * np.abs(normal), np.inf)
        found = Uncertain(np.where(known, normal, 0.0), rounded_up(off))
        found = found if self.weight is None else scaled(found, self.weight)
        return found if self.bias is None else shifted(found, self.bias)

    def _centre(self, x: Uncertain) -> Uncertain:
        """Return x less its mean: a mean of d terms is off by (d + 1) units of the mean size."""
        if not self.centred:
            return x
        d = x.middle.shape[-1]
        mean = x.middle.sum(axis=-1, keepdims=True) / d
        size = np.abs(x.middle).sum(axis=-1, keepdims=True) / d
        spread = x.radius.sum(axis=-1, keepdims=True) / d
        middle = x.middle - mean
        off = x.radius + spread + (d + 2) * UNIT * size + UNIT * np.abs(middle)
        return Uncertain(middle, rounded_up(off))
