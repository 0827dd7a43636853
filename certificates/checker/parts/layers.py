"""Layers in sequence: attention, MLPs and norms in any number, read at a position or over all.

Settings and layout of the tensors; `parts.layers_function` is the function (docs/theorems.md, T16).
"""

from fractions import Fraction
from itertools import groupby
from math import prod
from typing import Any, NamedTuple

from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from files.strictjson import rational
from files.tensors import MAX_LAYERS, Tensor, buffers
from files.verdict import Declined, decline_unless
from parts.architecture import Parts, require_settings
from parts.heads import Heads, heads_of, words_of
from parts.layout import Layout, axes_of, matrices_of, require_small
from parts.masks import require_causal

ACTIVATIONS = ("relu", "gelu", "gelu-tanh", "silu")
NORMS = ("layer", "rms")
# Numbers of all tensors; and of the keys and values of all prefixes of an input.
MAX_WEIGHTS, MAX_MEMORY = 2**23, 2**24


class Norm(NamedTuple):
    """A norm: `layer` subtracts the mean, `rms` does not; eps stands under the root."""

    kind: str
    eps: Fraction


class Mlp(NamedTuple):
    """An MLP, its activation, and whether that is a gate of other neurons."""

    activation: str
    gated: bool


class Block(NamedTuple):
    """A layer: attention and an MLP, each with a norm before it, where there is one."""

    norm: Norm | None
    mlp_norm: Norm | None
    mlp: Mlp | None


class Settings(NamedTuple):
    """What the tensors do not show. `position` is `last`, `sum`, `mean` or an index."""

    positions: bool
    heads: Heads
    blocks: tuple[Block, ...]
    norm: Norm | None
    position: str | int
    readouts: int


class Shape(NamedTuple):
    """Sizes of layers; where none has an MLP d_mlp is 0."""

    d_vocab: int
    n_ctx: int
    d_model: int
    n_layers: int
    n_heads: int
    d_head: int
    d_mlp: int
    d_vocab_out: int


class Model(NamedTuple):
    """Weights as exact matrices by short name, a layer's with its number behind a dot."""

    shape: Shape
    settings: Settings
    weights: dict[str, Matrix]


def settings_of(parts: Parts) -> tuple[Settings, list[list[str]]]:
    """Return the settings that the parts of a claim state and each layer's words, or decline."""
    fits = all(isinstance(part, dict) and isinstance(part.get("part"), str) for part in parts)
    decline_unless(fits, "unsupported", "claim.model.parts: no model of what is no list of parts.")
    names = [str(part["part"]) for part in parts]
    served: list[dict[str, Any]] = []
    blocks: list[Block] = []
    words: list[list[str]] = []
    at, heads, norm = 1 + (names[1:2] == ["positions"]), None, None
    served = [{"part": name} for name in ("embed", "positions")[:at]]
    while True:
        norm, at, said = _norm(parts, names, at, served)
        if names[at : at + 1] != ["attention"]:
            break
        found, expected = heads_of(parts[at])
        served.append(expected)
        same = heads in (None, found)
        decline_unless(same, "unsupported", "claim.model.parts: layers differ in attention.")
        # Under a causal mask a position sees those up to it.
        among = "seen" if found.mask == "causal" else "n_ctx"
        heads, said = found, [*said, words_of(found, among)]
        _, after, more = _norm(parts, names, at + 1, [])
        inner, mlp, at = None, None, at + 1
        if names[after : after + 1] == ["mlp"]:
            inner, at, more = _norm(parts, names, at, served)
            mlp, expected = _mlp(parts[at])
            served.append(expected)
            said += [*more, f"mlp({mlp.activation}{',gated' * mlp.gated})"]
            at += 1
        blocks.append(Block(norm, inner, mlp))
        words.append(said)
    known = names[at:] == ["readout"] and heads is not None and len(blocks) <= MAX_LAYERS
    if not known or heads is None:
        raise Declined("unsupported", f"claim.model.parts: no model of {','.join(names)[:200]!a}.")
    position, count, expected = _readout(parts[at])
    require_settings(parts, [*served, expected])
    settings = Settings("positions" in names, heads, tuple(blocks), norm, position, count)
    return settings, [*words, said]


