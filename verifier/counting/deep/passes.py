"""The forward pass of many inputs in doubles: by the tree of prefixes, or position by position."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ballproof.verifier.counting.deep.attention import Sources
from ballproof.verifier.counting.deep.model import DeepModel, Layer
from ballproof.verifier.counting.deep.prefixes import Places, Prefixes
from ballproof.verifier.counting.deep.rounding import Floats, Uncertain, added, scaled


class _Kept(NamedTuple):
    """Keys and values (N, H, h) of the prefixes of one length, and bounds over their paths (N, H).

    The bounds are those of `Sources`, of the position and all before it.
    """

    keys: Floats
    values: Floats
    bounds: tuple[Floats, ...]


def logits(model: DeepModel, inputs: Places) -> Uncertain:
    """Return the logits (N, o) of inputs (N, n) that are in lexicographic order.

    Radii are infinite or no numbers where nothing is known.
    """
    with np.errstate(all="ignore"):
        x = _by_prefixes(model, inputs) if model.causal else _one_by_one(model, inputs)
        return model.logits(x)


def _by_prefixes(model: DeepModel, inputs: Places) -> Uncertain:
    """Return what is read out (N, d): each prefix of a causal model is evaluated once."""
    tree, last = Prefixes.among(inputs), model.n_ctx - 1
    kept: list[list[_Kept]] = [[] for _ in model.layers]
    stop = last if model.place is None else model.place
    pool: Uncertain | None = None
    for i in range(stop + 1):
        above = [tree.ancestors(i, j) for j in range(i + 1)]
        x = model.start(inputs[tree.rows[i], i], i)
        read = model.place is None or i == stop
        for number, (layer, store) in enumerate(zip(model.layers, kept, strict=True)):
            query = _remember(layer, x, store, above)
            if number == len(model.layers) - 1 and not read:
                break
            mixed = layer.attention(query, _sources(store, above))
            x = _onward(layer, x, mixed)
        if read:
            x = x if model.last is None else model.last(x)
            pool = (
                x if pool is None or model.place is not None else added(pool.rows(above[i - 1]), x)
            )
    if pool is None:
        raise ValueError("no position is read")
    found = pool.rows(tree.of[stop])
    return _mean(found, model.n_ctx) if model.mean else found


def _mean(x: Uncertain, count: int) -> Uncertain:
    """Return x / count: 1 / count is off by half a unit, the product by another."""
    found = scaled(x, np.array(1.0 / count))
    return Uncertain(found.middle, found.radius + 2.0**-51 * np.abs(found.middle))


def _remember(layer: Layer, x: Uncertain, store: list[_Kept], above: list[Places]) -> Uncertain:
    """Keep the keys and values of this position, and return its queries (N, H h)."""
    y = x if layer.before is None else layer.before(x)
    found = layer.read(y)
    width = found.middle.shape[-1] // 3
    key, value = (found.part(slice(width * n, width * (n + 1))) for n in (1, 2))
    keys, values = (_by_head(part.middle, layer) for part in (key, value))
    own: tuple[Floats, ...] = (
        np.abs(keys).sum(axis=-1),
        _by_head(key.radius, layer).max(axis=-1),
        np.abs(values).max(axis=-1),
        _by_head(value.radius, layer).max(axis=-1),
    )
    if store:
        parents = (bound[above[-2]] for bound in store[-1].bounds)
        own = tuple(map(np.maximum, own, parents))
    store.append(_Kept(keys, values, own))
    return found.part(slice(0, width))


def _by_head(x: Floats, layer: Layer) -> Floats:
    return x.reshape(len(x), layer.attention.heads, -1)


def _sources(store: list[_Kept], above: list[Places]) -> Sources:
    """Return what the last position kept attends to."""
    keys = np.stack([one.keys[places] for one, places in zip(store, above, strict=True)])
    values = np.stack([one.values[places] for one, places in zip(store, above, strict=True)])
    return Sources(keys, values, *store[-1].bounds)


def _onward(layer: Layer, x: Uncertain, mixed: Uncertain) -> Uncertain:
    """Return the residual stream after a layer, of what its heads mixed."""
    x = added(x, layer.write(mixed))
    if layer.mlp is None:
        return x
    return added(x, layer.mlp(x if layer.between is None else layer.between(x)))


def _one_by_one(model: DeepModel, inputs: Places) -> Uncertain:
    """Return what is read out (N, d) of models whose positions see all others."""
    here, every = np.arange(len(inputs)), range(model.n_ctx)
    xs = [model.start(inputs[:, i], i) for i in every]
    for number, layer in enumerate(model.layers):
        store: list[_Kept] = []
        queries = [_remember(layer, x, store, [here] * (i + 1)) for i, x in enumerate(xs)]
        sources = _sources(store, [here] * len(xs))
        if number == len(model.layers) - 1 and model.place is not None:
            only = model.place
            xs, queries = [xs[only]], [queries[only]]
        xs = [
            _onward(layer, x, layer.attention(query, sources))
            for x, query in zip(xs, queries, strict=True)
        ]
    ends = xs if model.last is None else [model.last(x) for x in xs]
    pool = ends[0]
    for end in ends[1:]:
        pool = added(pool, end)
    return _mean(pool, model.n_ctx) if model.mean else pool
