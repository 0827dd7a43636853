"""What a ladder's proof uses: every input in one class, what is lost is what the bound lacks."""

import json
from collections import Counter
from fractions import Fraction
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.certify import certificate, encoded, trained_toy
from support.oracle import Oracle
from support.toy import toy_models
from test_ladder_tasks import random_task

from ballproof.models.catalogue import zoo_path
from ballproof.models.weights import load_weights, weights_from_bytes
from ballproof.verifier.commands.main import main
from ballproof.verifier.counting.goal import Goal, silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.ladder.bound import count_wrong
from ballproof.verifier.strategies.ladder.uses import (
    CLEARED,
    CLEARED_ALONE,
    COUNTED,
    GIVEN_UP,
    ladder_use,
)

TOY = trained_toy()
LADDER = strategy_named("ladder")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(toy_models(), st.integers(0, 10**6))
def test_classes_hold_every_input_once_and_lose_what_the_bound_lacks(model, seed):
    rng = Random(seed)
    task = random_task(rng, model.d_vocab, model.n_ctx)
    problem = pose(weights_from_bytes(model.bytes(), "toy"), Fraction(0), task=task)
    witness = LADDER.search(problem, Goal(max_operations=rng.choice([300, 3000, 30000])), silent)
    use = ladder_use(problem, witness, silent)
    if len(task.answers) == 1:
        return
    assert use.lost == count_wrong(problem, witness, silent).possible
    assert sum(one.size for one in use.classes) == problem.total
    assert len({(one.label, one.query) for one in use.classes}) == len(use.classes)
    for one in use.classes:
        assert (one.state == COUNTED) == bool(one.rules)
        assert 0 <= one.lost <= one.size
        if one.state in (CLEARED, CLEARED_ALONE):
            assert one.lost == 0
        if one.state == GIVEN_UP:
            assert one.lost == one.size


def test_no_input_of_a_cleared_class_is_wrong():
    oracle, problem = Oracle(TOY), pose(weights_from_bytes(TOY.bytes(), "toy"))
    wrong = Counter((max(x), x[-1]) for x in oracle.sequences() if not oracle.is_correct(x))
    seen = set()
    for budget in (500, 1000, 2000, 4000, 10**6):
        witness = LADDER.search(problem, Goal(max_operations=budget), silent)
        use = ladder_use(problem, witness, silent)
        seen |= {one.state for one in use.classes}
        for one in use.classes:
            assert one.lost >= wrong[one.label, one.query]
    assert seen >= {CLEARED_ALONE, COUNTED, GIVEN_UP} and wrong


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """A short ladder of a model of the zoo, unchecked."""
    name = "max-of-4-seed-123"
    problem = pose(load_weights(zoo_path(name)))
    witness = LADDER.search(problem, Goal(at_least=Fraction("0.99")), silent)
    least = LADDER.bound(problem, witness, silent).correct_at_least
    cert = certificate(zoo_path(name), "ladder", at_least=least, witness=witness)
    path = tmp_path_factory.mktemp("short") / "short.json"
    path.write_bytes(encoded(cert))
    return name, path, ladder_use(problem, witness, silent), least


def run(capsys, *words):
    capsys.readouterr()
    code = main([str(word) for word in words])
    return code, *capsys.readouterr()


def test_pools_tables_and_tokens_of_a_short_proof(short):
    _, _, use, least = short
    assert use.total - use.lost == least
    assert len(use.classes) == 64 * 65 // 2
    assert use.rules() == {"branch": len(use.of(COUNTED))}
    # The label and two, three or six tokens below it.
    assert {one.apart for one in use.of(CLEARED)} <= {1, 2, 3, 4, 7}
    assert 0 < use.pools < len(use.classes) and use.tables > use.pools


def test_show_says_it_in_words_and_draws_it(short, tmp_path, capsys):
    name, path, use, _ = short
    plot = tmp_path / "classes.svg"
    code, out, _ = run(capsys, "show", path, "--model", name, "--plot", plot)
    assert code == 0
    assert "classes           2080, one for each label and last token" in out
    for state in (CLEARED, CLEARED_ALONE, COUNTED, GIVEN_UP):
        assert f"{state}: {len(use.of(state))}, 0." in out
    assert f"{sum(one.lost for one in use.of(GIVEN_UP))} inputs may be wrong" in out
    assert out.rstrip().endswith("`ballproof check MODEL CERTIFICATE` does that.")
    first = plot.read_bytes()
    assert first.startswith(b"<?xml")
    run(capsys, "show", path, "--model", name, "--plot", plot)
    assert plot.read_bytes() == first


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--plot", "x.svg"], 64, "--plot needs --model"),
        (["--model", "max-of-4-seed-104"], 2, "about another model"),
        (["--model", "max-of-4-seed-123", "--plot", "x.txt"], 64, "--plot writes .svg"),
    ],
)
def test_what_does_not_fit_is_named(short, capsys, tmp_path, monkeypatch, words, code, sentence):
    monkeypatch.chdir(tmp_path)
    found, _, err = run(capsys, "show", short[1], *words)
    assert (found, list(tmp_path.iterdir())) == (code, [])
    assert sentence in " ".join(err.split())


@pytest.mark.parametrize(
    "spoil", ["strategy", "labels", "queries", "witness", "margin", "semantics"]
)
def test_a_witness_that_is_no_ladder_s_is_named(short, tmp_path, capsys, spoil):
    name, path, _, _ = short
    cert = json.loads(path.read_bytes())
    if spoil == "strategy":
        cert["proof"] |= {"strategy": "exact", "witness": {}}
    elif spoil == "labels":
        cert["proof"]["witness"] = {"labels": 5}
    elif spoil == "queries":
        cert["proof"]["witness"]["labels"][-1][1][0]["cells"] = [[3, 900]]
    elif spoil in cert["claim"]:
        cert["claim"][spoil] = "x"
    else:
        cert["proof"]["witness"] = None
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(cert))
    code, _, err = run(capsys, "show", bad, "--model", name)
    assert code == 2
    assert ("what ladders use" if spoil == "strategy" else "no witness of a ladder") in err
