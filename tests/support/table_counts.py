"""Random tables as tasks of small networks, their true counts, and what a check establishes."""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

from flint import arb, ctx

from files.claims import Pins
from files.verdict import Rejected
from kernel import check
from support.certify import encoded
from support.networks import BITS, Network, claim_of, inputs_of


def table(
    network: Network, k: int, outputs: int, seed: int = 0, positions: list[list[int]] | None = None
) -> dict[str, Any]:
    """Return a task with labels at random."""
    v = network.sizes["d_vocab"]
    spans = positions or [[0, v]] * k
    size = 1
    for first, past in spans:
        size *= past - first
    labels = [Random(seed + i).randrange(outputs) for i in range(size)]
    return {
        "rule": "table",
        "labels": labels,
        "positions": spans,
        "reads": list(range(k)),
        "answers": [0, outputs],
    }


def truth(
    network: Network, task: dict[str, Any], margin: Fraction = Fraction(0)
) -> tuple[int, int]:
    """Return how many inputs are right and how many are ties that balls do not decide."""
    right = ties = 0
    answers = range(*task["answers"])
    for label, tokens in zip(task["labels"], inputs_of(task), strict=True):
        if label not in answers:
            continue
        lead = network.lead(tokens, label, answers)
        if lead is None or isinstance(lead, Fraction):
            right += lead is None or lead > margin
            continue
        with ctx.workprec(BITS):
            least = arb(margin.numerator) / margin.denominator
            right += bool(lead > least)
            ties += not (lead > least or lead < least)
    return right, ties


def established(network: Network, task: dict[str, Any], **options: Any) -> tuple[int, int]:
    """Return the counts that the check establishes."""
    total = len(task["labels"])
    cert = claim_of(network, task, (total, total), **options)
    try:
        theorem = check(network.bytes(), encoded(cert), Pins())
        return theorem.correct_at_least, theorem.correct_at_most
    except Rejected as refusal:
        assert refusal.reason == "count", refusal
        found = refusal.established
        return int(found["correct_at_least"]), int(found["correct_at_most"])
