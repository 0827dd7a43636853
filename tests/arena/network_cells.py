"""Cases about `cells`: true claims, claims of one input more or less, and bad witnesses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from accept_cases import at_the_bound
from arena_case import BUDGET, UNSUPPORTED, WITNESS, Case, Fields, proof, tally
from network_cases import accepted, refused
from network_false_claims import judged
from network_models import ends, network, stated, table
from support.compact import every_neuron, spanned

MODELS = (
    "heads",
    "no-positions",
    "half-uniform",
    "uniform",
    "tiny-weights",
    "pair-added",
    "pair-ties",
)
FAR = {"exponent": 1101, "rows": []}


def of_cells(name: str, witness: Fields, **options: Any) -> Fields:
    """Return a certificate by `cells` with the true counts."""
    return stated(name, table(network(name)), strategy="cells", witness=witness, **options)


def network_cells_accept_cases() -> Iterator[Case]:
    """Yield claims that must be verified."""
    for name in MODELS:
        neurons, data = network(name).sizes["d_mlp"], network(name).bytes()
        for leaf in (1, 4096):
            cert = at_the_bound(data, of_cells(name, every_neuron(neurons, leaf)))
            about = "A coordinate for each neuron, in boxes of one input or in a single one."
            yield accepted(f"cells.{name}.{leaf}", about, name, cert)
        fewer = at_the_bound(data, of_cells(name, spanned(0, neurons, neurons - 1), precision=128))
        yield accepted(f"cells.{name}.fewer", "A coordinate less than neurons.", name, fewer)
        enough = proof(fewer, operations=str(tally(data, fewer)))
        case = accepted(f"cells.{name}.budget", "Exactly what the check takes.", name, enough)
        yield Case(**(vars(case) | {"tally": True}))


def network_cells_reject_cases() -> Iterator[Case]:
    """Yield claims that must be refused."""
    for name in MODELS:
        neurons, true = network(name).sizes["d_mlp"], ends(name, table(network(name)))
        cert = of_cells(name, every_neuron(neurons))
        total = int(cert["claim"]["total"])
        for least, most in ((true[1] + 1, total), (0, true[0] - 1)):
            counts = {"correct_at_least": str(least), "correct_at_most": str(most)}
            false = cert | {"claim": cert["claim"] | counts}
            about = "One input more, or less, than are right."
            yield from judged(f"cells.{name}.{least}-{most}", about, name, false, true)
    for name in ("heads", "pair-added"):
        neurons = network(name).sizes["d_mlp"]
        good = every_neuron(neurons)
        for index, bad in enumerate(_faults(good, neurons)):
            cert = of_cells(name, bad)
            about = "A witness outside of its domain."
            yield refused(f"cells.witness.{name}.{index}", about, name, cert, WITNESS)
        for precision in (63, 96, 576, 1024):
            cert = of_cells(name, good, precision=precision)
            about = "Lanes of a width that is no multiple of 64, or above 512."
            yield refused(f"cells.lanes.{name}.{precision}", about, name, cert, WITNESS)
        short = proof(of_cells(name, good), operations="1000")
        yield refused(f"cells.budget.{name}", "Too few operations.", name, short, BUDGET)
    for name in ("three-heads", "pair-deep"):
        neurons = network(name).sizes["d_mlp"] or 3
        cert = of_cells(name, every_neuron(neurons))
        about = "A strategy for models with one layer of neurons."
        yield refused(f"cells.layers.{name}", about, name, cert, UNSUPPORTED)


def _faults(good: Fields, neurons: int) -> Iterator[Fields]:
    for leaf in (0, 4097, -1, True, "4", None):
        yield good | {"leaf": leaf}
    for key in ("directions", "coordinates"):
        rows = good[key]["rows"]
        for other in (
            None,
            [],
            FAR,
            good[key] | {"rows": rows[1:]},
            good[key] | {"exponent": -1101},
        ):
            yield good | {key: other}
        for entry in (2**31, -(2**31), "1", True, None):
            yield good | {key: good[key] | {"rows": [[entry, *rows[0][1:]], *rows[1:]]}}
        yield {x: value for x, value in good.items() if x != key}
    more = {"exponent": 0, "rows": [[1] * neurons] * (neurons + 1)}
    over = {"exponent": 0, "rows": [[1] * (neurons + 1)] * neurons}
    yield good | {"directions": more, "coordinates": over}
    yield good | {"note": 1}
    yield {}
