"""Reference certificates of `exact` and `split` by classes: what the checker finds, to the digit.

In tests/ `PYTHONPATH=../certificates/checker python -m support.split_reference` writes the file
tests/data/split-reference.json anew, once all counts enclose the truth.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from arithmetic.tally import Tally
from counting.cells import cells_of
from counting.class_tables import ClassTables
from counting.lead_tables import LeadTables
from counting.summands import Weights
from files.claims import Pins
from files.verdict import Refusal
from kernel import check, given
from kernel import read as read_claim
from strategies.split_witness import read_exact, read_split
from support.certify import encoded
from support.networks import Network, claim_of, one_layer
from support.splits import witness_of
from support.table_counts import table, truth
from tasks.acceptors import Class, acceptors

PATH = Path(__file__).resolve().parents[1] / "data" / "split-reference.json"
PLENTY = 10**10
SHIFTED = [[1, 3], [0, 2], [2, 4]]
# A name, a network, the positions and answers of its task, and how the witness is made.
CASES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("two heads", {}, {}, {}),
    ("neurons alone", {"heads": 1, "positions": False, "biases": False}, {}, {"margin": "1/3"}),
    ("heads alone", {"m": 0}, {}, {"sharp": False}),
    ("three heads", {"heads": 3, "m": 1, "mask": "none"}, {}, {"margin": "1/7"}),
    ("a share", {"share": "1/2"}, {}, {}),
    ("a share, no neurons", {"share": "1/3", "normalised": True, "m": 0}, {}, {"precision": 48}),
    ("a share of one head", {"heads": 1, "share": "2/3", "positions": False}, {}, {}),
    ("first tokens", {"v": 4}, {"positions": SHIFTED}, {}),
    ("first tokens, no neurons", {"v": 4, "m": 0}, {"positions": SHIFTED}, {"sharp": False}),
    ("some answers", {"outputs": 4}, {"answers": [1, 3]}, {"margin": "1"}),
    ("a fixed token", {"v": 4}, {"positions": [[0, 3], [1, 2], [1, 4]], "answers": [1, 3]}, {}),
    ("four positions", {"k": 4, "v": 2, "m": 2}, {}, {}),
    ("one position", {"k": 1, "v": 4}, {}, {}),
    ("a grid", {}, {}, {"rate": 16}),
    ("a grid, no neurons", {"m": 0, "v": 4}, {"positions": SHIFTED}, {"rate": 3}),
    ("a grid of one head", {"heads": 1, "m": 2, "k": 4, "v": 3}, {}, {"rate": 64}),
    ("a grid at random", {"outputs": 4}, {"answers": [1, 4]}, {"rate": 9, "sharp": False}),
    ("ties", {"integers": True}, {}, {}),
    ("ties, no neurons", {"integers": True, "m": 0}, {}, {"sharp": False}),
    ("wild", {"scale": 4.0, "k": 2}, {}, {"sharp": False}),
    ("few bits", {}, {}, {"precision": 33}),
    ("light neurons", {"out": 2.0**-30}, {}, {}),
    ("heavy neurons", {"out": 2.0**20}, {}, {"sharp": False}),
    ("neurons of middle weight", {"out": 2.0**-6}, {}, {"sharp": False}),
    ("whole neurons", {"out": 64.0, "integers": True}, {}, {}),
    ("a large margin", {}, {}, {"margin": "1000000"}),
    ("a large margin, no neurons", {"m": 0}, {}, {"margin": "1000000", "sharp": False}),
    ("four answers", {"outputs": 4, "m": 1, "mask": "none"}, {}, {"precision": 40}),
    ("one answer", {}, {"answers": [1, 2]}, {}),
    ("a fine grid", {"heads": 1, "k": 4, "scale": 0.5}, {}, {"rate": 4096}),
    ("a fine grid of two heads", {"k": 4, "v": 4, "m": 0, "scale": 0.5}, {}, {"rate": 512}),
    ("a coarser unit", {}, {}, {"unit": 5}),
    ("a finer unit", {"m": 0}, {}, {"unit": -2, "precision": 48}),
]


def network_of(seed: int, options: dict[str, Any]) -> Network:
    """Return a small model, its last layer's weights times `out`."""
    own = {"k": 3, "outputs": 3} | options
    out = own.pop("out", 1)
    made = one_layer(seed, **own)
    name = "blocks.0.mlp.W_out"
    if out == 1:
        return made
    return replace(made, tensors=made.tensors | {name: made.tensors[name] * type_of(made, out)})


