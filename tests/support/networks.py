"""Small random models of one layer with heads and an MLP, and two-token networks, by definition.

The evaluation is literal, in balls of many bits or in exact fractions; it shares no code with what
it serves to test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from safetensors.numpy import save

from support.certify import digest

BITS = 400
PLAIN = {"mask": "causal", "scale": "1/sqrt(d_head)"}
exact = np.frompyfunc(lambda x: Fraction(float(x)), 1, 1)
ball = np.frompyfunc(lambda x: arb(fmpq(x.numerator, x.denominator)), 1, 1)


@dataclass(frozen=True, eq=False)
class Network:
    """Tensors by their names in the file, and what a claim states of them."""

    tensors: dict[str, np.ndarray]
    parts: list[dict[str, Any]]
    sizes: dict[str, int]
    metadata: dict[str, str] = field(default_factory=dict)

    def bytes(self) -> bytes:
        return save(self.tensors, self.metadata or None)

    @property
    def rational(self) -> bool:
        """Whether no exponential occurs."""
        attention = [part for part in self.parts if part["part"] == "attention"]
        return not attention or attention[0].get("softmax") == "0"

    def logits(self, tokens: tuple[int, ...]) -> list[Any]:
        """Return the logits as fractions where these exist, else as balls."""
        if self.parts[0]["part"] == "pair":
            return list(_pair(self, tokens))
        with ctx.workprec(BITS):
            return list(_one_layer(self, tokens))

    def lead(self, tokens: tuple[int, ...], label: int, answers: range) -> Any:
        logits = self.logits(tokens)
        with ctx.workprec(BITS):
            leads = [logits[label] - logits[j] for j in answers if j != label]
            return _least(leads) if leads else None


def _least(leads: list[Any]) -> Any:
    if isinstance(leads[0], Fraction):
        return min(leads)
    least = leads[0]
    for lead in leads[1:]:
        least = least.min(lead)
    return least


def _one_layer(network: Network, tokens: tuple[int, ...]) -> Any:
    w = {name.split(".")[-1]: exact(x) for name, x in network.tensors.items()}
    attention = next(part for part in network.parts if part["part"] == "attention")
    to = (lambda x: x) if network.rational else ball
    k = len(tokens)
    residuals = [w["W_E"][t] + (w["W_pos"][i] if "W_pos" in w else 0) for i, t in enumerate(tokens)]
    share = Fraction(attention.get("softmax", "1"))
    rest = (1 - share) / (k if attention.get("normalised") else 1)
    middle = to(residuals[-1] + w.get("b_O", 0 * residuals[-1]))
    for h in range(attention["heads"]):
        values = [r @ w["W_V"][h] + _bias(w, "b_V", h) for r in residuals]
        weights = [rest] * k
        if share:
            query = residuals[-1] @ w["W_Q"][h] + _bias(w, "b_Q", h)
            scores = [query @ (r @ w["W_K"][h] + _bias(w, "b_K", h)) for r in residuals]
            weights = [to(share) * x + to(rest) for x in _softmax(scores, len(query))]
        for weight, value in zip(weights, values, strict=True):
            middle = middle + weight * to(value @ w["W_O"][h])
    if "W_in" in w:
        inner = middle @ to(w["W_in"]) + to(w.get("b_in", 0 * w["W_in"][0]))
        active = np.array([_relu(x) for x in inner], dtype=object)
        middle = middle + active @ to(w["W_out"]) + to(w.get("b_out", 0 * w["W_out"][0]))
    return middle @ to(w["W_U"]) + to(w.get("b_U", 0 * w["W_U"][0]))


def _bias(w: dict[str, Any], name: str, head: int) -> Any:
    return w[name][head] if name in w else 0


def _softmax(scores: list[Fraction], d_head: int) -> list[arb]:
    top = max(scores)
    root = arb(d_head).sqrt()
    powers = [(arb(fmpq((s - top).numerator, (s - top).denominator)) / root).exp() for s in scores]
    total = sum(powers[1:], powers[0])
    return [x / total for x in powers]


def _relu(x: Any) -> Any:
    return max(x, Fraction(0)) if isinstance(x, Fraction) else x.max(arb(0))


def _pair(network: Network, tokens: tuple[int, ...]) -> Any:
    w = {name: exact(x) for name, x in network.tensors.items()}
    first, second = (w.get(name, w.get("W_E")) for name in ("W_a", "W_b"))
    inputs = network.parts[0]["inputs"]
    a, b = first[tokens[0]], second[tokens[1]]
    inner = a + b
    if inputs != "added":
        inner = (np.concatenate([a, b]) if inputs == "concatenated" else inner) @ w["W_in"]
    inner = inner + w.get("b_in", 0 * inner)
    for layer in range(1, network.parts[1]["layers"]):
        inner = np.array([max(x, Fraction(0)) for x in inner], dtype=object)
        inner = inner @ w[f"W_hidden.{layer}"]
        inner = inner + w.get(f"b_hidden.{layer}", 0 * inner)
    active = np.array([max(x, Fraction(0)) for x in inner], dtype=object)
    out = active @ w["W_out"]
    return out + w.get("b_out", 0 * out)


def _drawing(seed: int, scale: float, integers: bool) -> Callable[..., np.ndarray]:
    """Return what draws the tensors of a model, by their shapes."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        drawn = rng.integers(-1, 2, shape) if integers else rng.normal(size=shape)
        return (scale * drawn).astype(np.float32)

    return draw


