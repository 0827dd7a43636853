"""The shared models of the arena, by name: most are built from seeds, some are kept in models/.

The last bits of weights that linear algebra has turned depend on the machine. Files of such recipes
are made once and then kept; everything else in the arena is a function of them and of seeds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from support.certify import TRAINED, join_weights, mean_diff_sign, split_weights
from support.claimed import tensors_of
from support.float32_traps import flushed_embedding, stream_from_the_left
from support.toy import BIASES, Recipe, ToyModel

KEPT_MODELS = Path(__file__).resolve().parent / "models"
TURNED = ("trained", "absorbing", "sharp")  # Flavours that are turned by linear algebra.
ALL = frozenset(BIASES)
RECIPES = {
    "trained": TRAINED,
    "small": Recipe("trained", 4, 3, 3, 2, frozenset({"b_U", "b_Q"}), seed=1),
    "sibling": Recipe("trained", 5, 3, 4, 2, frozenset({"b_U"}), seed=1),
    "six-tokens": Recipe("trained", 6, 3, 4, 2, frozenset({"b_U"}), seed=5),
    "four-positions": Recipe("trained", 4, 4, 3, 3, seed=4),
    "float64": Recipe("trained", 4, 3, 3, 2, ALL, "float64", seed=2),
    "float16": Recipe("trained", 4, 3, 3, 2, ALL, "float16", seed=3),
    "gaussian": Recipe("gaussian", 5, 3, 3, 3, ALL, seed=6),
    "ties": Recipe("dyadic", 5, 3, 2, 2, frozenset({"b_U"}), seed=3),
    "duplicated": Recipe("duplicated", 5, 3, 3, 2, seed=11),
    "near-ties": Recipe("near ties", 4, 3, 3, 2, seed=5),
    "one-hot": Recipe("one hot", 4, 3, 4, 4, seed=9),
    "absorbing": Recipe("absorbing", 4, 3, 3, 2, frozenset({"b_K", "b_U"}), seed=2),
    "sharp": Recipe("sharp", 4, 3, 3, 2, frozenset({"b_U"}), seed=7),
    "extreme": Recipe("extreme", 4, 2, 3, 2, ALL, seed=11),
    "zeros": Recipe("zeros", 3, 3, 2, 2, seed=0),
    "one-position": Recipe("trained", 4, 1, 3, 2, frozenset({"b_U"}), seed=8),
    "one-token": Recipe("gaussian", 1, 3, 3, 2, frozenset({"b_O"}), seed=9),
    "one-of-all": Recipe("gaussian", 1, 1, 1, 1, seed=10),
    "long": Recipe("trained", 3, 40, 2, 1, seed=13),
    "two-tokens": Recipe("trained", 2, 5, 2, 1, frozenset({"b_V"}), seed=12),
}

MODEL_ABOUT = {
    "sibling": "A trained toy.",
    "trained": "A trained toy of four different sizes.",
    "six-tokens": "A trained toy of six tokens.",
    "four-positions": "Four positions, no biases.",
    "float64": "All biases, numbers of binary64.",
    "float16": "All biases, numbers of binary16.",
    "bfloat16": "Numbers of bfloat16.",
    "integers": "Eight integer dtypes in one file.",
    "gaussian": "A random model with all biases that gets little right.",
    "ties": "Multiples of 1/8: many exact ties, and a tie is wrong.",
    "duplicated": "Tokens and rivals that share their rows: ties for every weight.",
    "near-ties": "Ties that single units in the last place break.",
    "one-hot": "Every input is right.",
    "zeros": "All weights zero: no input is right.",
    "absorbing": "Constants so large that float sums lose the rest.",
    "sharp": "Scores thousands of nats apart.",
    "extreme": "Huge, tiny and subnormal numbers side by side.",
    "one-position": "k = 1: the only token is the maximum.",
    "one-token": "v = 1: no rival, one input, which is right.",
    "one-of-all": "All four sizes are 1.",
    "two-tokens": "Two tokens, five positions, a head of one dimension.",
    "sign-trap": "16 tokens; a linear bound with the wrong sign counts one input too many.",
    "repacked": "The tensors of `trained` in another order, with metadata, padding and buffers.",
    "zero-biases": "Absent biases of `trained` written out as zeros: another digest.",
    "as-float64": "The numbers of `trained` as binary64: another digest.",
    "subnormal": "One weight is the smallest number of float32.",
    "flushed": "Right on both inputs; a program that flushes subnormal sums to zero, on one.",
    "from-the-left": "Right on both inputs by 7e-7; an order of summation makes a tie of one.",
}


@cache
def weights(name: str) -> bytes:
    """Return the bytes of a shared model."""
    if is_kept(name):
        return _kept_file(name).read_bytes()
    return makers()[name]()


@cache
def toy(name: str) -> ToyModel:
    """Return a shared model by its name."""
    return toy_of(weights(name))


def toy_of(data: bytes) -> ToyModel:
    """Return the model of a good weights file, buffers left out, bfloat16 as float32."""
    return ToyModel(tensors_of(data))


def is_kept(name: str) -> bool:
    """Say whether a shared model is a file of models/, not built."""
    return name in RECIPES and RECIPES[name].flavour in TURNED


def _kept_file(name: str) -> Path:
    return KEPT_MODELS / f"{name}.safetensors"


def keep_missing_models() -> list[str]:
    """Write the models that are to be kept and are not there, and return their names."""
    made = [name for name in RECIPES if is_kept(name) and not _kept_file(name).exists()]
    for name in made:
        _kept_file(name).write_bytes(RECIPES[name].build().bytes())
    return made


def makers() -> dict[str, Callable[[], bytes]]:
    """Return what makes each shared model; of a kept one it makes a new file."""
    built = {name: lambda recipe=recipe: recipe.build().bytes() for name, recipe in RECIPES.items()}
    return built | {
        "sign-trap": lambda: mean_diff_sign().bytes(),
        "repacked": repacked,
        "zero-biases": zero_biases,
        "as-float64": as_float64,
        "bfloat16": bfloat16,
        "integers": integers,
        "subnormal": subnormal,
        "flushed": lambda: flushed_embedding().bytes(),
        "from-the-left": lambda: stream_from_the_left().bytes(),
    }


def repacked() -> bytes:
    """Return `trained` with its tensors in another order, metadata, padding and two buffers."""
    header, data = split_weights(weights("trained"))
    entries: dict[str, object] = {"__metadata__": {"about": "order, padding and buffers are free"}}
    size = toy("trained").n_ctx
    body = b"\1" * size**2
    mask = {"dtype": "BOOL", "shape": [size, size], "data_offsets": [0, size**2]}
    for name in sorted(header, reverse=True):
        start, end = header[name]["data_offsets"]
        offsets = [len(body), len(body) + end - start]
        entries[name] = header[name] | {"data_offsets": offsets}
        body += data[start:end]
    entries["blocks.0.attn.mask"] = mask
    nan = np.array([np.nan], np.float32).tobytes()
    offsets = [len(body), len(body) + 4]
    ignore = {"dtype": "F32", "shape": [], "data_offsets": offsets}
    entries["blocks.0.attn.IGNORE"] = ignore
    return join_weights(json.dumps(entries, indent=1).encode() + b"\n" + b" " * 13, body + nan)


def zero_biases() -> bytes:
    """Return `trained` with its absent biases written out as zeros: the same function."""
    model = toy("trained")
    h, d = model.d_head, model.d_model
    zeros = {f"blocks.0.attn.{name}": np.zeros((1, h), np.float32) for name in ("b_Q", "b_V")}
    zeros["blocks.0.attn.b_O"] = np.zeros(d, np.float32)
    return ToyModel({**model.tensors, **zeros}).bytes()


def as_float64() -> bytes:
    """Return `trained` with every number stored as binary64: the same function."""
    tensors = toy("trained").tensors
    return ToyModel({name: w.astype(np.float64) for name, w in tensors.items()}).bytes()


def bfloat16() -> bytes:
    """Return `four-positions` with each number cut to its upper half."""
    header, data = split_weights(weights("four-positions"))
    for entry in header.values():
        entry |= {"dtype": "BF16", "data_offsets": [x // 2 for x in entry["data_offsets"]]}
    upper = np.frombuffer(data, "<u2")[1::2].tobytes()
    return join_weights(header, upper)


def integers() -> bytes:
    """Return a model whose tensors are integers of eight dtypes."""
    rng = np.random.default_rng(13)
    v, k, d, h = 4, 3, 2, 2
    sizes = {"W_E": (v, d), "W_pos": (k, d), "W_Q": (d, h), "W_K": (d, h), "W_V": (d, h)}
    sizes |= {"W_O": (h, d), "W_U": (d, v), "b_U": (v,)}
    dtypes = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
    made = {}
    for (name, shape), dtype in zip(sizes.items(), dtypes, strict=True):
        low = 0 if np.issubdtype(dtype, np.unsignedinteger) else -3
        made[name] = rng.integers(low, 4, shape).astype(dtype)
    made["W_E"][:, 0] = range(v)
    return ToyModel.from_short_names(**made).bytes()


def subnormal() -> bytes:
    """Return `trained` with one weight replaced by the smallest number of float32."""
    tensors = {name: np.array(w) for name, w in toy("trained").tensors.items()}
    tensors["embed.W_E"][0, 0] = np.finfo(np.float32).smallest_subnormal
    return ToyModel(tensors).bytes()
