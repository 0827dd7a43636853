"""Certificates and models built so that the checker answers as slowly as the format lets it.

Each is (name, weights, certificate); all state the budget that they are given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from random import Random
from typing import Any

import numpy as np

from support.certify import certificate, encoded, weights_bytes
from support.ladders import LADDERS, every_class, far, group, only, others, pool
from support.toy import Recipe, ToyModel
from support.witnesses import constant_gaps, keys_of, plausible, wild

Hard = tuple[str, bytes, bytes]
Fields = dict[str, Any]
ALL_SUBPRODUCTS = "subcubic/svd-query/chord/mean-recursive+max-diff-subproduct-recursive"
LONG_MARGIN = "1/" + "9" * 1999
DEEPEST = 4


def near_ties(k: int, tiny: float = 2.0**-1000) -> ToyModel:
    """Return a model with many sequences whose gap is tiny**3 or so, and never 0.

    Tokens 0 and 1 write +1 and -1 to the logit of rival 0, with scores that differ by tiny**3: a
    sequence that holds as many of the one as of the other is decided by thousands of bits.
    """
    zeros, keys, values = np.zeros, np.zeros((5, 2)), np.zeros((5, 2))
    embedding = np.eye(3, 5)
    embedding[1, 3] = tiny
    keys[[0, 1], 0], keys[3, 1] = 1, tiny
    values[[0, 1], 0] = 1, -1
    written, read = zeros((2, 5)), zeros((5, 3))
    written[0, 4] = read[4, 0] = 1
    return ToyModel.from_short_names(
        W_E=embedding,
        W_pos=zeros((k, 5)),
        W_Q=zeros((5, 2)),
        W_K=keys,
        W_V=values,
        W_O=written,
        W_U=read,
        b_Q=np.array([1, tiny]),
        b_U=np.array([0.0, -50, 0]),
    )


def far_apart(v: int, k: int, d: int, h: int, low: float, high: float, dtype: str) -> ToyModel:
    """Return a model whose weights are, at random, about `low` or about `high`, of either sign."""
    rng = np.random.default_rng(7)
    model = Recipe("gaussian", v, k, d, h, dtype=dtype, seed=7).build()
    tensors = {}
    for name, tensor in model.tensors.items():
        scale = rng.choice([low, high], tensor.shape)
        tensors[name] = (tensor.astype(np.float64) * scale).astype(dtype)
    return ToyModel(tensors)


def claimed(model: ToyModel | bytes, strategy: str, budget: int, **options: Any) -> bytes:
    """Return a certificate that claims nothing, so that only the work decides."""
    semantics = options.pop("semantics", "real")
    fields = certificate(model, strategy, at_least=0, operations=budget, **options)
    fields["claim"]["semantics"] = semantics
    return encoded(fields)


def hard(budget: int) -> Iterator[Callable[[], Hard]]:
    """Yield makers of hard certificates for models that are made for the purpose."""
    short = (_ties, _positions, _vocabularies, _magnitudes, _deep, _lengths)
    for family in (*short, _words, _wide_walks, _largest):
        yield from family(budget)


def _maker(name: str, build: Callable[[], ToyModel], strategy: str, budget: int, **options: Any):
    """Return a maker; a witness may be a function of the model."""

    def make() -> Hard:
        model, given = build(), dict(options)
        if callable(given.get("witness")):
            given["witness"] = given["witness"](model)
        return name, weights_bytes(model), claimed(model, strategy, budget, **given)

    return make


def _ties(budget: int) -> Iterator[Callable[[], Hard]]:
    for strategy, k in product(("brute-force", "exact", "cubic"), (6, 8, 10, 12)):
        name = f"near ties of 2^-3000, {strategy}, k={k}"
        yield _maker(name, lambda k=k: near_ties(k), strategy, budget)
    for strategy, flavour in product(("brute-force", "exact"), ("zeros", "one hot", "duplicated")):
        recipe = Recipe(flavour, 4, 9, 4, 2, seed=3)
        name = f"exact ties, {flavour}, {strategy}"
        yield _maker(name, recipe.build, strategy, budget, precision=1024)


def _positions(budget: int) -> Iterator[Callable[[], Hard]]:
    for v, k in ((2, 18), (3, 12), (2, 500), (4, 200)):
        for strategy in ("brute-force", "exact", "cubic"):
            recipe = Recipe("trained", v, k, 2, 2, seed=5)
            yield _maker(f"{strategy}, v={v}, k={k}", recipe.build, strategy, budget)
    for rule, (v, k, flavour) in product(
        ("moment", "grid", "grid-lower", "branch", "branch-two-sided"),
        ((2, 300, "zeros"), (2, 3000, "zeros"), (64, 300, "gaussian"), (2, 3000, "gaussian")),
    ):
        recipe = Recipe(flavour, v, k, 2, 2, seed=3)

        def witness(model: ToyModel, rule: str = rule, v: int = v) -> Fields:
            groups = [group(rule, others(v - 1, v), 2**14)] * (4 * v + 16)
            return only(v - 1, pool(0, 0, per_position=0, groups=groups))

        name = f"as many groups as can be of rule {rule}, {flavour}, v={v}, k={k}"
        yield _maker(name, recipe.build, "ladder", budget, witness=witness)


def _vocabularies(budget: int) -> Iterator[Callable[[], Hard]]:
    for v, k in ((2000, 1), (1024, 4), (256, 60)):
        recipe = Recipe("gaussian", v, k, 4, 4, seed=1)
        for strategy in ("cubic", "exact", ALL_SUBPRODUCTS):
            many = plausible if "/" in strategy else None
            options = {"witness": lambda m, s=strategy: plausible(Random(1), s, m)} if many else {}
            yield _maker(f"{strategy}, v={v}, k={k}", recipe.build, strategy, budget, **options)
        yield _maker(f"float32, v={v}, k={k}", recipe.build, "exact", budget, semantics="float32")


def _magnitudes(budget: int) -> Iterator[Callable[[], Hard]]:
    ends = ((1e-30, 1e30, "float32"), (1e-300, 1e300, "float64"))
    shapes = ((64, 4, 32, 32), (64, 2, 1500, 16), (1000, 1, 60, 16))
    for (low, high, dtype), shape in product(ends, shapes):

        def build(shape=shape, low=low, high=high, dtype=dtype) -> ToyModel:
            return far_apart(*shape, low, high, dtype)

        name = f"weights of {low} and {high}, sizes {shape}"
        for strategy in ("cubic", "exact"):
            yield _maker(f"{name}, {strategy}", build, strategy, budget, precision=1024)
        witness = {"witness": lambda m: wild(Random(2), ALL_SUBPRODUCTS, m)}
        yield _maker(f"{name}, subcubic", build, ALL_SUBPRODUCTS, budget, **witness)


def _deep(budget: int) -> Iterator[Callable[[], Hard]]:
    for strategy, precision in product(LADDERS, (32, 1024)):
        rule = {"ladder": "branch-two-sided"}.get(strategy, strategy)
        recipe = Recipe("gaussian", 24, 6, 8, 4, seed=9)

        def nested(model: ToyModel, rule: str = rule) -> Fields:
            v = model.d_vocab
            nests = [[_nest(q, m, v, DEEPEST, rule) for q in range(m + 1)] for m in range(v)]
            return {"labels": [[m, nodes] for m, nodes in enumerate(nests)]}

        for margin in ("0", LONG_MARGIN):
            options = {"precision": precision, "margin": margin, "witness": nested}
            name = f"{strategy} four pools deep, precision {precision}, margin {margin[:6]}"
            yield _maker(name, recipe.build, strategy, budget, **options)
    recipe = Recipe("gaussian", 64, 4, 32, 32, seed=1)
    options = {"witness": lambda m: every_class(m.d_vocab, ["branch-two-sided"]), "precision": 1024}
    yield _maker("a walk of every class, v=64", recipe.build, "ladder", budget, **options)


def _nest(query: int, maximum: int, v: int, depth: int, rule: str) -> Fields:
    rivals = others(maximum, v)
    if depth == 1:
        return pool(query, query, groups=[group(rule, rivals, 1000)] * 3)
    fields: Fields = {"joint_rivals": [[0, v - 1]] * 3, "thresholds": [[j, 2**60] for j in rivals]}
    inner = _nest(query, maximum, v, depth - 1, rule)
    return pool(query, query, subpools=[inner], **fields)


def _lengths(budget: int) -> Iterator[Callable[[], Hard]]:
    model = Recipe("trained", 5, 3, 4, 2, frozenset({"b_U"}), seed=18).build()
    for key, item in (("joint_rivals", b"[0,0]"), ("groups", b'{"rule":"branch","rivals":[]}')):

        def long(key: str = key, item: bytes = item) -> Hard:
            witness = only(4, pool(0, 0, cells=far(4, 0), **{key: "@"}))
            text = claimed(model, "ladder", budget, witness=witness)
            count = (64 * 2**20 - len(text)) // (len(item) + 1)
            filled = text.replace(b'"@"', b"[" + b",".join([item] * count) + b"]")
            return f"64 MiB of {key}", model.bytes(), filled

        yield long
    for item in (b"[]", b"{}", b"0", b'""', b'{"a":{}}', b"[[[[[[[[[[[]]]]]]]]]]]"):

        def brackets(item: bytes = item) -> Hard:
            count = (64 * 2**20 - 60) // (len(item) + 1)
            text = b'{"format":"ballproof-certificate/2","x":[' + b",".join([item] * count)
            return f"64 MiB of {item[:4]!r}", model.bytes(), text + b"]}"

        yield brackets


def _words(budget: int) -> Iterator[Callable[[], Hard]]:
    """Yield numbers as long as the format allows, in the witness and in the weights."""
    exact = "subcubic/max-diff-exact/mean+diff/exact"
    anchored = (exact, exact.replace("mean+diff", "chord"))
    for strategy, places, precision in product(anchored, (64, 1000, 20_000), (64, 1024)):
        witness = {"witness": _long_numbers(strategy, places, 20)}
        name = f"anchors of {places} places, {strategy}, {precision} bits, wide weights, k=150"
        build = _wide(64, 150, 8, 8)
        yield _maker(name, build, strategy, budget, precision=precision, **witness)
    cuts = "subcubic/max-diff-exact/mean+diff/mean+max-diff-subproduct"
    spectral = "subcubic/max-diff-exact/mean+diff/svd"
    for strategy, bits, shape in product(
        (cuts, spectral, ALL_SUBPRODUCTS),
        (20, 300, 1000),
        ((64, 4, 64, 64), (64, 60, 8, 8), (1000, 1, 2, 2)),
    ):
        witness = {"witness": _long_numbers(strategy, 64, bits)}
        name = f"directions of {bits} bits, {strategy}, wide weights, sizes {shape}"
        yield _maker(name, _wide(*shape), strategy, budget, **witness)
    for shape in ((2000, 1, 1, 1), (2048, 1, 400, 1), (4, 1, 1500, 1500), (64, 30, 8, 8)):
        for strategy in ("cubic", "exact"):
            name = f"wide weights, sizes {shape}, {strategy}"
            yield _maker(name, _wide(*shape), strategy, budget)


def _wide_walks(budget: int) -> Iterator[Callable[[], Hard]]:
    """Yield brute force and ladders on weights that are far apart, and their float32 program."""
    for shape, precision in product(((6, 7, 8, 8), (24, 4, 8, 8), (2, 18, 4, 4)), (64, 1024)):
        name = f"wide weights, sizes {shape}, {precision} bits"
        yield _maker(
            f"{name}, brute-force", _wide(*shape), "brute-force", budget, precision=precision
        )
    rules = ("branch", "branch-two-sided", "moment", "grid", "grid-lower")
    for rule, shape, precision in product(rules, ((24, 6, 8, 4), (64, 4, 32, 32)), (64, 1024)):

        def walks(model: ToyModel, rule: str = rule) -> Fields:
            return every_class(model.d_vocab, [rule])

        name = f"wide weights, sizes {shape}, {precision} bits, every class by {rule}"
        options = {"precision": precision, "witness": walks}
        yield _maker(name, _wide(*shape), "ladder", budget, **options)
    for shape in ((64, 4, 64, 64), (300, 4, 32, 32), (1000, 1, 60, 16)):

        def narrow(shape: tuple[int, ...] = shape) -> ToyModel:
            return far_apart(*shape, 1e-5, 1e5, "float32")

        name = f"float32, weights of 1e-5 and 1e5, sizes {shape}"
        yield _maker(name, narrow, "cubic", budget, semantics="float32")


def _largest(budget: int) -> Iterator[Callable[[], Hard]]:
    """Yield weights of as many bits, and certificates of as many small values, as are read."""
    cuts = "subcubic/max-diff-exact/mean+diff/mean+max-diff-subproduct"
    rows = (
        ((200, 100, 2048, 200), 1e-290, 1e290, "float64", "cubic", "real"),
        ((200, 100, 2048, 200), 1e-290, 1e290, "float64", cuts, "real"),
        ((2, 2, 2048, 1800), 1.0, 1.0, "float16", "cubic", "real"),
        ((2, 2, 2048, 1650), 1.0, 1.0, "float32", "exact", "real"),
        ((2, 2, 2048, 900), 1e-5, 1e5, "float32", "cubic", "float32"),
    )
    for shape, low, high, dtype, strategy, semantics in rows:
        build = partial(far_apart, *shape, low, high, dtype)
        options = {"witness": _long_numbers(strategy, 64, 20)} if "/" in strategy else {}
        name = f"as many bits as are read, {dtype}, sizes {shape}, {strategy}, {semantics}"
        yield _maker(name, build, strategy, budget, semantics=semantics, **options)
    for item in (b"[0]", b"[]", b"1000", b'{"a":{}}', b'"ab"'):

        def marks(item: bytes = item) -> Hard:
            model = Recipe("trained", 5, 3, 4, 2, seed=18).build()
            # One comma more for each; 100 are left to the beginning.
            count = (2**23 - 100) // (1 + sum(map(item.count, b'[]{},:"')))
            text = b'{"format":"ballproof-certificate/2","x":[' + b",".join([item] * count)
            return f"as many values as are read, {item!r}", model.bytes(), text + b"]}"

        yield marks


def _wide(*shape: int) -> Callable[[], ToyModel]:
    return lambda: far_apart(*shape, 1e-300, 1e300, "float64")


def _long_numbers(strategy: str, places: int, bits: int) -> Callable[[ToyModel], Fields]:
    """Return witnesses of anchors with so many binary places, and directions of so many bits."""

    def witness(model: ToyModel) -> Fields:
        v, k, d = model.d_vocab, model.n_ctx, model.d_model
        rng, terms = Random(1), 2 if "subproduct" in strategy else 1
        long = [[[str(rng.getrandbits(bits) | 1), 0] for _ in range(x)] for x in (v, d)]
        ends = [["1", -places], [str(2 ** min(places, 1000) - 1), -min(places, 1000)]]
        table = {
            "gaps": constant_gaps(v, k, 1),
            "query_directions": [long[0]] * terms,
            "key_directions": [long[0][::-1]] * terms,
            "matrix_directions": [long[1]] * 2,
            "squarings": 12,
            "mu": [["1", -places]] * d,
            "a_star": [[ends[0]] * (k - 1)] * v,
            "chord": [[ends] * (k - 1)] * v,
        }
        return {key: table[key] for key in keys_of(strategy)}

    return witness
