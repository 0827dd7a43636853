"""Small one-layer, one-head transformers: plain, tied, adversarial and nearly right ones."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from safetensors.numpy import load_file, save

Tensors = dict[str, np.ndarray]

BIASES = {"b_Q", "b_K", "b_V", "b_O", "b_U"}
DTYPES = ("float32", "float64", "float16")
FULL_NAMES = {
    "W_E": "embed.W_E",
    "W_pos": "pos_embed.W_pos",
    "W_U": "unembed.W_U",
    "b_U": "unembed.b_U",
}


def full_name(short: str) -> str:
    """Return the HookedTransformer name of `W_E`, `b_Q` and so on."""
    return FULL_NAMES.get(short, f"blocks.0.attn.{short}")


@dataclass(frozen=True, eq=False)
class ToyModel:
    """The tensors of one model, by their HookedTransformer names.

    Nested lists are read as float32. The arrays are copied and frozen, so a model can be a cache
    key; two models are equal only when they are the same object.
    """

    tensors: Tensors = field(repr=False)
    recipe: Recipe | None = None

    def __post_init__(self):
        frozen = {name: _frozen_array(values) for name, values in self.tensors.items()}
        object.__setattr__(self, "tensors", frozen)

    @classmethod
    def from_short_names(cls, recipe: Recipe | None = None, **weights) -> ToyModel:
        """Build a model from `W_E (v,d)`, `W_Q (d,h)`, `b_Q (h)`, ... without the head axis."""
        tensors = {}
        for short, values in weights.items():
            values = np.asarray(values, None if isinstance(values, np.ndarray) else np.float32)
            has_head_axis = short[2:] in {"Q", "K", "V"} or short == "W_O"
            tensors[full_name(short)] = values[np.newaxis] if has_head_axis else values
        return cls(tensors, recipe)

    @classmethod
    def read(cls, path: Path) -> ToyModel:
        return cls(load_file(path))

    def write(self, path: Path) -> Path:
        """Write the model as a safetensors file and return its path."""
        Path(path).write_bytes(self.bytes())
        return path

    def bytes(self) -> bytes:
        return save(self.tensors)

    def get(self, short: str) -> np.ndarray | None:
        """Return the tensor of a short name such as `W_Q` or `b_O`, or None."""
        return self.tensors.get(full_name(short))

    @property
    def d_vocab(self) -> int:
        return self.get("W_E").shape[0]

    @property
    def n_ctx(self) -> int:
        return self.get("W_pos").shape[0]

    @property
    def d_vocab_out(self) -> int:
        return self.get("W_U").shape[1]

    @property
    def d_model(self) -> int:
        return self.get("W_E").shape[1]

    @property
    def d_head(self) -> int:
        return self.get("W_Q").shape[-1]


def _frozen_array(values) -> np.ndarray:
    array = np.array(values, None if isinstance(values, np.ndarray) else np.float32, order="C")
    array.setflags(write=False)
    return array


@dataclass(frozen=True)
class Recipe:
    """All that determines a generated toy: `Recipe(...).build()` makes the same one again."""

    flavour: str
    v: int
    k: int
    d: int
    h: int
    biases: frozenset[str] = frozenset()
    dtype: str = "float32"
    seed: int = 0

    def build(self) -> ToyModel:
        rng = np.random.default_rng([self.seed, zlib.crc32(self.flavour.encode())])
        weights = FLAVOURS[self.flavour](rng, self)
        kept = {name: w for name, w in weights.items() if name[0] == "W" or name in self.biases}
        cast = {name: _cast(w, self.dtype) for name, w in kept.items()}
        if self.flavour == "near ties":
            cast["W_U"] = _nudged(rng, cast["W_U"])
        return ToyModel.from_short_names(recipe=self, **cast)


def _cast(weights: np.ndarray, dtype: str) -> np.ndarray:
    limit = float(np.finfo(dtype).max)
    return np.clip(weights, -limit, limit).astype(dtype)


def _nudged(rng, weights: np.ndarray) -> np.ndarray:
    """Move about a third of the entries to the next number of their type."""
    chosen = rng.random(weights.shape) < 1 / 3
    return np.where(chosen, np.nextafter(weights, weights.dtype.type(1)), weights)


def _shapes(recipe: Recipe) -> dict[str, tuple[int, ...]]:
    v, k, d, h = recipe.v, recipe.k, recipe.d, recipe.h
    return {
        "W_E": (v, d),
        "W_pos": (k, d),
        "W_Q": (d, h),
        "W_K": (d, h),
        "W_V": (d, h),
        "W_O": (h, d),
        "W_U": (d, v),
        "b_Q": (h,),
        "b_K": (h,),
        "b_V": (h,),
        "b_O": (d,),
        "b_U": (v,),
    }


def _each(recipe: Recipe, draw: Callable[[tuple[int, ...]], np.ndarray]) -> Tensors:
    return {name: np.asarray(draw(shape), float) for name, shape in _shapes(recipe).items()}


def _gaussian(rng, recipe: Recipe) -> Tensors:
    scale = rng.choice([0.3, 1.0, 3.0])
    return _each(recipe, lambda shape: rng.normal(0, scale, shape))


def _dyadic(rng, recipe: Recipe) -> Tensors:
    """Small multiples of 1/8: many exact ties."""
    reach = rng.choice([1, 2, 8])
    return _each(recipe, lambda shape: rng.integers(-reach, reach + 1, shape) / 8)


def _duplicated(rng, recipe: Recipe) -> Tensors:
    """Tokens that share an embedding, rivals that share an unembedding."""
    weights = _gaussian(rng, recipe)
    tokens = rng.integers(0, max(1, recipe.v - 1), recipe.v)
    columns = rng.integers(0, max(1, recipe.v - 1), recipe.v)
    weights["W_E"] = weights["W_E"][tokens]
    weights["W_U"] = weights["W_U"][:, columns]
    weights["b_U"] = weights["b_U"][columns]
    return weights


def _zeros(rng, recipe: Recipe) -> Tensors:
    return _each(recipe, np.zeros)


def _extreme(rng, recipe: Recipe) -> Tensors:
    """Huge beside tiny and subnormal weights, cut to the range of the type."""
    tiny = float(np.finfo(recipe.dtype).smallest_subnormal)
    huge = float(np.finfo(recipe.dtype).max)
    pool = [0, 1, 1 + 2**-10, 2**24, 2**24 + 2, 1e30, 1e-30, tiny, 3 * tiny, huge]
    pool = rng.choice(pool, size=rng.integers(2, 6))
    return _each(recipe, lambda shape: rng.choice(pool, shape) * rng.choice([-1, 1], shape))


def _absorbing(rng, recipe: Recipe) -> Tensors:
    """A constant in every logit and every score so large that float sums lose the rest."""
    weights = _trained(rng, recipe)
    weights["W_U"] = weights["W_U"] + 2.0 ** rng.integers(10, 40) * rng.normal(size=(recipe.d, 1))
    weights["b_U"] = weights["b_U"] + 1e6
    weights["b_K"] = weights["b_K"] + 1e6
    return weights


def _one_hot(rng, recipe: Recipe) -> Tensors:
    """OV copies a one-hot token and scores grow with it; exact numbers, so ties are exact."""
    v, d, h = recipe.v, recipe.d, recipe.h
    weights = _each(recipe, np.zeros)
    token = np.arange(v)
    weights["W_E"][token, token % d] = 1
    weights["W_Q"][:, 0] = 1
    weights["W_K"][:, 0] = rng.choice([0, 2.0**-20, 0.5, 1, 2, 4, 8]) * np.arange(d)
    channel = np.arange(min(d, h))
    weights["W_V"][channel, channel] = 1
    weights["W_O"][channel, channel] = rng.choice([2, 8, 32])
    weights["W_U"][token % d, token] = 1
    return weights


def _trained(rng, recipe: Recipe) -> Tensors:
    """Tokens on a line, attention that grows along it, output j best at j; noise and a rotation.

    With x the weighted mean token, output j gets 2jx - j^2, which is largest at the j nearest x.
    """
    d, last = recipe.d, recipe.d - 1
    token = np.arange(recipe.v)
    gain = rng.choice([4.0, 16.0, 64.0])
    weights = _each(recipe, np.zeros)
    weights["W_E"][:, 0] = token
    weights["W_pos"][:, last] = 1
    weights["W_Q"][last, 0] = 1
    weights["W_K"][0, 0] = rng.choice([0.5, 2, 4, 8])
    weights["W_V"][0, 0] = 1
    weights["W_O"][0, 0] = gain
    weights["W_U"][last] = -(1 + gain) * token**2
    weights["W_U"][0] = 2 * token
    if last == 0:  # No room for a constant beside the token: only a bias can bend the line.
        weights["W_U"][0] = 2 * token
        weights["b_U"] = -(1 + gain) * token**2.0
    noise = rng.choice([0, 0.01, 0.1])
    noisy = {name: w + noise * rng.normal(size=w.shape) for name, w in weights.items()}
    return _rotated(noisy, np.linalg.qr(rng.normal(size=(d, d)))[0])


def _rotated(weights: Tensors, basis: np.ndarray) -> Tensors:
    """Turn the residual stream: all path tables stay what they were, up to rounding."""
    reads = {name: basis.T @ weights[name] for name in ("W_Q", "W_K", "W_V", "W_U")}
    writes = {name: weights[name] @ basis for name in ("W_E", "W_pos", "W_O", "b_O")}
    return weights | reads | writes


def _sharp(rng, recipe: Recipe) -> Tensors:
    """One token's score stands thousands of nats above the others."""
    weights = _trained(rng, recipe)
    return weights | {"W_Q": rng.choice([-1, 1, 1]) * 2000 * weights["W_Q"]}


