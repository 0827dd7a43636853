"""What the prover writes stays within the limits that the checker sets to numbers."""

from fractions import Fraction

import numpy as np
import pytest
from support.adversarial import FOOLERS
from support.hard import far_apart
from support.toy import Recipe, ToyModel

from ballproof.models.catalogue import zoo_names, zoo_path
from ballproof.models.weights import load_weights
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.proving.checking import CheckerProcess
from ballproof.verifier.proving.pipeline import Proven, prove_with
from ballproof.verifier.strategies import strategies_matching
from files.tensors import MAX_EXACT, matrix, read_tensors
from strategies.subcubic_witness import MAX_PLACES

STRATEGIES = (
    "subcubic/svd-query/chord/svd",
    "subcubic/svd-query/mean+diff/max-diff-subproduct",
    "subcubic/svd-query/drop-average/mean-recursive+max-diff-subproduct-recursive",
)
TRAINED = Recipe("trained", 5, 3, 4, 2, seed=18, dtype="float64")


def rescaled(power):
    """The trained toy with embeddings times a power of two: its logits, and so mu, grow alike."""
    scaled = {"embed.W_E": power, "pos_embed.W_pos": power}
    tensors = TRAINED.build().tensors
    return ToyModel({name: np.ldexp(t, scaled.get(name, 0)) for name, t in tensors.items()})


def far(low, high):
    return lambda: far_apart(5, 3, 4, 2, low, high, "float64")


MODELS = {
    "trained": TRAINED.build,
    "trained, 2^-1060": lambda: rescaled(-1060),
    "trained, 2^1010": lambda: rescaled(1010),
    "1e-300 and 1e300": far(1e-300, 1e300),
    "subnormal": far(5e-324, 1e-310),
    "1e306": far(1e305, 1e306),
    "2^1000 and 2^-1074": FOOLERS["2^1000 and 2^-1074"],
}


def dyadics(value):
    """Yield the dyadics anywhere in a witness that are not 0."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str):
        yield from [(int(value[0]), value[1])] if value[0] != "0" else []
    elif isinstance(value, list):
        for item in value:
            yield from dyadics(item)


@pytest.mark.parametrize("name", MODELS)
def test_mu_and_attentions_of_any_float64_weights_have_places_that_the_checker_takes(
    name, tmp_path
):
    problem = pose(load_weights(MODELS[name]().write(tmp_path / "model")), Fraction(0))
    found = set()
    with CheckerProcess() as checker:
        for strategy in STRATEGIES:
            outcome = prove_with(problem, strategies_matching(strategy)[0], 10**8, checker)
            assert isinstance(outcome, Proven), outcome
            found |= outcome.proof.witness.keys()
            for key in ("mu", "a_star", "chord"):
                for mantissa, exponent in dyadics(outcome.proof.witness.get(key, [])):
                    # The places before and after the point.
                    assert mantissa.bit_length() + exponent <= MAX_PLACES
                    assert -exponent <= MAX_PLACES
    assert found >= {"mu", "a_star", "chord"}


@pytest.mark.parametrize("name", zoo_names()[::30])
def test_trained_models_have_a_hundredth_of_the_bits_that_one_tensor_may_have(name, monkeypatch):
    monkeypatch.setattr("files.tensors.MAX_EXACT", MAX_EXACT // 100)
    for key, tensor in read_tensors(zoo_path(name).read_bytes()).items():
        assert tensor.dtype == "BOOL" or matrix(tensor, tensor.shape[-1], key)
