"""`split` and `exact` of heads: counts of several processes, of small integers, of long inputs."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from support.certify import encoded
from support.networks import claim_of, one_layer
from support.splits import witness_of
from support.table_counts import table

from arithmetic.tally import Tally
from counting.branch import MAX_WALK
from files.claims import Pins
from files.verdict import Declined, Rejected
from kernel import check


def counted(network, task, processes, **options):
    """Return both counts and the tally, by so many processes."""
    total = len(task["labels"])
    cert = claim_of(network, task, (total, total), **options)
    with pytest.raises(Rejected) as refusal:
        check(network.bytes(), encoded(cert), Pins(), partial(Tally, processes=processes))
    return refusal.value.established


@pytest.mark.parametrize("name", ["split", "exact"])
@pytest.mark.parametrize("seed", range(3))
def test_processes_count_the_same_ends_and_operations_where_inputs_are_open(name, seed):
    """Labels that are no answers, and classes that the witness leaves out, keep the ends apart."""
    network = one_layer(seed, v=3, k=3, heads=2, outputs=3)
    task = table(network, 3, 3, seed) | {"answers": [0, 2]}
    rate = 16 * (name == "split")
    witness = witness_of(network, task, seed, rate=rate, sharp=bool(rate))
    # Of each label one class fewer; a class that is stated has gaps that all processes make.
    witness["classes"] = witness["classes"][1:-1]
    alone = counted(network, task, 1, strategy=name, witness=witness)
    low, high = int(alone["correct_at_least"]), int(alone["correct_at_most"])
    assert low < high < len(task["labels"])
    for processes in (2, 3):
        assert counted(network, task, processes, strategy=name, witness=witness) == alone


def test_ties_stay_open_at_all_widths_and_cost_the_same_in_any_number_of_processes():
    """All logits are 0: columns have no bits, and no pass decides an input."""
    network = one_layer(1, v=3, k=2, heads=2, m=0, outputs=3)
    zeros = {x: np.zeros_like(network.tensors[f"unembed.{x}"]) for x in ("W_U", "b_U")}
    tensors = network.tensors | {f"unembed.{x}": value for x, value in zeros.items()}
    network = replace(network, tensors=tensors)
    task = table(network, 2, 3)
    witness = witness_of(network, task, 1, sharp=False)
    found = [counted(network, task, x, strategy="exact", witness=witness) for x in (1, 2, 3)]
    assert int(found[0]["correct_at_least"]) == 0 < int(found[0]["correct_at_most"])
    assert found[1] == found[2] == found[0]


@pytest.mark.parametrize("strategy", ["exact", "split"])
def test_no_more_positions_are_walked_than_calls_can_nest(strategy):
    network = one_layer(1, v=1, k=MAX_WALK + 1, heads=2, outputs=2)
    task = {"rule": "max", "positions": [[0, 1]] * (MAX_WALK + 1)}
    task |= {"reads": list(range(MAX_WALK + 1)), "answers": [0, 2]}
    witness = {"unit": 0, "classes": []} | ({"rate": 16} if strategy == "split" else {})
    cert = claim_of(network, task, (0, 1), strategy=strategy, witness=witness)
    with pytest.raises(Declined, match="walks at most"):
        check(network.bytes(), encoded(cert), Pins())
