"""Walks over inputs, to the digit: of networks of layers, of merged atoms, and of all inputs.

In tests/ `PYTHONPATH=../certificates/checker python -m support.walk_reference` writes the file
tests/data/walk-reference.json anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

from arithmetic.maps import Map
from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from counting.cells import cells_of
from counting.first_layer import FirstLayer
from counting.fixed_point import FixedPoint, column_bounds
from counting.merged import Limits, MergedWalk
from counting.network import Network
from counting.pools import Table
from counting.readers import readers_of
from counting.stages import Precision
from counting.tree import labelled
from counting.walks import walk_of
from files.claims import Pins
from kernel import given, read
from parts.program import Layer, Program, ProgramHead
from support.certify import encoded
from support.layered import Layered, layered
from support.networks import claim_of, inputs_of
from support.table_counts import table
from tasks.acceptors import Class, accepted
from tasks.balanced import Balanced
from tasks.maximum import Maximum
from tasks.rank import Rank
from tasks.task import Task

PATH = Path(__file__).resolve().parents[1] / "data" / "walk-reference.json"
PLENTY = 10**12
WIDE, NARROW = Precision(128, 50, 64, 0), Precision(64, 24, 28, 0)
# Vectors of few bits, a readout of fewer, and lanes that hardly have room.
PRECISIONS = [WIDE, NARROW, Precision(128, 40, 64, 5), Precision(64, 14, 30, 3)]
PRECISIONS += [Precision(64, 30, 31, 0), Precision(64, 11, 12, 0)]
SMALL = {"d": 3, "m": 2, "heads": 2, "d_head": 2}
NETWORKS: dict[str, dict[str, Any]] = {
    "one layer": {"layers": 1, "final": True, "norm": "layer", "activation": None},
    "two layers": {"biases": False},
    "three layers": {"activation": None, "layers": 3},
    "no neurons, two layers": {"activation": None},
    "layer norms": {"norm": "layer", "activation": "silu"},
    "root norms": {"norm": "rms", "activation": "silu", "gated": True, "weighted": False},
    "no norm at the end": {"norm": "rms", "final": False, "activation": "gelu-tanh", "layers": 1},
    "gates": {"activation": "relu", "gated": True},
    "gates of one layer": {"activation": "silu", "gated": True, "layers": 1},
    "an activation": {"activation": "silu", "layers": 1, "biases": False},
    "a sum": {"position": "sum"},
    "a mean": {"position": "mean", "activation": None, "mask": "none"},
    "an early position": {"position": 1, "layers": 1},
    "the first position": {"position": 0},
    "no mask": {"mask": "none"},
    "no mask, an early position": {"mask": "none", "position": 1, "norm": "layer"},
    "a share": {"share": "1/2"},
    "a share above one": {"share": "3/2", "normalised": True},
    "uniform attention": {"share": "0", "mask": "none"},
    "a deep readout": {"readouts": 3, "layers": 1},
    "one head": {"heads": 1, "d_head": 3},
    "heavy": {"scale": 4.0},
    "heavy, two layers": {"scale": 2.5, "norm": "layer"},
    "light": {"scale": 0.01},
    "no positions": {"positions": False},
    "no positions, heavy": {"positions": False, "norm": "rms", "scale": 2.0},
    "wide": {"d": 9, "m": 8},
    "a deep readout after a norm": {"norm": "rms", "readouts": 3, "layers": 1},
    "a norm of neurons alone": {"norm": "layer", "bare": True},
    "a norm of neurons alone, in one layer": {"norm": "rms", "bare": True, "layers": 1},
    "integers": {"integers": True, "scale": 1.0},
}


def network_of(place: int, options: dict[str, Any], **sizes: int) -> Layered:
    """Return a small network; a bare one has no norm before its first attention."""
    own = SMALL | options
    bare = own.pop("bare", False)
    made = layered(place, **own, **sizes)
    if not bare:
        return made
    first = next(i for i, part in enumerate(made.parts) if part["part"] == "norm")
    parts = [*made.parts[:first], *made.parts[first + 1 :]]
    kept = {name: x for name, x in made.tensors.items() if not name.startswith("blocks.0.ln1")}
    return replace(made, parts=parts, tensors=kept)


@contextmanager
def noted() -> Iterator[list[Any]]:
    """Note what room is asked for, what is bounded, and the stream as the readout has it."""
    notes: list[Any] = []
    kept = [(Map, "require_room"), (FirstLayer, "_bound"), (Network, "final")]
    true = [getattr(owner, name) for owner, name in kept]

    def noting(function: Any) -> Any:
        def called(self: Any, *arguments: Any) -> Any:
            notes.append((function.__name__, arguments))
            return function(self, *arguments)

        return called

    for (owner, name), function in zip(kept, true, strict=True):
        setattr(owner, name, noting(function))
    try:
        yield notes
    finally:
        for (owner, name), function in zip(kept, true, strict=True):
            setattr(owner, name, function)


def walked(name: str) -> Any:
    """Return outputs, radii, room and operations of each input of a network, at each precision."""
    with noted() as notes:
        return _walked(name), notes


def _walked(name: str) -> Any:
    place = [*NETWORKS].index(name)
    sizes = {"v": 2 + place % 2, "n": 3, "outputs": 2 + place % 2}
    network = network_of(place, NETWORKS[name], **sizes)
    spans = [[0, 2], [0, 1 + place % 2], [place % 2, 2]]
    task = table(network, 3, network.sizes["d_vocab_out"], place, spans)
    passes = [dict(zip(("width", "bits", "fine", "readout"), WIDE, strict=True))]
    options = {"precision": 128, "witness": {"passes": passes}}
    cert = claim_of(network, task, (0, len(task["labels"])), **options)
    claim, model = read(network.bytes(), encoded(cert), Pins())
    found: list[Any] = []
    for precision in PRECISIONS:
        tally = Tally(PLENTY, 2)
        layers = given(model, claim, tally)
        made = Network(layers, readers_of(layers, tally), precision, tally)
        walk = walk_of(made, tally)
        if precision.readout:
            walk.named(3, 2)
        found.append(tally.spent)
        inputs = [[t - s[0] for t, s in zip(x, spans, strict=True)] for x in inputs_of(task)]
        # In their order, then back: other prefixes are shared.
        for tokens in [*inputs, *inputs[::-2]]:
            outputs = walk.outputs(tokens)
            found.append((outputs and (list(outputs[0]), outputs[1]), tally.spent))
        found.append(list(tally.once.items()))
    return found


def merged(seed: int) -> Any:
    """Return what merged walks count, and their operations, for classes of several rules."""
    rng = Random(seed)
    found = []
    for rule, v, places in (
        (Maximum(), 4, 3),
        (Rank(2), 3, 3),
        (Maximum(), 3, 0),
        (Rank(1), 2, 4),
        (Rank(3), 3, 5),
    ):
        positions, reads = [range(v)] * (places + 1), range(places + 1)
        for label in rule.labels(range(v), places + 1):
            acceptor = accepted(rule, label, positions, reads)
            for query, start in acceptor.starts.items():
                cells = cells_of(Class(query, start, acceptor), [])
                found.append(_merged(rng, cells, places))
    return found


def _merged(rng: Random, cells: Any, places: int) -> Any:
    count, rivals = len(cells.tokens), rng.randint(1, 3)
    scales = [10 ** rng.randint(0, 5) for _ in range(count)]
    tables = []
    for _ in range(rivals):
        rows = [[rng.randint(-6, 5) * x for x in scales] for _ in range(places)]
        own = rng.randint(-9, 6) * rng.choice([1, *scales])
        tables.append(Table(own, rows, count * places + 1))
    axes = sorted(rng.sample(range(rivals), rng.randint(1, rivals)))
    found: list[Any] = []
    for limits in ((1, 1), (1, 9), (2, 2), (3, 1), (4, 3), (4096, 4096)):
        for up in (True, False):
            tally = Tally(PLENTY)
            walk = MergedWalk(cells, tables, axes, max(count - 1, 0), tally)
            found.append((walk.lanes.width, walk.units))
            found.append((walk.count(Limits(*limits), up=up), tally.spent))
    return found


def trees() -> Any:
    """Return the inputs with labels in their order, and the operations, for several tasks."""
    found: list[Any] = []
    words = Balanced(0, 1, (0, 1))
    for rule, spans, reads in (
        (words, [range(2)] * 4, range(4)),
        (Maximum(), [range(1, 3), range(2, 4), range(3)], (0, 2)),
        (Maximum(), [range(2)], (0,)),
        (Sparse(), [range(3), range(1, 4), range(2)], (0, 1, 2)),
        (Sparse(), [range(3), range(1, 4), range(2)], (0, 2)),
        (Sparse(), [range(3), range(1, 4), range(2)], (1,)),
    ):
        task = Task(rule, tuple(spans), tuple(reads), range(4))
        for first in ((), (0,), (1,), (0, 1), (0, 0, 0)[: len(spans)]):
            if any(x >= len(span) for x, span in zip(first, spans, strict=False)):
                continue
            for shared in (0, 1, 2, 9):
                tally = Tally(PLENTY, 2)
                listed = [(list(x), label) for x, label in labelled(task, tally, first, shared)]
                found.append((listed, tally.spent, list(tally.once.items())))
    return found


def function(name: str) -> Any:
    """Return every number of the function of a network that is read from its tensors."""
    place = [*NETWORKS].index(name)
    network = network_of(place, NETWORKS[name], v=3, n=3, outputs=3)
    spans = [[0, 3], [1, 2], [1, 3]]
    found: list[Any] = []
    for answers in ([0, 3], [1, 3]):
        task = table(network, 3, 3, place, spans) | {"answers": answers}
        passes = [dict(zip(("width", "bits", "fine", "readout"), WIDE, strict=True))]
        options = {"precision": 128, "witness": {"passes": passes}}
        cert = claim_of(network, task, (0, len(task["labels"])), **options)
        claim, model = read(network.bytes(), encoded(cert), Pins())
        tally = Tally(PLENTY)
        found.append((given(model, claim, tally), tally.spent))
    return found


def programs(seed: int) -> Any:
    """Return outputs, errors and operations of programs in fixed point, of every form."""
    rng = Random(seed)
    found: list[Any] = []
    for turn in range(12):
        made = program_of(rng, turn)
        for width in (64, 128, 192):
            tally = Tally(PLENTY)
            fixed = FixedPoint(made, width, tally)
            found.append((fixed.unit, fixed.near_unit, fixed.tops, fixed.off_neurons))
            found.append((fixed.cost(), fixed.cost_of_columns(), fixed.off_beside, tally.spent))
            for tokens in product(*map(range, map(len, made.positions))):
                columns = fixed.columns(tokens)
                outputs = fixed.evaluate(tokens)
                found.append((columns, outputs and (list(outputs.values), outputs.error)))
            found.append((column_bounds(made), tally.spent))
            found.append([(x.rows, x.bias, x.heaviest) for x in fixed.layers])
            tops = [[7, 1, 2**40, 0][: len(x.weight.rows)] for x in made.layers]
            for finer in (0, 1, 7, width // 2):
                pairs = zip(made.layers, tops, strict=True)
                found.append([fixed._tops(x, top, 9 + finer, 30 + finer) for x, top in pairs])
    return found


def program_of(rng: Random, turn: int) -> Program:
    """Return a program: with heads or none, layers or none, what is beside them or nothing."""
    places, heads = 2 + turn % 2, turn % 3
    neurons, outputs = (0, 2, 3)[turn // 2 % 3], 2 + turn % 2
    beside = turn % 4 > 0 or not neurons
    size, spread = 2 ** rng.randint(3, 40), 2 ** rng.randint(3, 20)
    positions = tuple(range(x, x + rng.randint(1, 3)) for x in [turn % 2] * places)

    def rows(count: int, columns: int) -> list[list[int]]:
        return [[rng.randint(-size, size) for _ in range(columns)] for _ in range(count)]

    def layer(inputs: int, columns: int, rectified: bool, biased: bool) -> Layer:
        bias = rows(1, columns) if biased else [[0] * columns]
        weight = Matrix(rows(inputs, columns), -rng.randint(0, 40))
        return Layer(weight, Matrix(bias, -rng.randint(0, 40)), rectified)

    columns = neurons + (outputs if beside else 0)
    lookups = [rows(len(span), columns) if rng.random() < 0.7 else None for span in positions]
    lookups[-1] = rows(len(positions[-1]), columns)
    made = []
    for _ in range(heads):
        values = [rows(len(span), columns) if rng.random() < 0.8 else None for span in positions]
        tokens, queries = max(span.stop for span in positions), len(positions[-1])
        scores = [[rng.randint(-spread, spread) for _ in range(tokens)] for _ in range(queries)]
        order = [[rng.randint(-spread, spread) for _ in range(places)] for _ in range(queries)]
        made.append(ProgramHead(values, scores, order, -rng.randint(2, 9), rng.randint(1, 4)))
    layers = []
    if neurons:
        deep = turn % 5 == 1
        layers = [layer(neurons, 3, True, turn % 2 > 0)] if deep else []
        inputs = 3 if deep else neurons
        layers.append(layer(inputs, outputs, not (deep and turn % 3), turn % 4 == 2))
    exponent = -rng.randint(0, 30)
    return Program(positions, lookups, exponent, made, neurons, layers, beside, 1)


class Sparse:
    """Gives a label to inputs whose tokens add up to an even number, none of them 2."""

    def opening(self) -> int:
        return 0

    def reading(self, state: int, remaining: int, token: int) -> int | None:
        total = state + token
        return None if token == 2 or (not remaining and total % 2) else total

    def label(self, tokens: list[int]) -> int | None:
        return None if 2 in tokens or sum(tokens) % 2 else sum(tokens)


RULES: dict[str, Callable[[], Any]] = {
    **{f"network: {name}": lambda name=name: walked(name) for name in NETWORKS},
    **{f"merged walks, {seed}": lambda seed=seed: merged(seed) for seed in range(4)},
    "trees": trees,
    **{f"function: {name}": lambda name=name: function(name) for name in NETWORKS},
    **{f"programs, {seed}": lambda seed=seed: programs(seed) for seed in range(4)},
}


def digest(rule: str) -> str:
    """Return a digest of all numbers of a rule."""
    return hashlib.sha256(repr(RULES[rule]()).encode()).hexdigest()[:16]


def stored() -> dict[str, str]:
    """Return the digests by rule."""
    found: dict[str, str] = json.loads(PATH.read_text())
    return found


if __name__ == "__main__":
    PATH.write_text(json.dumps({rule: digest(rule) for rule in RULES}, indent=1) + "\n")
