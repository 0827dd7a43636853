"""Weights that fool float verifiers: every strategy encloses the exact count, or says why not.

The truth is the oracle's, from the rationals that the bits of each weight stand for. Warnings are
errors here, so that an overflow in an untrusted search would fail a test as well.
"""

import time
from fractions import Fraction
from math import sqrt

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.adversarial import FOOLERS, FloatFooler, float_foolers, line
from support.oracle import count_correct, is_correct, oracle_of
from support.toy import ToyModel

from ballproof.models.errors import ModelError
from ballproof.models.weights import load_weights
from ballproof.verifier.claims.auditing import Auditor, Limits
from ballproof.verifier.claims.reading import ClassClaim
from ballproof.verifier.counting.goal import silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.proving.checking import CheckerProcess
from ballproof.verifier.proving.pipeline import NotProven, prove_with
from ballproof.verifier.strategies import STRATEGIES
from ballproof.verifier.strategies.base import Needs
from ballproof.verifier.strategies.ladder.cells import CellArc, Cells
from ballproof.verifier.strategies.ladder.estimates import best_moments, grid_estimates
from ballproof.verifier.strategies.ladder.pools import Tables

LIMIT = 10**8
# The processor time of the prover; LIMIT bounds the check.
SECONDS = 30
TWO_SIDED = ("brute-force", "exact")
# The toys have one head and no neurons.
OTHERS = (Needs.ONE_LAYER, Needs.SUMMANDS)
SERVED = [strategy for strategy in STRATEGIES if strategy.needs not in OTHERS]
TABLED = [strategy for strategy in SERVED if "/" not in strategy.name]
SUBCUBIC = [strategy for strategy in STRATEGIES if "/" in strategy.name]
MARGINS = [Fraction(0), Fraction(1, 3), Fraction(1, 2**70)]

# Numbers that float32 does not hold as normal ones, or sums that overflow it.
WITHOUT_FLOAT32 = {
    "1e17 absorbs 1e-3",
    "sums that depend on their order",
    "subnormal float64",
    "subnormal float32",
    "subnormal bfloat16",
    "1e30 and 1e-30 in float64",
    "1e30 and 1e-30 in float32",
    "1e30 and 1e-30 in bfloat16",
    "2^1000 and 2^-1074",
    "all dtypes",
    "a score of 1e30",
    "a score of -1e300",
}

each_fooler = pytest.mark.parametrize("name", FOOLERS)


@pytest.fixture(scope="module")
def checker():
    with CheckerProcess() as process:
        yield process


def spread(seed):
    """Return subcubic strategies that have every part of a name among them."""
    parts = list(zip(*(s.name.split("/")[1:] for s in SUBCUBIC), strict=True))
    wanted = {(i, part) for i, column in enumerate(parts) for part in column}
    chosen = []
    for strategy in SUBCUBIC[seed % 150 :] + SUBCUBIC[: seed % 150]:
        names = set(enumerate(strategy.name.split("/")[1:]))
        if names & wanted:
            wanted -= names
            chosen.append(strategy)
    assert not wanted
    return chosen


def require_consistent(model, folder, strategies, margin, checker):
    """Prove and check with each strategy; return the reasons of those that gave no certificate."""
    path, truth = model.write(folder / "fooler.safetensors"), count_correct(model, margin)
    problem, refused = pose(load_weights(path), margin), {}
    for strategy in strategies:
        started = time.process_time()
        outcome = prove_with(problem, strategy, LIMIT, checker)
        assert time.process_time() - started < SECONDS, strategy.name
        if isinstance(outcome, NotProven):
            assert outcome.reason.strip().endswith("."), outcome
            refused[strategy.name] = outcome.reason
            continue
        claim = outcome.claim
        assert claim.correct_at_least <= truth <= claim.correct_at_most, strategy.name
        if strategy.name in TWO_SIDED:
            assert claim.correct_at_least == claim.correct_at_most == truth, strategy.name
    return refused


@each_fooler
@pytest.mark.parametrize("margin", MARGINS[:2])
def test_every_family_encloses_the_exact_count(name, margin, checker, tmp_path):
    strategies = [*TABLED, *spread(7 * list(FOOLERS).index(name))]
    refused = require_consistent(FOOLERS[name](), tmp_path, strategies, margin, checker)
    assert not refused


