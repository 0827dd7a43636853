"""The Python API: five lines from a model to a certificate, and errors instead of exits."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load
from support.certify import trained_toy
from support.toy import Recipe

import ballproof as bp

MODEL = "max-of-4-seed-123"
COUNT = 16_765_884
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def arrays():
    """Weights by name, in memory."""
    return load(Recipe("gaussian", v=5, k=3, d=4, h=2, seed=3).build().bytes())


@pytest.fixture(scope="module")
def five_lines(tmp_path_factory):
    """What the five lines of the README leave."""
    folder = tmp_path_factory.mktemp("five")
    model = bp.load(MODEL)
    proof = bp.prove(model, strategy="exact")
    path = proof.save(folder / "exact.json")
    return model, proof, bp.check(model, path, at_least="0.999", task="max-of-4")


@pytest.fixture(scope="module")
def proof(five_lines):
    return five_lines[1]


def test_everything_public_is_there_and_documented():
    assert set(bp.__all__) <= set(dir(bp))
    for name in bp.__all__:
        assert (getattr(bp, name).__doc__ or "").strip(), name
    with pytest.raises(AttributeError, match="no attribute 'prov'"):
        bp.prov  # noqa: B018


def test_five_lines(five_lines):
    _, proof, verdict = five_lines
    assert proof.correct_at_least == proof.correct_at_most == COUNT and proof.is_exact
    assert verdict and verdict.correct_at_least == COUNT
    assert proof.accuracy == Fraction(COUNT, 64**4)


def test_a_proof_says_what_it_proves(proof):
    assert repr(proof) == (
        "Proof(max-of-4, exact: at least 16765884 of 16777216 inputs right (>= 0.99932), exactly)"
    )
    facts = json.loads(json.dumps(proof.to_dict()))
    assert facts["correct_at_least"] == str(COUNT) and facts["assumed"] == []
    page = proof._repr_html_()
    assert "16765884 of 16777216" in page and page.startswith("<div>")


def test_a_verdict_is_true_only_if_verified(five_lines):
    model, proof, verdict = five_lines
    assert verdict and verdict.correct_at_least == COUNT and verdict.reason is None
    higher = bp.check(model, proof.certificate, at_least="0.9999")
    assert not higher and (higher.verdict, higher.reason) == ("REJECTED", "pin")
    other = bp.check("max-of-4-seed-104", proof)
    assert (other.verdict, other.reason, other.correct_at_least) == ("REJECTED", "digest", None)
    assert not bp.check(model, proof, max_operations=1)
    assert bp.check(model, b"{}").verdict == "DECLINED"
    assert "REJECTED" in repr(higher) and "REJECTED" in higher._repr_html_()
    assert json.loads(json.dumps(other.to_dict()))["verdict"] == "REJECTED"


@pytest.mark.parametrize("number", [0.999, True, None, 1 + 0j])
def test_numbers_are_exact(proof, number):
    if number is None:
        with pytest.raises(ValueError, match="a number like"):
            bp.check(MODEL, proof, at_least="x")
    else:
        with pytest.raises(TypeError, match="state it exactly"):
            bp.check(MODEL, proof, at_least=number)
    with pytest.raises(ValueError, match=">= 0"):
        bp.prove(MODEL, strategy="exact", margin="-1")


def test_errors_are_raised(tmp_path, arrays):
    with pytest.raises(FileNotFoundError, match="neither a file nor a model of the zoo"):
        bp.load("no-model")
    with pytest.raises(TypeError, match="a name, a path, a mapping or a module"):
        bp.load(3)
    with pytest.raises(bp.UnknownStrategyError, match="exakt"):
        bp.prove(MODEL, strategy="exakt")
    with pytest.raises(bp.NotApplicableError, match="max-of-3"):
        bp.prove(arrays, task="min-of-3", strategy="cubic")
    with pytest.raises(bp.ModelError, match=r"no rule|positions"):
        bp.prove(arrays, task="min-of-7", strategy="exact")
    with pytest.raises(ValueError, match="proves what it proves"):
        bp.prove(arrays, task="min-of-3", strategy="exact", at_least="0.5")
    with pytest.raises(ValueError, match="no part of an audit"):
        bp.audit(MODEL, b"{}", parts=["hint"])
    with pytest.raises(OSError, match="missing"):
        bp.check(MODEL, tmp_path / "missing.json")


def test_arrays_in_memory_are_a_model(arrays, tmp_path):
    model = bp.load(arrays, task="max-of-3")
    assert model.sizes["d_vocab"] == 5 and model.task == "max-of-3"
    assert model.assumed.startswith("no normalisation, learned positions")
    proof = bp.prove(model, strategy="exact")
    assert proof.assumed == (model.assumed,) and "assumed" in proof._repr_html_()
    saved = model.save(tmp_path / "model.safetensors")
    assert bp.load(saved).sha256 == model.sha256 and bp.load(saved).task == "max-of-3"
    assert bp.check(saved, proof) and bp.check(model, proof)
    assert model.to_dict()["sha256"] == model.sha256 and model.sha256 in model._repr_html_()
    # What becomes of the arrays does not matter any more.
    arrays = {name: array.copy() for name, array in arrays.items()}
    again = bp.load(arrays)
    arrays["embed.W_E"][:] = 0
    assert again.sha256 == model.sha256 and bp.prove(again, strategy="exact").is_exact


def test_a_task_that_nothing_states_is_an_assumption(arrays):
    proof = bp.prove(arrays, strategy="exact")
    assert any("max-of-3 is assumed" in line for line in proof.assumed)
    assert len(bp.prove(arrays, strategy="exact", task="max-of-3").assumed) == 1


def test_searches_aim_at_an_accuracy():
    model = bp.load(load(trained_toy().bytes()), task="max-of-3")
    whole = bp.prove(model, strategy="exact")
    short = bp.prove(model, at_least="0.8")
    assert Fraction(8, 10) <= short.accuracy < whole.accuracy
    assert short.operations < whole.operations / 2


def test_a_function_names_its_task(arrays):
    positions = [range(5)] * 3
    tasks = bp.tasks
    second = tasks.from_function(lambda x: sorted(x)[-2], positions=positions, answers=range(5))
    model = bp.load(arrays)
    assert second == tasks.named("rank-2-of-3", model)
    by_name = bp.prove(model, task="rank-2-of-3", strategy="exact")
    assert bp.prove(model, task=second, strategy="exact").certificate == by_name.certificate
    first = tasks.from_function(lambda x: x.index(max(x)), positions=positions, answers=range(3))
    assert first.rule.full_name == "argmax"
    read = tasks.from_function(min, positions=positions, answers=range(5), reads=[0, 1])
    assert read.reads == (0, 1)
    with pytest.raises(bp.ModelError, match="none of the rules that are served: max says"):
        tasks.from_function(lambda x: max(x) % 4, positions=positions, answers=range(5))
    with pytest.raises(bp.ModelError, match="at most 1048576 inputs"):
        tasks.from_function(max, positions=[range(64)] * 4, answers=range(64))


def test_a_study_is_a_table(arrays, tmp_path):
    models = [bp.load(arrays, task="max-of-3"), bp.load(arrays)]

    def rows(**options):
        found = bp.study(models, ["cubic", "exact"], **options)
        return found.rows if isinstance(found, bp.Study) else found.to_dict("records")

    first = rows()
    assert [row["strategy"] for row in first] == ["cubic", "exact"]  # One model, twice.
    assert {row["verdict"] for row in first} == {"VERIFIED"}
    assert first[1]["correct_at_least"] == first[1]["correct_at_most"]
    kept = rows(folder=tmp_path / "study")
    assert [row["correct_at_least"] for row in kept] == [row["correct_at_least"] for row in first]
    again = rows(folder=tmp_path / "study", progress=True)
    assert again == kept


def test_a_study_is_shown_without_pandas(arrays, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    found = bp.study([arrays], "cubic")
    assert isinstance(found, bp.Study) and "VERIFIED" in found._repr_html_()
    assert json.loads(json.dumps(found.to_dict()))["rows"][0]["strategy"] == "cubic"


# Models of any size pay for processes here, so that small ones show it.
SCRIPT = """
import ballproof as bp
from ballproof.verifier.strategies.ladder import steer, workers
steer.PARALLEL_WORK, workers.os.cpu_count = 0, lambda: 2
pools, workers.spawning = [], lambda made=workers.spawning: pools.append(1) or made()
print("begun")
print(bp.prove("one.safetensors", task="max-of-4", strategy="ladder"), f"{len(pools)} pools")
print(len(bp.study(["one.safetensors", "two.safetensors"], "cubic", jobs=2).__repr__()) > 0)
"""


def test_a_script_without_a_guard_is_run_once(tmp_path):
    """Whatever processes the search starts: they do not import the script again."""
    for seed, name in enumerate(("one", "two")):
        Recipe("trained", v=6, k=4, d=4, h=2, seed=seed).build().write(
            tmp_path / f"{name}.safetensors"
        )
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("begun") == 1 and "Proof(max-of-4, ladder" in done.stdout
    assert done.stdout.splitlines()[1].endswith(" pools") and " 0 pools" not in done.stdout


def test_an_audit_finds_nothing_in_a_true_proof(arrays):
    model = bp.load(arrays, task="max-of-3")
    done = bp.audit(model, bp.prove(model, strategy="exact"), parts=["check", "precisions"])
    assert done.findings == () and "no findings" in repr(done) and "none" in done._repr_html_()
    assert done.to_dict()["exit_code"] == 0


@pytest.mark.parametrize(
    "name", sorted(p.name for p in (ROOT / "tests/data/configurations").glob("*.json"))
)
def test_configurations_that_the_library_writes_are_read(arrays, name):
    """Each is what one version of TransformerLens writes of a model of these parts."""
    config = json.loads((ROOT / "tests/data/configurations" / name).read_text())
    sizes = {"d_vocab": 5, "d_vocab_out": 5, "n_ctx": 3, "d_model": 4, "d_head": 2}
    sizes |= {"attn_scale": 2**0.5}
    plain = bp.load(arrays).sha256
    assert bp.load(arrays, config=config | sizes).sha256 == plain
    normed = bp.load(arrays, config=config | sizes | {"normalization_type": "LNPre"})
    assert "norm(layer," in normed.architecture
    for change, words in [
        ({"normalization_type": "BatchNorm"}, "BatchNorm"),
        ({"positional_embedding_type": "rotary"}, "rotary"),
        ({"attn_scale": 3.0}, "attn_scale"),
        ({"n_layers": 2}, "n_layers"),
        ({"use_local_attn": True}, "use_local_attn"),
        ({"use_qk_norm": True}, "use_qk_norm"),
        ({"post_embedding_ln": True}, "post_embedding_ln"),
        ({"scale_embedding": True}, "scale_embedding"),
        ({"output_logits_soft_cap": 30.0}, "soft_cap"),
    ]:
        with pytest.raises(bp.ModelError, match=words):
            bp.load(arrays, config=config | sizes | change)


def test_numpy_arrays_are_needed(arrays):
    with pytest.raises(bp.ModelError, match="only tensors are expected"):
        bp.load({**arrays, "epoch": 3})
    assert np.shape(arrays["embed.W_E"]) == (5, 4)
