"""Small random models of several layers by their definition, in balls of 400 bits.

It shares no code with what it serves to test.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq

from support.networks import BITS, PLAIN, Network, _drawing

ball = np.frompyfunc(lambda x: arb(fmpq(*float(x).as_integer_ratio())), 1, 1)


def rational(text: str | Fraction) -> arb:
    value = Fraction(text)
    return arb(fmpq(value.numerator, value.denominator))


@dataclass(frozen=True, eq=False)
class Layered(Network):
    """Layers in sequence."""

    @property
    def rational(self) -> bool:
        return False

    def logits(self, tokens: tuple[int, ...]) -> list[Any]:
        with ctx.workprec(BITS):
            return list(_logits(self, tokens))

    def changed(self, scale: float = 1.0, **tensors: Any) -> Layered:
        made = {k: (v * scale).astype(v.dtype) for k, v in self.tensors.items()}
        return replace(self, tensors=made | tensors)


def _logits(network: Layered, tokens: tuple[int, ...]) -> Any:
    w = {name: ball(x) for name, x in network.tensors.items()}
    parts, n = list(network.parts[1:]), len(tokens)
    x = [w["embed.W_E"][t] for t in tokens]
    if parts[0]["part"] == "positions":
        x = [r + p for r, p in zip(x, w["pos_embed.W_pos"], strict=True)]
        parts.pop(0)
    layer, norm = -1, None
    for part in parts[:-1]:
        read = x
        if norm is not None:
            last = part["part"] == "attention"
            place = f"blocks.{layer + last}.ln{2 - last}"
            read = [_norm(r, norm, w, place) for r in x]
        norm = None
        if part["part"] == "attention":
            layer += 1
            x = [r + y for r, y in zip(x, _attention(part, read, w, layer), strict=True)]
        elif part["part"] == "mlp":
            x = [r + _mlp(part, y, w, layer) for r, y in zip(x, read, strict=True)]
        else:
            norm = part
    if norm is not None:
        x = [_norm(r, norm, w, "ln_final") for r in x]
    readout = parts[-1]
    position = readout["position"]
    if position in ("sum", "mean"):
        h = sum(x[1:], x[0]) / (n if position == "mean" else 1)
    else:
        h = x[n - 1 if position == "last" else position]
    for j in range(1, readout.get("layers", 1)):
        h = _plus(h @ w[f"readout.W_hidden.{j}"], w, f"readout.b_hidden.{j}")
        h = np.array([y.max(arb(0)) for y in h], object)
    return _plus(h @ w["unembed.W_U"], w, "unembed.b_U")


def _plus(x: Any, w: dict[str, Any], name: str) -> Any:
    return x + w[name] if name in w else x


def _norm(x: Any, part: dict[str, str], w: dict[str, Any], place: str) -> Any:
    d = len(x)
    c = x - sum(x[1:], x[0]) / d if part["kind"] == "layer" else x
    squares = c * c
    s = (sum(squares[1:], squares[0]) / d + rational(part["eps"])).sqrt()
    y = c / s
    y = y * w[place + ".w"] if place + ".w" in w else y
    return _plus(y, w, place + ".b")


def _attention(part: dict[str, Any], x: list[Any], w: dict[str, Any], layer: int) -> list[Any]:
    share, normalised = rational(part.get("softmax", "1")), part.get("normalised", False)
    n, place, found = len(x), f"blocks.{layer}.attn.", []
    for i in range(n):
        seen = range(i + 1 if part["mask"] == "causal" else n)
        total = w.get(place + "b_O", 0 * x[i])
        for h in range(part["heads"]):
            q, k, v = (
                [_row(y, w, place, c, h) for y in ([x[i]] if c == "Q" else [x[j] for j in seen])]
                for c in "QKV"
            )
            scores = [(q[0] @ key) / arb(len(key)).sqrt() for key in k]
            powers = [(s - scores[0]).exp() for s in scores]
            whole = sum(powers[1:], powers[0])
            rest = (1 - share) / (len(k) if normalised else 1)
            weights = [share * p / whole + rest for p in powers]
            mixed = sum((a * y for a, y in zip(weights, v, strict=True)), 0 * v[0])
            total = total + mixed @ w[place + "W_O"][h]
        found.append(total)
    return found


def _row(x: Any, w: dict[str, Any], place: str, c: str, h: int) -> Any:
    y = x @ w[f"{place}W_{c}"][h]
    return y + w[f"{place}b_{c}"][h] if f"{place}b_{c}" in w else y


def act(name: str, x: arb) -> arb:
    if name == "relu":
        return x.max(arb(0))
    if name == "gelu":
        return x / 2 * (1 + (x / arb(2).sqrt()).erf())
    if name == "silu":
        return x / (1 + (-x).exp())
    inner = (2 / arb.pi()).sqrt() * (x + arb(8943) / 200000 * x * x * x)
    return x / 2 * (1 + inner.tanh())


def _mlp(part: dict[str, Any], x: Any, w: dict[str, Any], layer: int) -> Any:
    place = f"blocks.{layer}.mlp."
    inner = _plus(x @ w[place + "W_in"], w, place + "b_in")
    gate = x @ w[place + "W_gate"] if part.get("gated") else inner
    made = np.array([act(part["activation"], y) for y in gate], object)
    made = made * inner if part.get("gated") else made
    return _plus(made @ w[place + "W_out"], w, place + "b_out")


def layered(
    seed: int,
    layers: int = 2,
    d: int = 4,
    heads: int = 2,
    d_head: int = 3,
    m: int = 5,
    v: int = 3,
    n: int = 3,
    outputs: int = 3,
    activation: str | None = "relu",
    gated: bool = False,
    norm: str | None = None,
    eps: str = "1/100000",
    final: bool = True,
    inside: bool = True,
    weighted: bool = True,
    mask: str = "causal",
    share: str | None = None,
    normalised: bool = False,
    position: str | int = "last",
    readouts: int = 1,
    positions: bool = True,
    biases: bool = True,
    scale: float = 0.7,
    integers: bool = False,
) -> Layered:
    """Return a random network of these parts; norms before attention and MLP if `inside`."""
    draw = _drawing(seed, scale, integers)
    t = {"embed.W_E": draw(v, d)}
    parts: list[dict[str, Any]] = [{"part": "embed"}]
    if positions:
        parts.append({"part": "positions"})
        t["pos_embed.W_pos"] = draw(n, d)
    attention = {"part": "attention", "heads": heads, **PLAIN, "mask": mask}
    if share is not None:
        attention |= {"softmax": share, "normalised": normalised}

    def normed(place: str) -> None:
        parts.append({"part": "norm", "kind": norm, "eps": eps})
        if weighted:
            t[place + ".w"] = (1 + draw(d) / 2).astype(np.float32)
            if norm == "layer":
                t[place + ".b"] = draw(d)

    for layer in range(layers):
        place = f"blocks.{layer}."
        if norm and inside:
            normed(place + "ln1")
        parts.append(dict(attention))
        for c in "QKV":
            t[f"{place}attn.W_{c}"] = draw(heads, d, d_head)
            if biases:
                t[f"{place}attn.b_{c}"] = draw(heads, d_head)
        t[place + "attn.W_O"] = draw(heads, d_head, d)
        if biases:
            t[place + "attn.b_O"] = draw(d)
        if activation:
            if norm and inside:
                normed(place + "ln2")
            parts.append({"part": "mlp", "activation": activation})
            t[place + "mlp.W_in"], t[place + "mlp.W_out"] = draw(d, m), draw(m, d)
            if gated:
                parts[-1]["gated"] = True
                t[place + "mlp.W_gate"] = draw(d, m)
            if biases:
                t[place + "mlp.b_in"], t[place + "mlp.b_out"] = draw(m), draw(d)
    if norm and final:
        normed("ln_final")
    width = d
    readout: dict[str, Any] = {"part": "readout", "position": position}
    for j in range(1, readouts):
        readout["layers"] = readouts
        t[f"readout.W_hidden.{j}"], t[f"readout.b_hidden.{j}"] = draw(width, 4 + j), draw(4 + j)
        width = 4 + j
    t["unembed.W_U"], t["unembed.b_U"] = draw(width, outputs), draw(outputs)
    parts.append(readout)
    sizes = {"d_vocab": v, "n_ctx": n, "d_model": d, "n_layers": layers, "n_heads": heads}
    sizes |= {"d_head": d_head, "d_mlp": m if activation else 0, "d_vocab_out": outputs}
    return Layered(t, parts, sizes)