def _near_ties(rng, recipe: Recipe) -> Tensors:
    """Exact ties, of which the unembedding is then nudged by single units in the last place."""
    tied = rng.choice([_duplicated, _dyadic, _one_hot])
    return tied(rng, recipe)


FLAVOURS: dict[str, Callable[[np.random.Generator, Recipe], Tensors]] = {
    "gaussian": _gaussian,
    "trained": _trained,
    "one hot": _one_hot,
    "dyadic": _dyadic,
    "duplicated": _duplicated,
    "sharp": _sharp,
    "near ties": _near_ties,
    "absorbing": _absorbing,
    "extreme": _extreme,
    "zeros": _zeros,
}
MOSTLY_RIGHT = ("trained", "one hot", "sharp", "absorbing")


def toy_models(
    max_vocab: int = 6,
    max_ctx: int = 4,
    max_width: int = 5,
    flavours: tuple[str, ...] = tuple(FLAVOURS),
    dtypes: tuple[str, ...] = DTYPES,
) -> st.SearchStrategy[ToyModel]:
    """Return a hypothesis strategy for models of any shape up to these limits."""
    width = st.integers(1, max_width)
    recipes = st.builds(
        Recipe,
        flavour=st.sampled_from(flavours),
        v=st.integers(1, max_vocab),
        k=st.integers(1, max_ctx),
        d=width,
        h=width,
        biases=st.frozensets(st.sampled_from(sorted(BIASES))),
        dtype=st.sampled_from(dtypes),
        seed=st.integers(0, 2**32 - 1),
    )
    return recipes.map(Recipe.build)