def _norm(
    parts: Parts, names: list[str], at: int, served: list[dict[str, Any]]
) -> tuple[Norm | None, int, list[str]]:
    """Return the norm that stands at a place, if any, the place after it, and its words."""
    if names[at : at + 1] != ["norm"]:
        return None, at, []
    kind, text = parts[at].get("kind"), parts[at].get("eps")
    known = kind if kind in NORMS else " or ".join(NORMS)
    eps = Fraction(*rational(text, "claim.model.parts: eps"))
    decline_unless(eps >= 0, "unsupported", "claim.model.parts: eps is below 0.")
    served.append({"part": "norm", "kind": known, "eps": text})
    return Norm(str(kind), eps), at + 1, [f"norm({kind},{text})"]


def _mlp(part: dict[str, Any]) -> tuple[Mlp, dict[str, Any]]:
    """Return what a part states of an MLP, and the settings that are served for it."""
    name, gated = part.get("activation"), "gated" in part
    known = name if name in ACTIVATIONS else " or ".join(ACTIVATIONS)
    served = {"part": "mlp", "activation": known} | ({"gated": True} if gated else {})
    return Mlp(str(name), gated), served


def _readout(part: dict[str, Any]) -> tuple[str | int, int, dict[str, Any]]:
    """Return where a readout reads, its number of layers, and the settings that are served."""
    position, count, several = part.get("position"), part.get("layers", 1), "layers" in part
    fits = position in ("last", "sum", "mean") or (type(position) is int and position >= 0)
    served = {"part": "readout", "position": position if fits else "last, sum, mean or a position"}
    if several:
        good = type(count) is int and 2 <= count <= MAX_LAYERS
        served["layers"] = count if good else f"2 to {MAX_LAYERS}"
    place = position if isinstance(position, str | int) else "last"
    return place, count if type(count) is int else 1, served


def words(parts: Parts) -> str:
    """Return the parts with their settings, as the verdict prints them, or decline them."""
    settings, (*layers, final) = settings_of(parts)
    named = ["embed", *["positions"] * settings.positions]
    runs = [(",".join(key), len(list(same))) for key, same in groupby(layers)]
    alike = len(runs) == 1 and runs[0][1] > 1
    named += [f"{len(layers)}*({runs[0][0]})"] if alike else [",".join(x) for x in layers]
    layered = f",{settings.readouts}-layers" if settings.readouts > 1 else ""
    return ",".join([*named, *final, f"readout({settings.position}{layered})"])


def _layout(settings: Settings, tensors: dict[str, Tensor]) -> Layout:
    """Return short name, key and axes of the tensors; norms have the weights that are there."""
    layout: dict[str, tuple[str, tuple[str, ...]]]
    layout = {"W_E": ("embed.W_E", ("d_vocab", "d_model"))}
    if settings.positions:
        layout["W_pos"] = ("pos_embed.W_pos", ("n_ctx", "d_model"))
    norms = [("ln_final", "final", settings.norm)]
    for number, block in enumerate(settings.blocks):
        attention, mlp = f"blocks.{number}.attn.", f"blocks.{number}.mlp."
        for x in "QKV":
            layout[f"W_{x}.{number}"] = (f"{attention}W_{x}", ("n_heads", "d_model", "d_head"))
            layout[f"b_{x}.{number}"] = (f"{attention}b_{x}", ("n_heads", "d_head"))
        layout[f"W_O.{number}"] = (f"{attention}W_O", ("n_heads", "d_head", "d_model"))
        layout[f"b_O.{number}"] = (f"{attention}b_O", ("d_model",))
        norms.append((f"blocks.{number}.ln1", f"1.{number}", block.norm))
        norms.append((f"blocks.{number}.ln2", f"2.{number}", block.mlp_norm))
        if block.mlp:
            for x in ("in", "gate")[: 1 + block.mlp.gated]:
                layout[f"W_{x}.{number}"] = (f"{mlp}W_{x}", ("d_model", "d_mlp"))
            layout[f"b_in.{number}"] = (f"{mlp}b_in", ("d_mlp",))
            layout[f"W_out.{number}"] = (f"{mlp}W_out", ("d_mlp", "d_model"))
            layout[f"b_out.{number}"] = (f"{mlp}b_out", ("d_model",))
    for place, short, norm in norms:
        for x in "wb" if norm and norm.kind == "layer" else "w" if norm else "":
            if f"{place}.{x}" in tensors:
                layout[f"{x}_norm.{short}"] = (f"{place}.{x}", ("d_model",))
    width = "d_model"
    for number in range(1, settings.readouts):
        layout[f"W_hidden.{number}"] = (f"readout.W_hidden.{number}", (width, f"hidden.{number}"))
        width = f"hidden.{number}"
        layout[f"b_hidden.{number}"] = (f"readout.b_hidden.{number}", (width,))
    layout["W_U"] = ("unembed.W_U", (width, "d_vocab_out"))
    layout["b_U"] = ("unembed.b_U", ("d_vocab_out",))
    return layout