def type_of(network: Network, number: float) -> Any:
    """Return a number as what the tensors hold."""
    return next(iter(network.tensors.values())).dtype.type(number)


def cases() -> Iterator[dict[str, Any]]:
    """Yield names, weights and certificates that claim the true counts or less."""
    for place, (name, options, domain, said) in enumerate(CASES):
        network = network_of(place, options)
        k, outputs = network.sizes["n_ctx"], network.sizes["d_vocab_out"]
        task = table(network, k, outputs, place, domain.get("positions"))
        task |= {"answers": domain.get("answers", task["answers"])}
        margin, precision = said.get("margin", "0"), said.get("precision", 64)
        common: dict[str, Any] = {"margin": margin, "precision": precision}
        rate = said.get("rate", 0)
        witness = witness_of(
            network, task, place, rate=rate, sharp=said.get("sharp", True), **common
        )
        _rescale(witness, said.get("unit", 0))
        strategy = "split" if rate else "exact"
        right, ties = truth(network, task, Fraction(margin))
        cert = claim_of(
            network, task, (0, len(task["labels"])), strategy=strategy, witness=witness, **common
        )
        found = answer(network.bytes(), cert)
        assert found["at least"] <= right <= right + ties <= found["at most"], name
        weights = base64.b64encode(network.bytes()).decode()
        yield {"name": name, "weights": weights, "certificate": cert, "answer": found}


def _rescale(witness: dict[str, Any], more: int) -> None:
    """State a witness in another unit, its ends further out."""
    witness["unit"] += more
    for said in witness["classes"]:
        for key, sign in (("thresholds", 1), ("low", 1), ("high", -1)):
            said[key] = [[_floor(sign * x, more) * sign for x in row] for row in said[key]]


def _floor(number: int, shift: int) -> int:
    return number >> shift if shift >= 0 else number << -shift


def answer(weights: bytes, cert: dict[str, Any]) -> dict[str, Any]:
    """Return the counts that are established, the tally, and a digest of all classes' tables."""
    low, high = counts(weights, cert)
    try:
        tally = check(weights, encoded(claiming(cert, low, high)), Pins()).tally
    except Refusal as refusal:
        raise AssertionError("counts that are established are refused") from refusal
    found = {"at least": low, "at most": high, "tally": tally}
    return found | {"tables": tables(weights, encoded(cert))}


def counts(weights: bytes, cert: dict[str, Any]) -> tuple[int, int]:
    """Return what is established: it is said where more is claimed."""
    total = int(cert["claim"]["total"])
    try:
        check(weights, encoded(claiming(cert, total, total)), Pins())
        return total, total
    except Refusal as refusal:
        found = refusal.established
        return int(found["correct_at_least"]), int(found["correct_at_most"])


def claiming(cert: dict[str, Any], low: int, high: int) -> dict[str, Any]:
    """Return the certificate with other counts."""
    counts = {"correct_at_least": str(low), "correct_at_most": str(high)}
    return cert | {"claim": cert["claim"] | counts}


def tables(weights: bytes, cert: bytes) -> str:
    """Return a digest of every integer of the tables of every class that is listed."""
    claim, model = read_claim(weights, cert, Pins())
    made = LeadTables(given(model, claim, Tally(PLENTY)), claim, claim.precision - 4, Tally(PLENTY))
    witness = (read_split if "rate" in claim.witness else read_exact)(claim)
    numbers: list[Any] = [made.end, made.limit, made.leads.width]
    numbers += [made.neurons.width if made.neurons else 0]
    for acceptor in acceptors(claim.task):
        for query, start in acceptor.starts.items():
            said = witness.classes.get((query, acceptor.label))
            if said is None:
                continue
            group = Class(query, start, acceptor)
            column = acceptor.label - claim.task.answers.start
            place = query - claim.task.positions[-1].start
            found = Weights(made.summands, place, Tally(PLENTY))
            each = ClassTables(made, found, group, cells_of(group, []), column)
            numbers.append(each.uppers(each.known(said, witness.unit)))
    return hashlib.sha256(repr(numbers).encode()).hexdigest()[:16]


def read() -> list[dict[str, Any]]:
    """Return the reference: names, weights, certificates and the answers to them."""
    found: list[dict[str, Any]] = json.loads(PATH.read_text())
    for case in found:
        case["weights"] = base64.b64decode(case["weights"])
    return found


def write() -> None:
    """Write the reference anew."""
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases())
    PATH.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    write()
