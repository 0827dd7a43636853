"""Valid certificates of `enumerate` for small models with heads, MLPs or pairs of tokens."""

from __future__ import annotations

from functools import cache
from random import Random
from types import SimpleNamespace
from typing import Any

from support.certify import digest, encoded, verdict
from support.claimed import ends_of
from support.networks import Network, claim_of, one_layer, pair

Fields = dict[str, Any]
OPERATIONS = 150_000
MARGINS = ("0", "0", "1/8", "3", "1/1048576")


class NetworkTruth:
    """What is true of a network: what a claim says of it is evaluated word by word."""

    eps = None

    def __init__(self, network: Network) -> None:
        self.network, self.weights = network, network.bytes()
        self.digest = digest(self.weights)
        sizes = network.sizes
        self.oracle = SimpleNamespace(d_vocab=sizes["d_vocab"], n_ctx=sizes["n_ctx"])
        self.total = sizes["d_vocab"] ** sizes["n_ctx"]


@cache
def networks() -> list[Network]:
    """Return the networks: every part, with and without, and weights that make ties."""
    return [
        one_layer(1),
        one_layer(2, heads=1, m=4, v=4, outputs=5),
        one_layer(3, heads=3, m=0, k=1),
        one_layer(4, positions=False, k=3, mask="none", biases=False),
        one_layer(5, share="1/2", integers=True),
        one_layer(6, share="2/3", normalised=True, k=3),
        one_layer(7, share="0", integers=True, m=2),
        one_layer(8, integers=True, heads=2, m=2, k=3),
        one_layer(9, scale=1e-12, outputs=2),
        one_layer(10, scale=4.0, mask="none", m=0),
        pair(11, integers=True),
        pair(12, inputs="sum", layers=2, shared=True),
        pair(13, inputs="concatenated", biases=False, outputs=6),
        pair(14, inputs="sum", layers=3, scale=1e6),
    ]


@cache
def network_truths() -> list[NetworkTruth]:
    """Return what is true of the networks."""
    return [NetworkTruth(network) for network in networks()]


def random_task(rng: Random, sizes: dict[str, int]) -> Fields:
    """Return a task of any rule that models of these sizes can have."""
    v, k, out = (sizes[x] for x in ("d_vocab", "n_ctx", "d_vocab_out"))
    positions = [[0, v] if rng.random() < 0.7 else _span(rng, v) for _ in range(k)]
    reads = list(range(k)) if rng.random() < 0.7 else sorted(rng.sample(range(k), 1))
    answers = [0, out] if rng.random() < 0.7 else _span(rng, out)
    whole = {"positions": positions, "reads": reads, "answers": answers}
    match rng.choice(["sum", "product", "table", "max"]):
        case "sum":
            factors = [rng.randint(-3, 3) for _ in reads]
            stated = {"modulus": rng.randint(1, v + 1), "coefficients": factors}
            return {"rule": "sum", **stated, **whole}
        case "product":
            group = rng.choice([f"C{v}", f"D{(v + 1) // 2}", "S3", "A4"])
            side = rng.choice(["x(y)", "y(x)"])
            stated = {"group": group, "order": "lexicographic", "side": side}
            return {"rule": "product", **stated, **whole}
        case "table":
            entries = 1
            for i in reads:
                entries *= positions[i][1] - positions[i][0]
            labels = [rng.randrange(out) for _ in range(entries)]
            return {"rule": "table", "labels": labels, **whole}
    return {"rule": "max", **whole}


def _span(rng: Random, past: int) -> list[int]:
    first = rng.randrange(past)
    return [first, rng.randint(first + 1, past)]


@cache
def network_fields(index: int, variant: int) -> tuple[NetworkTruth, Fields]:
    """Return a network's truth and a certificate of all that is shown of it; always the same."""
    truth, rng = network_truths()[index], Random(f"network {index} {variant}")
    network, passes = truth.network, rng.randint(1, 3)
    task = random_task(rng, network.sizes)
    options = {"margin": rng.choice(MARGINS), "precision": rng.choice([64, 64, 128])}
    options |= {"passes": passes, "operations": OPERATIONS}
    counts = ends_of(truth.weights, claim_of(network, task, (0, 0), **options)["claim"])
    answer = verdict(truth.weights, encoded(claim_of(network, task, counts, **options)))
    if answer.reason == "count":  # Some inputs stay open.
        found = answer.established
        counts = found["correct_at_least"], found["correct_at_most"]
    return truth, claim_of(network, task, counts, **options)