def one_layer(
    seed: int,
    *,
    v: int = 3,
    k: int = 2,
    d: int = 3,
    heads: int = 2,
    h: int = 2,
    m: int = 3,
    outputs: int = 3,
    positions: bool = True,
    biases: bool = True,
    mask: str = "causal",
    share: str | None = None,
    normalised: bool = False,
    scale: float = 1.0,
    integers: bool = False,
) -> Network:
    """Return a random model; `integers` makes ties likely, `scale` multiplies every weight."""
    draw = _drawing(seed, scale, integers)
    attention, mlp = "blocks.0.attn.", "blocks.0.mlp."
    tensors = {"embed.W_E": draw(v, d), "unembed.W_U": draw(d, outputs)}
    tensors |= {attention + f"W_{x}": draw(heads, d, h) for x in "QKV"}
    tensors |= {attention + "W_O": draw(heads, h, d)}
    if positions:
        tensors["pos_embed.W_pos"] = draw(k, d)
    if m:
        tensors |= {mlp + "W_in": draw(d, m), mlp + "W_out": draw(m, d)}
    if biases:
        tensors |= {attention + f"b_{x}": draw(heads, h) for x in "QKV"}
        tensors |= {attention + "b_O": draw(d), "unembed.b_U": draw(outputs)}
        tensors |= {mlp + "b_in": draw(m), mlp + "b_out": draw(d)} if m else {}
    attention_part = {"part": "attention", "heads": heads, **PLAIN, "mask": mask}
    if share is not None:
        attention_part |= {"softmax": share, "normalised": normalised}
    parts = [{"part": "embed"}, *[{"part": "positions"}] * positions, attention_part]
    parts += [{"part": "mlp", "activation": "relu"}] * bool(m)
    parts += [{"part": "readout", "position": "last"}]
    sizes = {"d_vocab": v, "n_ctx": k, "d_model": d, "n_heads": heads, "d_head": h, "d_mlp": m}
    if heads == 1 and positions and mask == "causal" and share is None and not m:
        # The architecture of one head, which states neither.
        sizes = {x: size for x, size in sizes.items() if x not in ("n_heads", "d_mlp")}
    return Network(tensors, parts, sizes | {"d_vocab_out": outputs})