def read_model(tensors: dict[str, Tensor], parts: Parts, sizes: dict[str, int]) -> Model:
    """Return the model of these parts that the tensors make up; anything else is declined.

    Where there is no W_pos, the number of positions is the one that the claim states.
    """
    settings, _ = settings_of(parts)
    count = len(settings.blocks)
    layout = _layout(settings, tensors)
    axes = axes_of(tensors, layout, buffers(count))
    (d_vocab, d_model), (heads, _, d_head) = axes["W_E"], axes["W_Q.0"]
    widths = [axes[f"W_in.{i}"][1] for i, block in enumerate(settings.blocks) if block.mlp]
    n_ctx, d_mlp = axes.get("W_pos", (sizes["n_ctx"],))[0], widths[0] if widths else 0
    shape = Shape(d_vocab, n_ctx, d_model, count, heads, d_head, d_mlp, axes["W_U"][1])
    same = heads == settings.heads.heads
    decline_unless(same, "unsupported", f"weights: {heads} heads, not {settings.heads.heads}.")
    hidden = {f"hidden.{i}": axes[f"W_hidden.{i}"][1] for i in range(1, settings.readouts)}
    inner = [d_model, heads * d_head, *widths, *hidden.values()]
    columns = max(3 * heads * d_head, 2 * d_mlp, d_model, shape.d_vocab_out, *hidden.values())
    require_small(d_vocab, n_ctx, max(d_vocab * d_model, n_ctx * d_vocab, max(inner) * columns))
    weights = sum(prod(tensors[key].shape) for key, _ in layout.values() if key in tensors)
    fits = weights <= MAX_WEIGHTS and n_ctx**2 * count * heads * d_head <= MAX_MEMORY
    decline_unless(fits, "limit", "weights: too many, or too many positions, for layers.")
    place = settings.position
    inside = not isinstance(place, int) or place < n_ctx
    decline_unless(inside, "unsupported", f"claim.model.parts: no position {place} of {n_ctx}.")
    for number in range(count):
        names = buffers(count)[2 * number : 2 * number + 2]
        require_causal(tensors, n_ctx, names, settings.heads.mask == "causal")
    return Model(shape, settings, matrices_of(tensors, layout, shape._asdict() | hidden))


def behind_norm(weight: Matrix, w: dict[str, Matrix], short: str, tally: Tally) -> Matrix:
    """Return the rows of a matrix times the weights of the norm before it, where it has some."""
    if f"w_norm.{short}" not in w:
        return weight
    ((factors,), exponent), count = w[f"w_norm.{short}"], len(weight.rows[0])
    tally.charge(len(weight.rows) * count)
    tally.charge_size(len(weight.rows) * count, max(x.bit_length() for x in factors))
    rows = [[f * x for x in row] for f, row in zip(factors, weight.rows, strict=True)]
    return Matrix(rows, weight.exponent + exponent)
