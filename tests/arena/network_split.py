"""Cases about `exact` and `split` of several heads and neurons: claims and witnesses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from accept_cases import at_the_bound
from arena_case import BUDGET, LIMIT, UNSUPPORTED, WITNESS, Case, Fields, proof, tally
from network_cases import accepted, refused
from network_false_claims import judged
from network_models import ends, network, stated, table
from support.splits import witness_of

MODELS = (
    "heads",
    "three-heads",
    "one-head-mlp",
    "no-positions",
    "half-uniform",
    "beyond-softmax",
    "tied-heads",
    "tiny-weights",
)


def of_classes(name: str, rate: int = 0, **options: Any) -> Fields:
    """Return a certificate with the true counts and random thresholds."""
    task = table(network(name))
    witness = options.pop("witness", None) or witness_of(network(name), task, len(name), rate=rate)
    strategy = "split" if rate else "exact"
    return stated(name, task, strategy=strategy, witness=witness, **options)


def network_split_accept_cases() -> Iterator[Case]:
    """Yield claims that must be verified."""
    for name in MODELS:
        data = network(name).bytes()
        about = "Thresholds at random, ends by extremes: what is left is evaluated."
        cert = at_the_bound(data, of_classes(name))
        yield accepted(f"exact.{name}", about, name, cert)
        about = "The same, and what is left is counted on a grid."
        yield accepted(f"split.{name}", about, name, at_the_bound(data, of_classes(name, 64)))
        enough = proof(cert, operations=str(tally(data, cert)))
        case = accepted(f"exact.{name}.budget", "Exactly what the check takes.", name, enough)
        yield Case(**(vars(case) | {"tally": True}))


def network_split_reject_cases() -> Iterator[Case]:
    """Yield claims that must be refused."""
    for name in MODELS:
        true = ends(name, table(network(name)))
        for rate in (0, 64):
            cert = of_classes(name, rate)
            total = int(cert["claim"]["total"])
            for least, most in ((true[1] + 1, total), (0, true[0] - 1)):
                counts = {"correct_at_least": str(least), "correct_at_most": str(most)}
                false = cert | {"claim": cert["claim"] | counts}
                about = "One input more, or less, than are right."
                named = f"split.{name}.{rate}.{least}-{most}"
                yield from judged(named, about, name, false, true)
    for name in ("heads", "half-uniform"):
        good = of_classes(name)["proof"]["witness"]
        for index, bad in enumerate(_faults(good)):
            cert = of_classes(name, witness=bad)
            about = "A witness outside of its domain, or ends that do not hold."
            yield refused(f"exact.witness.{name}.{index}", about, name, cert, WITNESS)
        short = proof(of_classes(name), operations="1000")
        yield refused(f"exact.budget.{name}", "Too few operations.", name, short, BUDGET)
        wide = of_classes(name, witness=good, precision=65)
        yield refused(f"exact.precision.{name}", "Above 64 bits.", name, wide, LIMIT)
    witness = {"unit": 0, "classes": []}
    for name in ("uniform", "pair-added", "pair-deep"):
        cert = of_classes(name, witness=witness)
        about = "A strategy for models with heads."
        yield refused(f"exact.none.{name}", about, name, cert, UNSUPPORTED)


def _faults(good: Fields) -> Iterator[Fields]:
    for key in good:
        yield {x: value for x, value in good.items() if x != key}
    for unit in (4097, -4097, True, "0", None):
        yield good | {"unit": unit}
    first, *others = good["classes"]
    yield good | {"note": 1}
    yield good | {"classes": [*others, first]}
    yield good | {"classes": [first, first, *others]}
    yield good | {"classes": [first | {"query": 99}]}
    yield good | {"classes": [first | {"label": 99}]}
    for key in first:
        yield good | {"classes": [{x: value for x, value in first.items() if x != key}]}
        for value in (None, True, "1", {}, [[]], [[2**62 + 1]]):
            yield good | {"classes": [first | {key: value}]}
    yield good | {"classes": [first | {"low": first["high"], "high": first["low"]}]}
    for key in ("low", "high"):
        yield good | {"classes": [first | {key: first[key][:-1]}]}
        yield good | {"classes": [first | {key: [row[:-1] for row in first[key]]}]}
    yield good | {"unit": 4096}