def pair(
    seed: int,
    *,
    v: int = 4,
    d: int = 3,
    m: int = 3,
    outputs: int = 4,
    inputs: str = "added",
    layers: int = 1,
    shared: bool = False,
    biases: bool = True,
    scale: float = 1.0,
    integers: bool = False,
) -> Network:
    """Return a random two-token network."""
    draw = _drawing(seed, scale, integers)
    d = m if inputs == "added" else d
    tensors = {"W_E": draw(v, d)} if shared else {"W_a": draw(v, d), "W_b": draw(v, d)}
    if inputs != "added":
        tensors["W_in"] = draw(2 * d if inputs == "concatenated" else d, m)
    tensors |= {f"W_hidden.{i}": draw(m, m) for i in range(1, layers)}
    tensors["W_out"] = draw(m, outputs)
    if biases:
        tensors |= {"b_in": draw(m), "b_out": draw(outputs)}
        tensors |= {f"b_hidden.{i}": draw(m) for i in range(1, layers)}
    parts = [{"part": "pair", "inputs": inputs}, {"part": "mlp", "activation": "relu"}]
    parts[1]["layers"] = layers
    sizes = {"d_vocab": v, "n_ctx": 2, "d_model": d, "d_mlp": m, "d_vocab_out": outputs}
    return Network(tensors, [*parts, {"part": "readout"}], sizes)


def models(
    neurons: SearchStrategy[int], outputs: SearchStrategy[int], scales: list[float]
) -> SearchStrategy[Network]:
    """Draw models of one layer, of every combination of parts."""
    return st.builds(
        one_layer,
        st.integers(0, 2**20),
        v=st.integers(1, 3),
        k=st.integers(1, 3),
        heads=st.integers(1, 3),
        m=neurons,
        outputs=outputs,
        positions=st.booleans(),
        biases=st.booleans(),
        mask=st.sampled_from(["causal", "none"]),
        share=st.sampled_from([None, "0", "1/2", "3/2"]),
        normalised=st.booleans(),
        scale=st.sampled_from(scales),
        integers=st.booleans(),
    )


def pairs(neurons: SearchStrategy[int], layers: SearchStrategy[int]) -> SearchStrategy[Network]:
    """Draw two-token networks with such layers."""
    return st.builds(
        pair,
        st.integers(0, 2**20),
        v=st.integers(1, 4),
        m=neurons,
        outputs=st.integers(1, 4),
        inputs=st.sampled_from(["added", "sum", "concatenated"]),
        layers=layers,
        shared=st.booleans(),
        biases=st.booleans(),
        scale=st.sampled_from([1e-12, 1.0, 1e6]),
        integers=st.booleans(),
    )


def inputs_of(task: dict[str, Any]) -> Iterator[tuple[int, ...]]:
    yield from product(*(range(*span) for span in task["positions"]))


def right_and_open(
    network: Network,
    task: dict[str, Any],
    label_of: Callable[[dict[str, Any], list[int]], int],
    margin: Fraction = Fraction(0),
) -> tuple[int, int]:
    """Return how many inputs are right, at least and at most: balls do not tell exact ties."""
    right = ties = 0
    answers = range(*task["answers"])
    for tokens in inputs_of(task):
        label = label_of(task, [tokens[i] for i in task["reads"]])
        if label in answers:
            found = exceeds(network.lead(tokens, label, answers), margin)
            right, ties = right + (found is True), ties + (found is None)
    return right, right + ties


def exceeds(lead: Any, margin: Fraction) -> bool | None:
    """Say whether a lead is above the margin; no rival leads, and a ball may not tell."""
    if lead is None or isinstance(lead, Fraction):
        return lead is None or lead > margin
    with ctx.workprec(BITS):
        least = arb(margin.numerator) / margin.denominator
        return True if lead > least else False if lead < least else None


def claim_of(
    network: Network,
    task: dict[str, Any],
    counts: tuple[int, int],
    *,
    passes: int = 1,
    precision: int = 64,
    margin: str = "0",
    operations: int = 10**10,
    strategy: str = "enumerate",
    witness: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a certificate that claims these counts, by `enumerate` unless said otherwise."""
    total = np.prod([past - first for first, past in task["positions"]], dtype=object)
    sha256 = digest(network.bytes())
    low, high = counts
    return {
        "format": "ballproof-certificate/2",
        "claim": {
            "model": {"sha256": sha256, "parts": network.parts, "sizes": network.sizes},
            "task": task,
            "semantics": "real",
            "margin": margin,
            "total": str(total),
            "correct_at_least": str(low),
            "correct_at_most": str(high),
        },
        "proof": {
            "tally": 1,
            "strategy": strategy,
            "precision": precision,
            "operations": str(operations),
            "witness": {"passes": passes} if witness is None else witness,
        },
    }