def small_toys() -> st.SearchStrategy[ToyModel]:
    """Return a strategy for models that are enumerated quickly.

    Those that get some inputs right and some wrong are worth more than their share.
    """
    return st.one_of(
        toy_models(max_vocab=4, max_ctx=3),
        toy_models(max_vocab=5, max_ctx=3, flavours=MOSTLY_RIGHT),
        toy_models(max_vocab=6, max_ctx=1),
    )


def random_toys(
    seed: int,
    count: int,
    max_vocab: int = 6,
    max_ctx: int = 4,
    max_width: int = 5,
    flavours: tuple[str, ...] = tuple(FLAVOURS),
) -> Iterator[ToyModel]:
    """Yield `count` models that depend on the seed alone, taking the flavours in turn."""
    rng = np.random.default_rng(seed)
    for flavour in islice(cycle(flavours), count):
        v, k = (int(rng.integers(1, limit + 1)) for limit in (max_vocab, max_ctx))
        d, h = (int(rng.integers(1, max_width + 1)) for _ in range(2))
        biases = frozenset(name for name in sorted(BIASES) if rng.random() < 0.5)
        dtype = str(rng.choice(DTYPES, p=[0.6, 0.2, 0.2]))
        yield Recipe(flavour, v, k, d, h, biases, dtype, int(rng.integers(2**32))).build()
