"""exp, GELU and SiLU of doubles by tables: no function of a library is trusted to round well."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import flint
import numpy as np

from ballproof.interval.ball import precision, upper_end
from ballproof.verifier.counting.deep.rounding import UNIT, Floats, Uncertain, relu, rounded_up

# `exponential` is within so many units of itself.
EXP_ERROR = 16 * UNIT
# Arguments below are taken for it: e^-700 is below 2^-1000.
LOWEST = -700.0
_STEPS, _DEGREE = 64, 7
_BITS = 200


@cache
def _exp_tables() -> tuple[Floats, Floats]:
    """Return e^-n for n = 0..701 and e^(-n/64) for n = 0..63, each to half a unit."""
    with precision(_BITS):
        whole = [float(flint.arb(-n).exp().mid()) for n in range(702)]
        parts = [float((flint.arb(-n) / _STEPS).exp().mid()) for n in range(_STEPS)]
    return np.array(whole), np.array(parts)


def exponential(x: Floats) -> Floats:
    """Return exp of numbers <= 0, off by at most 16 units of itself, or 2^-1000 below -700.

    x = -(n + m/64) - f with integers n, m and 0 <= f < 1/64, all exact. Of e^-f the series to the
    seventh power is off by f^8/8! < 2^-63. Horner's rule rounds twice a term, and what it rounds
    weighs f < 1/64 of what follows: two units and their 32nd part. Two entries and two products
    add four more units at most. What is no number stays none.
    """
    whole, parts = _exp_tables()
    kept = np.where(x >= LOWEST, x, LOWEST)
    scaled = kept * -_STEPS
    steps = np.floor(scaled)
    f = (scaled - steps) / _STEPS
    series = np.full_like(f, -1.0 / 5040)
    for divisor in (720.0, -120.0, 24.0, -6.0, 2.0, -1.0, 1.0):
        series = series * f + 1.0 / divisor
    number = steps.astype(np.int64)
    result: Floats = whole[number >> 6] * parts[number & 63] * series
    return np.where(np.isnan(x), np.nan, result)


class Activation:
    """A smooth function by its Taylor series at the nearest of knots 2^-5 apart, |x| <= `reach`.

    Beyond the reach it is max(x, 0), off by at most `tail`. `slope` bounds its derivative (T16).
    The coefficients c_k of each knot are doubles next to the truth, and the remainder is at most
    |c_K| h^K, h = 2^-6, with c_K enclosed over all that is nearest to the knot, by a series of
    balls.
    Horner's rule adds less than two units of sum |c_k| h^k, k >= 1, a term: with the remainder that
    is `error`, a bound for every knot. c_0 and the last sum add two units of the value.
    """

    ORDER, STEPS = 10, 32

    def __init__(
        self,
        series: Callable[[flint.arb_series], flint.arb_series],
        slope: float,
        reach: int,
        tail: float,
    ) -> None:
        self.slope, self.reach, self.tail = slope, reach, tail
        knots = reach * self.STEPS
        self.table = np.empty((self.ORDER, 2 * knots + 1))
        self.error = 0.0
        half = flint.arb(0, flint.arb(0.5) / self.STEPS)
        with precision(_BITS):
            for n in range(-knots, knots + 1):
                at = flint.arb(n) / self.STEPS
                own = _coefficients(series, at, self.ORDER)
                self.table[:, n + knots] = [float(c.mid()) for c in own]
                wide = _coefficients(series, at + half, self.ORDER + 1)[-1]
                self._take(wide, self.table[:, n + knots])

    def _take(self, remainder: flint.arb, coefficients: Floats) -> None:
        """Let the error bound what this knot's series is off by."""
        h = 0.5 / self.STEPS
        powers = h ** np.arange(1, self.ORDER)
        mantissa, exponent = upper_end(abs(remainder))
        rest = np.ldexp(float(mantissa), exponent) * h**self.ORDER
        rounding = (2 * self.ORDER + 4) * UNIT * float(np.abs(coefficients[1:]) @ powers)
        self.error = max(self.error, (rest + rounding) * (1 + 2.0**-30))

    def __call__(self, x: Uncertain) -> Uncertain:
        """Return the function of numbers; slope r + error, of a value beyond the reach + tail."""
        knots = self.reach * self.STEPS
        inside = np.abs(x.middle) < self.reach
        kept = np.where(inside, x.middle, 0.0)
        nearest = np.rint(kept * self.STEPS)
        away = kept - nearest / self.STEPS
        place = nearest.astype(np.int64) + knots
        value = self.table[-1][place]
        for coefficients in self.table[-2::-1]:
            value = value * away + coefficients[place]
        straight = relu(x).middle
        own = self.error + 2 * UNIT * np.abs(value)
        radius = x.radius * self.slope + np.where(inside, own, self.tail)
        return Uncertain(np.where(inside, value, straight), rounded_up(radius))


def _coefficients(
    series: Callable[[flint.arb_series], flint.arb_series], at: flint.arb, length: int
) -> list[flint.arb]:
    """Enclose the first Taylor coefficients at a point, or over a ball."""
    previous, flint.ctx.cap = flint.ctx.cap, length
    try:
        found = series(flint.arb_series([at, 1], prec=length))
        return [found[k] for k in range(length)]
    finally:
        flint.ctx.cap = previous


def _gelu(x: flint.arb_series) -> flint.arb_series:
    return x / 2 * ((x / flint.arb(2).sqrt()).erf() + 1)


def _gelu_tanh(x: flint.arb_series) -> flint.arb_series:
    # x/2 (1 + tanh y) = x / (1 + exp(-2y)).
    inner = (2 / flint.arb.pi()).sqrt() * (x + flint.arb(8943) / 200000 * x * x * x)
    return x / ((-2 * inner).exp() + 1)


def _silu(x: flint.arb_series) -> flint.arb_series:
    return x / ((-x).exp() + 1)


# Beyond 12 both GELUs are within 12 Phi(-12) < 2^-100 of max(x, 0), and SiLU beyond 48 within
# 48 e^-48 < 2^-63; all of them fall from there on.
_KNOWN: dict[str, tuple[Callable[[flint.arb_series], flint.arb_series], float, int, float]] = {
    "gelu": (_gelu, 1.129, 12, 2.0**-100),
    "gelu-tanh": (_gelu_tanh, 1.129, 12, 2.0**-100),
    "silu": (_silu, 1.1, 48, 2.0**-63),
}


@cache
def activation(name: str) -> Callable[[Uncertain], Uncertain]:
    """Return an activation by its name; KeyError for one that is none."""
    return relu if name == "relu" else Activation(*_KNOWN[name])
