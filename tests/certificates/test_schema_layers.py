"""The schema of layers in sequence says what the checker reads of parts, sizes and witness."""

import json

import pytest
from support.layered import layered
from support.networks import claim_of, one_layer
from test_layered_truth import PASS, task_of
from test_schema_networks import both

WIDE = PASS | {"width": 128, "bits": 50, "fine": 64}
GOOD = [
    layered(0, norm="layer", activation="gelu"),
    layered(0, norm="rms", activation="silu", gated=True, final=False),
    layered(0, activation=None, position="mean", positions=False),
    layered(0, activation="gelu-tanh", position=1, readouts=3, share="1/2", normalised=True),
    layered(0, layers=1, position="sum", mask="none"),
    layered(0, layers=16, position="sum", readouts=16),
]


def stated(network, witness=None, **options):
    witness = {"passes": [PASS]} if witness is None else witness
    return claim_of(network, task_of(network), (0, 0), witness=witness, **options)


@pytest.mark.parametrize("network", GOOD, ids=range(len(GOOD)))
def test_layers_fit_the_schema_with_their_own_sizes_and_witness_alone(network):
    certificate = stated(network)
    assert both(certificate) == (True, True)
    for witness in ({"passes": 1}, {"passes": []}, {"passes": [PASS] * 5}, {}):
        assert both(stated(network, witness)) == (False, False)
    certificate["claim"]["model"]["sizes"] = one_layer(0).sizes
    assert both(certificate) == (False, False)


def test_a_model_of_one_layer_is_its_own_rows_alone():
    network = one_layer(0)
    assert both(stated(network, {"passes": 1})) == (True, True)
    assert both(stated(network, {"passes": [PASS]})) == (False, False)
    layers = {"n_layers": 1} | network.sizes
    network.sizes.update(layers)
    assert both(stated(network, {"passes": [PASS]})) == (False, False)


@pytest.mark.parametrize(
    ("index", "setting"),
    [
        (1, {"part": "norm", "kind": "batch", "eps": "1/100000"}),
        (1, {"part": "norm", "kind": "layer", "eps": "-1"}),
        (1, {"part": "norm", "kind": "layer"}),
        (4, {"part": "mlp", "activation": "tanh"}),
        (4, {"part": "mlp", "activation": "gelu", "gated": False}),
        (-1, {"part": "readout", "position": "first"}),
        (-1, {"part": "readout", "position": -1}),
        (-1, {"part": "readout", "position": True}),
        (-1, {"part": "readout", "position": "last", "layers": 1}),
        (-1, {"part": "readout", "position": "last", "layers": 17}),
        (-1, {"part": "readout", "position": "last", "note": 1}),
        (0, {"part": "pair", "inputs": "sum"}),
        (2, {"part": "pool", "kind": "max"}),
        (2, "attention"),
    ],
)
def test_a_part_that_is_not_served_fits_neither(index, setting):
    network = layered(0, norm="layer", activation="gelu", positions=False)
    certificate = json.loads(json.dumps(stated(network)))
    assert both(certificate) == (True, True)
    certificate["claim"]["model"]["parts"][index] = setting
    assert both(certificate) == (False, False)


def test_what_is_beyond_the_schema_is_declined_by_the_checker():
    network = layered(0, norm="layer")
    for change in (
        lambda x: x[:2] + x[3:4] * 17 + x[-1:],
        lambda x: [*x[:3], x[3] | {"heads": 3}, *x[4:]],
        lambda x: [*x[:2], x[2], *x[2:]],
        lambda x: [*x[:-1], x[-2], x[-1]],
        lambda x: [*x[:2], x[5], *x[2:]],
        lambda x: [x[0], x[1], x[1], *x[2:]],
    ):
        certificate = json.loads(json.dumps(stated(network)))
        parts = certificate["claim"]["model"]["parts"]
        certificate["claim"]["model"]["parts"] = change(parts)
        assert not both(certificate)[1]
