"""Small deep transformers with random weights, of any parts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ballproof.models.architectures import Stated, Weights
from ballproof.models.tensors import Tensor
from ballproof.models.weights import freeze, stored

Part = dict[str, Any]
Arrays = dict[str, NDArray[np.float64]]

SIZES = {"v": 3, "n": 3, "d": 6, "heads": 2, "h": 3, "m": 5, "o": 4}


def parts_of(
    layers: int = 2,
    *,
    mask: str = "causal",
    norm: tuple[str, str] | None = None,
    activation: str | None = "relu",
    gated: bool = False,
    softmax: str | None = None,
    normalised: bool = False,
    position: str | int = "last",
    readout: int = 1,
    positions: bool = True,
    heads: int = SIZES["heads"],
) -> list[Part]:
    """Return the parts of a model of like layers, norms (kind, eps) everywhere or nowhere."""
    attention: Part = {"part": "attention", "heads": heads, "mask": mask, "scale": "1/sqrt(d_head)"}
    if softmax is not None:
        attention |= {"softmax": softmax, "normalised": normalised}
    norms = [] if norm is None else [{"part": "norm", "kind": norm[0], "eps": norm[1]}]
    mlp: list[Part] = []
    if activation is not None:
        mlp = [
            *norms,
            {"part": "mlp", "activation": activation} | ({"gated": True} if gated else {}),
        ]
    last: Part = {"part": "readout", "position": position}
    return [
        {"part": "embed"},
        *([{"part": "positions"}] if positions else []),
        *[part for _ in range(layers) for part in (*norms, attention, *mlp)],
        *norms,
        last | ({"layers": readout} if readout > 1 else {}),
    ]


def arrays_for(
    parts: Sequence[Part], rng: np.random.Generator, size: float = 1.0, **sizes: int
) -> Arrays:
    """Return random tensors for these parts; `size` multiplies them all."""
    s = SIZES | sizes
    v, n, d, heads, h, m, o = (s[key] for key in ("v", "n", "d", "heads", "h", "m", "o"))
    shapes: dict[str, tuple[int, ...]] = {"embed.W_E": (v, d)}
    if any(part["part"] == "positions" for part in parts):
        shapes["pos_embed.W_pos"] = (n, d)
    kinds = [part["part"] for part in parts]
    layer = -1
    for number, part in enumerate(parts):
        if part["part"] == "norm":
            following = kinds[number + 1]
            stem = {"attention": f"blocks.{layer + 1}.ln1", "mlp": f"blocks.{layer}.ln2"}
            name = stem.get(following, "ln_final")
            shapes[f"{name}.w"] = (d,)
            if part["kind"] == "layer":
                shapes[f"{name}.b"] = (d,)
        elif part["part"] == "attention":
            layer += 1
            stem_ = f"blocks.{layer}.attn"
            shapes |= {f"{stem_}.W_{x}": (heads, d, h) for x in "QKV"}
            shapes |= {f"{stem_}.b_{x}": (heads, h) for x in "QKV"}
            shapes |= {f"{stem_}.W_O": (heads, h, d), f"{stem_}.b_O": (d,)}
        elif part["part"] == "mlp":
            stem_ = f"blocks.{layer}.mlp"
            shapes |= {f"{stem_}.W_in": (d, m), f"{stem_}.b_in": (m,)}
            if part.get("gated"):
                shapes[f"{stem_}.W_gate"] = (d, m)
            shapes |= {f"{stem_}.W_out": (m, d), f"{stem_}.b_out": (d,)}
    width = d
    for number in range(1, parts[-1].get("layers", 1)):
        shapes |= {f"readout.W_hidden.{number}": (width, m), f"readout.b_hidden.{number}": (m,)}
        width = m
    shapes |= {"unembed.W_U": (width, o), "unembed.b_U": (o,)}
    # As in float32, so that every number is one of a file.
    return {
        name: (size * rng.normal(size=shape)).astype(np.float32).astype(np.float64)
        for name, shape in shapes.items()
    }


def weights_of(parts: Sequence[Part], arrays: Mapping[str, NDArray[np.float64]]) -> Weights:
    """Return the frozen model."""
    text = json.dumps(list(parts), separators=(",", ":"))
    named = {name: Tensor.from_array(name, array) for name, array in arrays.items()}
    n_ctx = None if "pos_embed.W_pos" in arrays else SIZES["n"]
    frozen = freeze(named, "random", Stated(text, n_ctx))
    return stored(frozen, named, None, None)
