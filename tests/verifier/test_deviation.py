"""The prover's eps of the float32 program: the checker's, and a bound that programs keep to."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from support.certify import checker_eps
from support.oracle import count_correct
from support.toy import ToyModel, random_toys

from ballproof.models.errors import ModelError
from ballproof.models.forward import evaluate
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.audit.float32.programs import programs
from ballproof.verifier.counting.float32 import deviation
from files.verdict import Declined


def test_prover_and_checker_derive_the_same_number_or_both_refuse():
    refused = agreed = 0
    for model in random_toys(31, 60):
        data = model.bytes()
        try:
            expected = checker_eps(data)
        except Declined:
            with pytest.raises(ModelError):
                deviation(weights_from_bytes(data, "toy"))
            refused += 1
            continue
        assert deviation(weights_from_bytes(data, "toy")) == expected, model.recipe
        agreed += 1
    assert refused >= 5 and agreed >= 20


def every_sequence(model):
    return np.array(list(product(range(model.d_vocab), repeat=model.n_ctx)), np.int64)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_no_program_leaves_the_bound_and_none_is_exact():
    moved = 0
    for model in random_toys(32, 24, 4, 3, 6):
        weights = weights_from_bytes(model.bytes(), "toy")
        try:
            eps = deviation(weights)
        except ModelError:
            continue
        sequences = every_sequence(model)
        real = [[exact(x) for x in evaluate(weights, x.tolist(), 200)] for x in sequences]
        for program in programs(weights, seed=1):
            computed = program.logits(sequences)
            for x, row, true in zip(sequences, computed.tolist(), real, strict=True):
                gaps = [Fraction(row[j]) - Fraction(row[max(x)]) for j in range(len(row))]
                wanted = [t - true[max(x)] for t in true]
                error = max(abs(g - w) for g, w in zip(gaps, wanted, strict=True))
                assert error <= eps + Fraction(1, 2**150), (model.recipe, program.name)
                moved += error > 0
    assert moved > 100


def exact(ball):
    """Return the midpoint of a narrow ball."""
    mantissa, exponent = ball.mid().man_exp()
    return int(mantissa) * Fraction(2) ** int(exponent)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_program_is_right_as_often_as_the_margins_say():
    for model in random_toys(33, 20, 4, 3, 4, flavours=("near ties", "trained", "duplicated")):
        weights = weights_from_bytes(model.bytes(), "toy")
        try:
            eps = deviation(weights)
        except ModelError:
            continue
        sequences = every_sequence(model)
        low, high = count_correct(model, eps), count_correct(model, -eps)
        for program in programs(weights, seed=2):
            logits = program.logits(sequences)
            labels = sequences.max(axis=1)
            own = logits[np.arange(len(labels)), labels]
            others = np.sum(logits >= own[:, None], axis=1)
            assert low <= int(np.sum(others == 1)) <= high, (model.recipe, program.name)


def cancelling_model():
    """Return a model in which one token has the largest value and another the largest error."""
    large, near = np.float32(2**20 + 0.375), np.float32(2**20 + 12345.625)
    first = np.float32(7.7)
    second = -np.float32(float(large) * float(first) / float(near))
    weights = {
        "W_E": [[1, 0, 0], [large, near, 0]],
        "W_pos": [[0, 0, 0], [0, 0, 0]],
        "W_Q": [[0], [0], [0]],
        "W_K": [[0], [0], [0]],
        "W_V": [[first], [second], [0]],
        "W_O": [[0, 0, 1]],
        "W_U": [[0, 0], [0, 0], [1, -1]],
    }
    return ToyModel.from_short_names(**weights)


def test_the_largest_value_and_the_largest_error_may_be_two_tokens():
    model = cancelling_model()
    weights = weights_from_bytes(model.bytes(), "toy")
    largest = 0
    for program in programs(weights):
        computed = program.logits(np.array([[1, 1]]))[0].tolist()
        zero, one = (exact(x) for x in evaluate(weights, [1, 1], 200))
        gap = Fraction(computed[0]) - Fraction(computed[1])
        largest = max(largest, abs(gap - (zero - one)))
    # The value of token 0, 7.7, is the largest, and is rounded by less than 1e-5.
    assert largest > Fraction(1, 100)
    checked = checker_eps(model)
    assert deviation(weights) == checked >= largest