@pytest.mark.slow
@each_fooler
@pytest.mark.parametrize("margin", MARGINS)
def test_every_strategy_encloses_the_exact_count(name, margin, checker, tmp_path):
    assert not require_consistent(FOOLERS[name](), tmp_path, SERVED, margin, checker)


@pytest.mark.parametrize("entry", [-1.7e38, -(2.0**50), -(2.0**49), 1.7e38])
def test_gaps_beyond_every_threshold_of_a_certificate_make_valid_ladders(entry, checker, tmp_path):
    zeros = {"W_pos": np.zeros((2, 3)), "W_O": np.zeros((1, 3))}
    zeros |= {f"W_{x}": np.zeros((3, 1)) for x in "QKV"}
    embedding, rows = np.zeros((3, 3)), [[1.0, 1.0, 0.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    embedding[1, 0] = entry
    model = ToyModel.from_short_names(W_E=embedding, W_U=np.array(rows), **zeros)
    assert not require_consistent(model, tmp_path, TABLED, Fraction(0), checker)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(float_foolers(), st.sampled_from(MARGINS), st.integers(0, 149))
def test_every_family_encloses_the_exact_count_of_models_drawn_alike(
    checker, tmp_path_factory, model, margin, seed
):
    strategies = [*TABLED, *(SUBCUBIC[(seed + 41 * i) % 150] for i in range(4))]
    require_consistent(model, tmp_path_factory.mktemp("drawn"), strategies, margin, checker)


@pytest.mark.slow
@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(float_foolers(), st.sampled_from(MARGINS), st.integers(0, 149))
def test_every_family_encloses_the_exact_count_of_many_models(
    checker, tmp_path_factory, model, margin, seed
):
    strategies = [*TABLED, *(SUBCUBIC[(seed + 41 * i) % 150] for i in range(8))]
    require_consistent(model, tmp_path_factory.mktemp("drawn"), strategies, margin, checker)


def in_floats(model, sequence, dtype=np.float64):
    """Say whether the model is right on a sequence as float sums from left to right have it.

    Of the biases b_Q and b_U are known.
    """
    assert not {"b_K", "b_V", "b_O"} & {name.rsplit(".", 1)[1] for name in model.tensors}
    w = {name.rsplit(".", 1)[1]: tensor for name, tensor in model.tensors.items()}
    w = {name: (t[0] if t.ndim == 3 else t).astype(dtype) for name, t in w.items()}

    def times(rows, matrix):
        return np.array([[left_to_right(row * c) for c in matrix.T] for row in rows], dtype)

    residual = w["W_E"][list(sequence)] + w["W_pos"]
    query = times(residual[-1:], w["W_Q"]) + w.get("b_Q", dtype(0))
    scores = times(times(residual, w["W_K"]), query.T)[:, 0]
    powers = np.exp((scores - scores.max()) / dtype(sqrt(model.d_head)))
    mixed = times((powers / left_to_right(powers))[None], times(residual, w["W_V"]))
    logits = times(residual[-1:] + times(mixed, w["W_O"]), w["W_U"])[0] + w.get("b_U", dtype(0))
    top = max(sequence)
    return all(logits[j] < logits[top] for j in range(model.d_vocab) if j != top)


def left_to_right(terms):
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


@pytest.mark.parametrize(
    "name",
    [
        "1e17 absorbs 1e-3",
        "sums that depend on their order",
        "2^60 and 2^60 + 1",
        "rounded in favour of a wrong output",
        "decided by e^-1000",
        "decided by e^-1e6",
    ],
)
def test_these_models_do_fool_floats(name):
    model = FOOLERS[name]()
    counted = sum(in_floats(model, x) for x in oracle_of(model).sequences())
    assert counted != count_correct(model)


@each_fooler
def test_bounds_on_the_float32_program_hold_for_one_that_runs_or_are_declined(
    name, checker, tmp_path
):
    model = FOOLERS[name]()
    weights = load_weights(model.write(tmp_path / "fooler.safetensors"))
    try:
        problem = pose(weights, semantics="float32")
    except ModelError as error:
        # Not all of these have a float32 program: then it is said why.
        assert str(error).endswith(".") and "float32" in str(error)
        assert name in WITHOUT_FLOAT32
        return
    assert name not in WITHOUT_FLOAT32
    runs = sum(in_floats(model, x, np.float32) for x in oracle_of(model).sequences())
    surely, hardly = (count_correct(model, sign * problem.margin) for sign in (1, -1))
    for strategy in [*TABLED, *SUBCUBIC[::37]]:
        claim = prove_with(problem, strategy, LIMIT, checker).claim
        assert claim.correct_at_least <= surely and hardly <= claim.correct_at_most
        assert claim.correct_at_least <= runs <= claim.correct_at_most, strategy.name


def test_a_rounding_in_favour_of_a_wrong_output_certifies_nothing(checker, tmp_path):
    model = FOOLERS["rounded in favour of a wrong output"]()
    assert in_floats(model, (2, 0, 1)) and not is_correct(model, (2, 0, 1))
    assert count_correct(model) == 0
    assert not require_consistent(model, tmp_path, TABLED, Fraction(0), checker)


def test_a_backdoor_costs_what_it_costs_and_a_whisper_costs_nothing():
    plain = count_correct(FloatFooler.of(**line()))
    assert plain == 64
    assert count_correct(FOOLERS["nearly a backdoor"]()) == plain
    opened = FOOLERS["backdoor"]()
    lost = [x for x in oracle_of(opened).sequences() if not is_correct(opened, x)]
    assert lost and all(0 in x for x in lost)


@each_fooler
def test_claims_about_every_class_are_decided_as_by_enumeration(name, tmp_path):
    model = FOOLERS[name]()
    auditor = Auditor(load_weights(model.write(tmp_path / "m.safetensors")), Limits(60, LIMIT))
    wrong = {}
    for x in oracle_of(model).sequences():
        wrong.setdefault((x[-1], max(x)), []).append(not is_correct(model, x))
    for (query, maximum), answers in wrong.items():
        claim = ClassClaim("claims[0]", {}, query, maximum, None, 1, None, Fraction(0))
        found = auditor.audit(claim, silent)
        assert found.verdict == ("violated" if any(answers) else "holds"), (query, maximum)
        if found.witness:
            assert not is_correct(model, found.witness.sequence)


def test_every_dtype_is_read_as_its_bits_say(tmp_path):
    # 1 + 2^-7 is the number after 1 in bfloat16, and 2^-133 its smallest.
    for tag, fraction in (("BF16", 7), ("F16", 10), ("F32", 23), ("F64", 52)):
        weights = line() | {"W_E": np.full((4, 3), 1 + 2.0**-fraction)}
        model = FloatFooler.of({"W_E": tag}, **weights)
        frozen = load_weights(model.write(tmp_path / "m.safetensors")).tensors["embed.W_E"]
        entry = Fraction(frozen.tolist()[0][0]) * Fraction(2) ** frozen.exponent
        assert entry == 1 + Fraction(1, 2**fraction)


def sequences(places):
    """Return all sequences of two cells, of three tokens and of one, that hold the latter."""
    if not places:
        return Cells((3, 1), (1,), ())
    first = (CellArc(0, 0, 0, 1), CellArc(0, 1, 1, 2))
    last = (CellArc(0, 0, 1, 2), CellArc(1, 0, 0, 2))
    return Cells((3, 1), (1, 2, 1), (first, last))


def test_estimates_of_a_rival_far_from_winning_do_not_overflow():
    # The first rival has no chance at all and the second some: the search looks at both alike.
    own, rows = np.array([-(2**61), -1]), np.array([[[0, 0], [-(2**61), 1]]])
    tables = Tables(own, rows)
    for places in (0, 2):
        cells = sequences(places)
        budgets, counts = grid_estimates(cells, tables, 64, [], 0)
        assert budgets[0] < 0 and counts[0] == 0
    assert counts[1] > 0
    _, bounds = best_moments(cells, tables, [], 0)
    assert bounds[0] == 0 < bounds[1]
