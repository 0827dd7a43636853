"""Models on which a program in float32 leaves a bound that forgets one of its roundings."""

from __future__ import annotations

from typing import Any

from support.toy import ToyModel


def of_hexadecimals(**weights: Any) -> ToyModel:
    """Return a float32 model of numbers written in hexadecimal, a string for each row."""

    def read(rows: Any) -> Any:
        if isinstance(rows, str):
            return [float.fromhex(x) for x in rows.split()]
        return [read(row) for row in rows]

    return ToyModel.from_short_names(**{name: read(rows) for name, rows in weights.items()})


def flushed_embedding() -> ToyModel:
    """Return a model whose `W_E + W_pos` is subnormal, and 2^127 times that is a logit.

    It is right on both inputs; where subnormal sums are flushed to zero, on one.
    """
    return of_hexadecimals(
        W_E=["-0x1.8p-126", "0x1.8p-126"],
        W_pos=["-0x1p-126"],
        **{name: ["0"] for name in ("W_Q", "W_K")},
        W_V=["0x1p100"],
        W_O=["0x1p27"],
        W_U=["-0x1p0 0x1p0"],
        b_U="0x1p-2 -0x1p-2",
    )


def stream_from_the_left() -> ToyModel:
    """Return a model that is right on both inputs, on one if it adds `(x + z W_O) + b_O`.

    The gap that becomes a tie is 7.15e-7, and all numbers are 1 or less.
    """
    return of_hexadecimals(
        W_E=["0x1.000fa8p+0 0x0p+0", "0x1.000fa8p+0 0x1.000f8p+0"],
        W_pos=["-0x1p-24 0x1p-24"],
        **{name: ["0", "0"] for name in ("W_Q", "W_K", "W_V")},
        b_V="0x1p-12",
        W_O=["-0x1p-12 0x1p-12"],
        b_O="-0x1p-24 0x1p-24",
        W_U=["0x1.00105ap+0 0x1.ffp-25", "-0x1.ffp-25 0x1.001084p+0"],
        b_U="-0x1p-24 0x1p-24",
    )


def scaled_query(h: int = 2048) -> ToyModel:
    """Return a model whose query is subnormal once it is divided by sqrt(h); keys are 2^110."""
    rows = {"W_E": [[1.0], [-1.0]], "W_pos": [[0.0], [0.0]], "W_Q": [[0.0] * h]}
    rows |= {"b_Q": [1.4 * 2.0**-121] * h, "W_K": [[2.0**110] * h]}
    rows |= {"W_V": [[1.0] + [0.0] * (h - 1)], "W_O": [[1.0]] + [[0.0]] * (h - 1)}
    rows |= {"W_U": [[-1.0, 1.0]], "b_U": [0.0, 0.0]}
    return ToyModel.from_short_names(**rows)
