"""Witnesses of `exact` and `split` for small networks: random thresholds, ends by extremes."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from arithmetic.tally import Tally
from counting.summands import Summands
from files.claims import Pins
from kernel import given, read
from support.certify import encoded
from support.networks import Network, claim_of
from tasks.acceptors import acceptors

PLENTY = 10**10


def witness_of(
    network: Network,
    task: dict[str, Any],
    seed: int,
    *,
    rate: int = 0,
    spread: float = 1.0,
    **options: Any,
) -> dict[str, Any]:
    """Return a witness with random thresholds, of all classes."""
    rng, name = Random(seed), "split" if rate else "exact"
    cert = claim_of(network, task, (0, 0), strategy=name, witness={}, **options)
    claim, model = read(network.bytes(), encoded(cert), Pins())
    program = given(model, claim, Tally(PLENTY))
    summands = Summands(program, claim, claim.precision - 4, Tally(PLENTY))
    ends = [_ends(summands, h) for h in range(len(summands.tables))]
    low, high = ([end[side] for end in ends] for side in (0, 1))
    answers, count = len(claim.task.answers), len(summands.tables)

    def class_of(query: int, label: int) -> dict[str, Any]:
        reach = int(spread * summands.top) + 1
        rows = [[rng.randint(-reach, reach) for _ in range(answers)] for _ in range(count - 1)]
        ends = {"low": low, "high": high} if program.neurons else {"low": [], "high": []}
        return {"query": query, "label": label, "thresholds": rows} | ends

    keys = sorted((q, a.label) for a in acceptors(claim.task) for q in a.starts)
    classes = [class_of(q, m) for q, m in keys if m in claim.task.answers]
    found = {"unit": summands.unit, "classes": classes}
    return found | {"rate": rate} if rate else found


def _ends(summands: Summands, h: int) -> tuple[list[int], list[int]]:
    """Return the smallest and the largest entry of each neuron's columns."""
    rows = [row.neurons for place in summands.tables[h] for row in place]
    rows += [row.neurons for row in summands.own[h]]
    if h >= summands.softmax:
        # A sum of look-ups.
        parts = [[row.neurons for row in place] for place in summands.tables[h]]
        low = np.sum([np.min(x, axis=0) for x in parts], axis=0)
        high = np.sum([np.max(x, axis=0) for x in parts], axis=0)
    else:
        low, high = np.min(rows, axis=0), np.max(rows, axis=0)
    return [int(x) for x in low], [int(x) for x in high]
