"""Small random deep transformers, and their logits in float64 by the definition of their parts.

The evaluation reads the parts as a certificate states them; it shares no code with what it serves
to test.
"""

from __future__ import annotations

import json
from fractions import Fraction
from math import erf, pi, sqrt
from typing import Any

import numpy as np

ERF = np.vectorize(erf)
ACTS = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: x * (1 + ERF(x / sqrt(2))) / 2,
    "gelu-tanh": lambda x: x / 2 * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x / (1 + np.exp(-x)),
}
SIZES = {"v": 5, "n": 4, "d": 6, "heads": 2, "h": 3, "m": 7, "out": 4}


def norm(kind: str = "layer", eps: str = "1/100000") -> dict[str, Any]:
    return {"part": "norm", "kind": kind, "eps": eps}


def attention(heads: int = 2, mask: str = "causal", **share: Any) -> dict[str, Any]:
    part = {"part": "attention", "heads": heads, "mask": mask, "scale": "1/sqrt(d_head)"}
    return part | share


def mlp(activation: str = "relu", gated: bool = False) -> dict[str, Any]:
    part = {"part": "mlp", "activation": activation}
    return part | {"gated": True} if gated else part


def readout(position: str | int = "last", layers: int = 1) -> dict[str, Any]:
    part = {"part": "readout", "position": position}
    return part | {"layers": layers} if layers > 1 else part


def deep(*inner: dict[str, Any], positions: bool = True, read: dict | None = None) -> list:
    """Return the parts with embedding, positions and readout around these."""
    first = [{"part": "embed"}, *([{"part": "positions"}] if positions else [])]
    return [*first, *inner, read or readout()]


def text(parts: list) -> str:
    return json.dumps(parts, separators=(",", ":"))


def norms(parts: list) -> list[tuple[str, dict[str, Any]]]:
    """Return the norms with the names of their tensors, `ln_final` and so on."""
    found, layer = [], -1
    for i, part in enumerate(parts):
        layer += part["part"] == "attention"
        if part["part"] != "norm":
            continue
        after = parts[i + 1]["part"]
        name = {"attention": f"blocks.{layer + 1}.ln1", "mlp": f"blocks.{layer}.ln2"}
        found.append((name.get(after, "ln_final"), part))
    return found


def shapes(parts: list, weighed: bool = True, biases: bool = True, **sizes: int) -> dict:
    """Return the shapes of the tensors of a model of these parts; hidden readouts have 5 wide."""
    s = SIZES | sizes
    d, heads, h, m = s["d"], s["heads"], s["h"], s["m"]
    found = {"embed.W_E": (s["v"], d)}
    if parts[1]["part"] == "positions":
        found["pos_embed.W_pos"] = (s["n"], d)
    layer = -1
    for part in parts:
        if part["part"] == "attention":
            layer += 1
            found |= {f"blocks.{layer}.attn.W_{x}": (heads, d, h) for x in "QKV"}
            found |= {f"blocks.{layer}.attn.W_O": (heads, h, d)}
            found |= {f"blocks.{layer}.attn.b_{x}": (heads, h) for x in "QKV"}
            found |= {f"blocks.{layer}.attn.b_O": (d,)}
        if part["part"] == "mlp":
            at = f"blocks.{layer}.mlp."
            found |= {f"{at}W_in": (d, m), f"{at}W_out": (m, d)}
            found |= {f"{at}b_in": (m,), f"{at}b_out": (d,)}
            found |= {f"{at}W_gate": (d, m)} if part.get("gated") else {}
    for name, part in norms(parts) if weighed else []:
        found |= {f"{name}.w": (d,)}
        found |= {f"{name}.b": (d,)} if part["kind"] == "layer" else {}
    width = d
    for number in range(1, parts[-1].get("layers", 1)):
        found |= {f"readout.W_hidden.{number}": (width, 5), f"readout.b_hidden.{number}": (5,)}
        width = 5
    found |= {"unembed.W_U": (width, s["out"]), "unembed.b_U": (s["out"],)}
    optional = () if biases else (".b_", ".ln1.b", ".ln2.b", "ln_final.b")
    return {name: dims for name, dims in found.items() if not any(o in name for o in optional)}


def drawn(parts: list, seed: int, scale: float = 0.7, **options: Any) -> dict[str, np.ndarray]:
    """Return random tensors in float32 of a model of these parts."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(0, scale, dims).astype(np.float32)
        for name, dims in shapes(parts, **options).items()
    }


def logits(parts: list, tensors: dict[str, np.ndarray], tokens: np.ndarray) -> np.ndarray:
    """Return the logits (N, o) of sequences (N, k) in float64."""
    w = {name: np.asarray(x, dtype=np.float64) for name, x in tensors.items()}
    named = iter(norms(parts))
    x = w["embed.W_E"][tokens]
    layer = -1
    y = x
    for part in parts:
        kind = part["part"]
        if kind == "positions":
            x = y = x + w["pos_embed.W_pos"]
        elif kind == "norm":
            y = _normed(x, *next(named), w)
        elif kind == "attention":
            layer += 1
            x = y = x + _attended(y, part, f"blocks.{layer}.attn.", w)
        elif kind == "mlp":
            x = y = x + _mlp(y, part, f"blocks.{layer}.mlp.", w)
    position = parts[-1]["position"]
    if position in ("sum", "mean"):
        y = y.sum(1) if position == "sum" else y.mean(1)
    else:
        y = y[:, -1 if position == "last" else position]
    for number in range(1, parts[-1].get("layers", 1)):
        y = y @ w[f"readout.W_hidden.{number}"] + w.get(f"readout.b_hidden.{number}", 0)
        y = np.maximum(y, 0)
    return y @ w["unembed.W_U"] + w.get("unembed.b_U", 0)


def _normed(x: np.ndarray, name: str, part: dict, w: dict) -> np.ndarray:
    if part["kind"] == "layer":
        x = x - x.mean(-1, keepdims=True)
    root = np.sqrt((x**2).mean(-1, keepdims=True) + float(Fraction(part["eps"])))
    return x / root * w.get(f"{name}.w", 1) + w.get(f"{name}.b", 0)


def _attended(x: np.ndarray, part: dict, at: str, w: dict) -> np.ndarray:
    def each(letter: str) -> np.ndarray:
        bias = w.get(f"{at}b_{letter}")
        made = np.einsum("nkd,adh->nakh", x, w[f"{at}W_{letter}"])
        return made if bias is None else made + bias[:, None]

    k = x.shape[1]
    seen = np.tril(np.ones((k, k))) if part["mask"] == "causal" else np.ones((k, k))
    scores = np.einsum("naih,najh->naij", each("Q"), each("K")) / sqrt(w[f"{at}W_Q"].shape[2])
    scores = np.where(seen, scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    share = float(Fraction(part.get("softmax", "1")))
    count = seen.sum(-1)[:, None] if part.get("normalised") else 1
    weights = share * weights + (1 - share) / count * seen
    mixed = np.einsum("naij,najh->naih", weights, each("V"))
    return np.einsum("naih,ahd->nid", mixed, w[f"{at}W_O"]) + w.get(f"{at}b_O", 0)


def _mlp(x: np.ndarray, part: dict, at: str, w: dict) -> np.ndarray:
    act = ACTS[part["activation"]]
    inner = x @ w[f"{at}W_in"] + w.get(f"{at}b_in", 0)
    inner = act(x @ w[f"{at}W_gate"]) * inner if part.get("gated") else act(inner)
    return inner @ w[f"{at}W_out"] + w.get(f"{at}b_out", 0)
