"""Cases about layers in sequence. Counts are those of a literal evaluation of every input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from arena_case import BUDGET, COUNT, UNSUPPORTED, VERIFIED, WITNESS, Case, Fields, claim, text
from network_models import table
from support.layered import Layered, layered
from support.networks import claim_of, right_and_open
from support.rules import definition
from support.splits import witness_of

LAYERED: dict[str, tuple[dict[str, Any], str]] = {
    "layers-relu": ({"position": "sum"}, "Two layers with ReLU, the sum over positions."),
    "layers-attention": ({"activation": None}, "Two layers of attention alone."),
    "layers-norms": ({"norm": "layer", "activation": "gelu"}, "LayerNorm and gelu."),
    "layers-rms": ({"norm": "rms", "activation": "silu", "gated": True}, "RMSNorm, gated silu."),
    "layers-tanh": ({"activation": "gelu-tanh", "position": "mean"}, "gelu by tanh, the mean."),
    "layers-full": ({"mask": "none", "position": 0, "norm": "layer"}, "No mask, read first."),
    "layers-readout": ({"readouts": 3, "position": 1, "layers": 3}, "Three layers of readout."),
    "layers-uniform": ({"share": "1/3", "normalised": True}, "A third of softmax, else uniform."),
    "layers-beyond": ({"share": "3/2", "positions": False}, "More than softmax, no positions."),
    "layers-one": ({"layers": 1, "norm": "layer", "final": False}, "One layer, norms inside."),
    "layers-final": ({"layers": 1, "norm": "layer", "inside": False}, "One layer, a final norm."),
}
NARROW = {"width": 64, "bits": 24, "fine": 28, "readout": 0}
WIDE = {"width": 128, "bits": 50, "fine": 64, "readout": 0}
COARSE = {"width": 64, "bits": 13, "fine": 12, "readout": 0}


@cache
def model(name: str) -> Layered:
    """Return a shared model by its name."""
    found = layered(len(name), **({"scale": 0.6} | LAYERED[name][0]))
    if name != "layers-final":
        return found
    # Biases that are alike on all answers: that of the norm meets a row of equal numbers.
    to_outputs = found.tensors["unembed.W_U"].copy()
    to_outputs[1] = 0.5
    bias = found.tensors["ln_final.b"] * np.eye(4, dtype=np.float32)[1]
    outputs = np.full(3, 0.25, np.float32)
    changes = {"unembed.W_U": to_outputs, "unembed.b_U": outputs, "ln_final.b": bias}
    return found.changed(**changes)


@cache
def _truth(name: str, seed: int) -> int:
    """Return how many inputs are right: none is a tie."""
    low, high = right_and_open(model(name), table(model(name), seed), definition, Fraction(0))
    assert low == high
    return low


def stated(name: str, seed: int = 0, above: int = 0, below: int = 0, **options: Any) -> Fields:
    """Return a claim of as many inputs as are right, and of some more or less at an end."""
    found, true = model(name), _truth(name, seed)
    passes = options.pop("passes", [NARROW, WIDE])
    options = {"precision": passes[0]["width"] if passes else 64} | options
    options = {"witness": {"passes": passes}} | options
    return claim_of(found, table(found, seed), (true + above, true - below), **options)


def layered_accept_cases() -> Iterator[Case]:
    """Yield all cases that must be verified."""
    for name, (_, about) in LAYERED.items():
        for seed in (0, 1):
            cert = stated(name, seed)
            yield Case(f"layers.{name}.{seed}", about, name, text(cert), VERIFIED)
        wide = stated(name, passes=[WIDE])
        yield Case(f"layers.{name}.wide", f"{about} 128 bits alone.", name, text(wide), VERIFIED)
    cert = stated("layers-relu", passes=[COARSE, COARSE, NARROW, WIDE])
    about = "Four passes, of which the first two leave all open."
    yield Case("layers.passes", about, "layers-relu", text(cert), VERIFIED)
    shifted = stated("layers-relu", passes=[WIDE | {"readout": 24}])
    yield Case("layers.readout", "A coarse readout.", "layers-relu", text(shifted), VERIFIED)
    about = "A final norm without a say: the layer without it, both ends."
    yield Case("layers.final", about, "layers-final", text(final()), VERIFIED)


def final(above: int = 0, below: int = 0, rate: int = 0, **options: Any) -> Fields:
    """Return a claim of `exact`, or of `split` with a rate, about a layer with a final norm."""
    network, task = model("layers-final"), table(model("layers-final"), 0)
    witness = witness_of(network, task, 0, rate=rate)
    options = {"strategy": "split" if rate else "exact", "witness": witness} | options
    right = _truth("layers-final", 0)
    return claim_of(network, task, (right + above, right - below), **options)


def layered_reject_cases() -> Iterator[Case]:
    """Yield all cases that must be refused."""
    for maker in (_counts, _witnesses, _parts, _files):
        yield from maker()


def _counts() -> Iterator[Case]:
    for name in LAYERED:
        total = len(table(model(name))["labels"])
        about = "One input more or less than is right."
        if _truth(name, 0) < total:
            cert = stated(name, above=1, below=-total + _truth(name, 0))
            yield Case(f"layers.{name}.above", about, name, text(cert), COUNT, false=True)
        if _truth(name, 0):
            cert = stated(name, above=-_truth(name, 0), below=1)
            yield Case(f"layers.{name}.below", about, name, text(cert), COUNT, false=True)
    cert = stated("layers-relu", passes=[COARSE])
    about = "True, but the pass leaves inputs open."
    yield Case("layers.open", about, "layers-relu", text(cert), COUNT)
    cert = stated("layers-relu", operations=10**4)
    yield Case(
        "layers.budget", "Too small a budget.", "layers-relu", text(cert), BUDGET, tally=True
    )


def _witnesses() -> Iterator[Case]:
    for number, passes in enumerate(
        (
            [],
            [NARROW] * 5,
            [NARROW | {"width": 32}],
            [NARROW | {"bits": 10}],
            [NARROW | {"bits": 30}],
            [NARROW | {"fine": 39}],
            [NARROW | {"fine": 0}],
            [NARROW | {"readout": 25}],
            [NARROW | {"note": 1}],
            [WIDE, NARROW],
            [WIDE | {"fine": 63}],
            [WIDE | {"bits": 61}],
            [WIDE | {"bits": 27}],
        )
    ):
        cert = stated("layers-relu", passes=passes)
        about = "A precision outside its domain."
        yield Case(f"layers.witness.{number}", about, "layers-relu", text(cert), WITNESS)
    cert = stated("layers-relu", witness={"passes": 1})
    yield Case("layers.witness.number", "A number of passes.", "layers-relu", text(cert), WITNESS)
    cert = stated("layers-relu", precision=128)
    about = "Another precision than the first pass has."
    yield Case("layers.witness.precision", about, "layers-relu", text(cert), WITNESS)


def _parts() -> Iterator[Case]:
    parts = model("layers-norms").parts
    changes: dict[str, list[Any]] = {
        "batch": [*parts[:2], parts[2] | {"kind": "batch"}, *parts[3:]],
        "negative-eps": [*parts[:2], parts[2] | {"eps": "-1"}, *parts[3:]],
        "two-norms": [*parts[:2], parts[2], *parts[2:]],
        "heads-differ": [*parts[:3], parts[3] | {"heads": 1}, *parts[4:]],
        "tanh": [*parts[:5], parts[5] | {"activation": "tanh"}, *parts[6:]],
        "mlp-first": [*parts[:2], parts[5], *parts[2:]],
        "no-readout": parts[:-1],
        "position": [*parts[:-1], parts[-1] | {"position": 3}],
        "mask-of-another-name": [*parts[:3], parts[3] | {"mask": "window"}, *parts[4:]],
        "no-final-norm": [*parts[:-2], parts[-1]],
    }
    for name, changed in changes.items():
        cert = stated("layers-norms")
        data = text(claim(cert, parts=changed))
        about = "Parts that are not served, or not those of the weights."
        yield Case(f"layers.parts.{name}", about, "layers-norms", data, UNSUPPORTED)
    empty = {"strategy": "exact", "witness": {"unit": 0, "classes": []}, "precision": 64}
    for name in ("layers-relu", "layers-norms", "layers-one"):
        about = "More than one layer, or norms that are not the final one."
        yield Case(f"layers.exact.{name}", about, name, text(stated(name, **empty)), UNSUPPORTED)
    yield from _final(empty)
    cert = claim(stated("layers-relu"), semantics="float32")
    yield Case("layers.float32", "Real alone.", "layers-relu", text(cert), UNSUPPORTED)


def _final(empty: Fields) -> Iterator[Case]:
    about, right = "One input more or less than is right.", _truth("layers-final", 0)
    total = len(table(model("layers-final"))["labels"])
    for name, cert in {
        "above": final(above=1, below=right - total),
        "below": final(above=-right, below=1),
        "split": final(above=1, below=right - total, rate=16),
    }.items():
        data = text(cert)
        yield Case(f"layers.final.{name}", about, "layers-final", data, COUNT, false=True)
    about = "At a margin the norm counts."
    cert = text(claim(final(), margin="1/3"))
    yield Case("layers.final.margin", about, "layers-final", cert, UNSUPPORTED)
    parts = model("layers-final").parts
    cert = claim(final(**empty), parts=[*parts[:-2], parts[-2] | {"eps": "0"}, parts[-1]])
    about = "Without eps the variance may be 0."
    yield Case("layers.final.eps", about, "layers-final", text(cert), UNSUPPORTED)


def _files() -> Iterator[Case]:
    found = model("layers-relu")
    full, causal = np.ones((3, 3), bool), np.tril(np.ones((3, 3), bool))
    window = causal.copy()
    window[1, 0] = False
    mask, ignore = "blocks.1.attn.mask", "blocks.1.attn.IGNORE"
    zero = np.array(0.0, np.float32)
    for name, tensors in {
        "full-mask": {mask: full},
        "inner-window": {mask: window},
        "ignore-zero": {mask: causal, ignore: zero},
        "third-layer": {"blocks.2.attn.W_Q": found.tensors["blocks.1.attn.W_Q"]},
        "norm-without-part": {"blocks.1.ln1.w": found.tensors["blocks.1.attn.b_O"]},
        "mask-of-third-layer": {"blocks.2.attn.mask": causal},
    }.items():
        changed = replace(found, tensors=found.tensors | tensors)
        cert = claim_of(
            changed, table(changed), (0, 27), precision=64, witness={"passes": [NARROW]}
        )
        about = "A tensor that is no part of the model, or changes the function."
        yield Case(f"layers.{name}", about, changed.bytes(), text(cert), UNSUPPORTED)
