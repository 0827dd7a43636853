"""The command line as a user meets it: results, exit codes, and sentences instead of tracebacks."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support.toy import Recipe, random_toys

from ballproof.models.architectures import Shape
from ballproof.models.catalogue import zoo_path
from ballproof.models.weights import load_weights
from ballproof.verifier.commands.main import main

MODEL = "max-of-4-seed-123"
COUNT = "16765884"
DATA = Path(__file__).parent.parent / "data"


@pytest.fixture(scope="module")
def exact_certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp("certificates") / "exact.json"
    assert main(["--quiet", "prove", MODEL, "--strategy", "exact", "--out", str(path)]) == 0
    return path


def call(capsys, *arguments):
    """Run a command in this process; return exit code, stdout, stderr."""
    code = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_exact_certifies_the_known_count_at_both_ends(exact_certificate, capsys):
    claim = json.loads(exact_certificate.read_text())["claim"]
    assert claim["correct_at_least"] == claim["correct_at_most"] == COUNT
    code, out, _ = call(capsys, "check", MODEL, exact_certificate, "--at-least", "0.9993")
    assert code == 0
    assert out.startswith("s VERIFIED max-of-4 of embed,positions,attention(1-head,causal,")
    assert f" sha256:{claim['model']['sha256']} real margin 0: " in out


def test_cubic_reaches_the_published_bound(tmp_path, capsys):
    path = tmp_path / "c.json"
    code, out, _ = call(capsys, "prove", MODEL, "--strategy", "cubic", "--out", path, "--json")
    facts = json.loads(out)
    assert code == 0
    assert int(facts["correct_at_least"]) * 10_000 >= 9545 * int(facts["total"])
    assert int(facts["correct_at_least"]) <= int(COUNT)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "strategy", "wrong"),
    [
        (MODEL, "brute-force", 11_332),
        ("max-of-4-seed-104", "exact", 2_268),
        ("max-of-4-seed-104", "brute-force", 2_268),
        ("max-of-5-seed-50", "exact", 867_994),
    ],
)
def test_two_sided_strategies_settle_the_zoo(model, strategy, wrong, tmp_path, capsys):
    path = tmp_path / "c.json"
    code, out, _ = call(capsys, "prove", model, "--strategy", strategy, "--out", path, "--json")
    facts = json.loads(out)
    assert code == 0
    assert int(facts["total"]) - int(facts["correct_at_least"]) == wrong
    assert facts["correct_at_most"] == facts["correct_at_least"]


def test_every_strategy_is_sound_on_the_sign_trap(tmp_path, capsys):
    for strategy in ("brute-force", "cubic", "exact"):
        path = tmp_path / f"{strategy}.json"
        model = DATA / "mean-diff-sign.safetensors"
        code, out, _ = call(capsys, "prove", model, "--strategy", strategy, "--out", path, "--json")
        facts = json.loads(out)
        assert code == 0
        assert int(facts["correct_at_least"]) <= 31 <= int(facts["correct_at_most"])


def test_pins_and_weaker_statements(exact_certificate, capsys):
    code, out, _ = call(capsys, "check", MODEL, exact_certificate, "--at-least", "0.99933")
    assert (code, out.split()[:3]) == (1, ["s", "REJECTED", "pin"])
    code, out, _ = call(capsys, "check", MODEL, exact_certificate, "--task", "max-of-5")
    assert (code, out.split()[2]) == (1, "pin")
    code, out, _ = call(capsys, "check", MODEL, exact_certificate, "--max-operations", "1000")
    assert (code, out.split()[:3]) == (2, ["s", "DECLINED", "limit"])
    code, out, _ = call(capsys, "check", "max-of-4-seed-104", exact_certificate, "--json")
    assert (code, json.loads(out)["reason"]) == (1, "digest")


def test_show_prints_the_claim_and_says_that_it_is_unchecked(exact_certificate, capsys):
    code, out, _ = call(capsys, "show", exact_certificate)
    assert code == 0
    assert COUNT in out and "Not verified" in out


def test_a_margin_is_part_of_the_statement(tmp_path, capsys):
    toy = next(iter(random_toys(5, 1, flavours=("trained",)))).write(tmp_path / "toy.safetensors")
    path = tmp_path / "c.json"
    code, out, _ = call(
        capsys, "prove", toy, "--strategy", "exact", "--out", path, "--margin", "1/3", "--json"
    )
    assert (code, json.loads(out)["margin"]) == (0, "1/3")
    assert call(capsys, "check", toy, path, "--margin", "2/6")[0] == 0
    assert call(capsys, "check", toy, path, "--margin", "0")[0] == 1


def test_evaluate_says_right_wrong_and_tie(tmp_path, capsys):
    assert "label 60: right" in call(capsys, "evaluate", MODEL, "3,17,60,12")[1]
    code, out, _ = call(capsys, "evaluate", DATA / "mean-diff-sign.safetensors", "15,3", "--json")
    facts = json.loads(out)
    assert (code, facts["verdict"], facts["logits"][0]["answer"]) == (0, "wrong", 0)
    tied = load_file(zoo_path(MODEL))
    save_file({k: np.zeros_like(v) for k, v in tied.items()}, tmp_path / "zero.safetensors")
    code, out, _ = call(capsys, "evaluate", tmp_path / "zero.safetensors", "1,2,3,4")
    assert (code, "wrong" in out) == (0, True)


@pytest.mark.parametrize(
    "written",
    [
        ["[3, 17, 60, 12]"],
        ["3 17 60 12"],
        ["3, 17 ,60,12"],
        ["(3,17,60,12,)"],
        [" 3\t17\n60 12 "],
        ["3", "17", "60", "12"],
        ["[3,", "17,", "60,", "12]"],
    ],
)
def test_a_sequence_is_read_however_it_is_written(written, capsys):
    code, out, _ = call(capsys, "evaluate", MODEL, *written, "--json")
    assert (code, json.loads(out)["tokens"]) == (0, [3, 17, 60, 12])


@pytest.mark.parametrize(
    "written", ["", "[]", "3,,17,60", "[3,17,60,12", "3;17;60;12", "3.0,17,60,12", "[[3,17,60,12]]"]
)
def test_what_is_no_sequence_is_told_what_one_is(written, capsys):
    code, _, err = call(capsys, "evaluate", MODEL, written)
    assert code == 64
    assert "3,17,60,12 or '3 17 60 12' or '[3, 17, 60, 12]'" in " ".join(err.split())


@pytest.mark.parametrize(
    ("words", "label", "verdict"),
    [
        (["min-of-4-seed-50"], 3, "right"),
        (["argmax-of-4-seed-50"], 2, "right"),
        ([MODEL, "--task", "min-of-4"], 3, "wrong"),
        ([MODEL, "--task", "max-of-2[reads=1,2]"], 60, "right"),
        ([MODEL, "--task", "min-of-4[answers=60..63]"], 3, "wrong"),
        ([MODEL, "--task", "max-of-4[answers=60..60]"], 60, "right"),
    ],
)
def test_evaluate_asks_the_task_that_is_named_or_known(capsys, words, label, verdict):
    model, *task = words
    code, out, err = call(capsys, "evaluate", model, "3,17,60,12", *task, "--json")
    facts = json.loads(out)
    assert (code, facts["label"], facts["verdict"], err) == (0, label, verdict, "")
    assert facts["task"] == (task[1] if task else model.removesuffix("-seed-50"))


def test_evaluate_declines_inputs_outside_the_domain(capsys):
    task = ("--task", "max-of-3[positions=0..63,0..63,0..63,12..12;reads=0,1,2]")
    assert call(capsys, "evaluate", MODEL, "3,17,60,12", *task)[0] == 0
    code, _, err = call(capsys, "evaluate", MODEL, "3,17,60,13", *task)
    assert code == 64 and "The token 13 at position 3 is outside the task's domain" in err


def test_info_says_the_task_and_what_is_assumed(tmp_path, capsys):
    facts = json.loads(call(capsys, "info", "argmax-of-4-seed-50", "--json")[1])
    assert (facts["task"], facts["d_vocab_out"], facts["task known"]) == ("argmax-of-4", 4, "yes")
    save_file({k: v + 1 for k, v in load_file(zoo_path(MODEL)).items()}, tmp_path / "a.safetensors")
    facts = json.loads(call(capsys, "info", tmp_path / "a.safetensors", "--json")[1])
    assert facts["task"] == "max-of-4" and "max-of-4 is assumed" in facts["task known"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 64),
        (["nonsense"], 64),
        (["prove", MODEL], 64),
        (["prove", MODEL, "--strategy", "nope", "--out", "x.json"], 64),
        (["prove", MODEL, "--strategy", "exact", "--out", "no/such/folder/x.json"], 64),
        (["prove", MODEL, "--strategy", "exact", "--out", "x", "--margin", "1/0"], 64),
        (["prove", MODEL, "--strategy", "exact", "--out", "x", "--max-operations", "-1"], 64),
        (["prove", "max-of-20-seed-50", "--strategy", "exact", "--out", "x.json"], 2),
        (["prove", "max-of-5-seed-50", "--strategy", "brute-force", "--out", "x.json"], 2),
        (["info", "max-of-4-seed-124"], 64),
        (["evaluate", MODEL, "1,2,3"], 64),
        (["evaluate", MODEL, "1,2,3,64"], 64),
        (["evaluate", MODEL, "1,2,3,x"], 64),
        (["check", MODEL, "no-such-certificate.json"], 64),
        (["show", "no-such-certificate.json"], 64),
        (["--help"], 0),
        (["prove", "--help"], 0),
        (["--version"], 0),
        (["strategies"], 0),
        (["info", MODEL], 0),
    ],
)
def test_exit_codes(arguments, code, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    got, out, err = call(capsys, *arguments)
    assert got == code
    assert "Traceback" not in out + err
    assert list(tmp_path.iterdir()) == []
    if code not in (0,):
        assert err.strip()


def test_a_model_of_more_inputs_than_are_counted_is_refused_before_any_work(tmp_path, capsys):
    path, out = tmp_path / "long.safetensors", tmp_path / "c.json"
    path.write_bytes(Recipe("dyadic", v=10, k=5000, d=2, h=2, seed=1).build().bytes())
    words = "10^5000 sequences are too many"
    for call_of in (["info", path], ["prove", path, "--strategy", "cubic", "--out", out]):
        code, _, err = call(capsys, *call_of)
        assert (code, words in err, out.exists()) == (2, True, False)
    code, _, err = call(capsys, "sweep", path, "--strategies", "cubic", "--out", tmp_path / "study")
    assert (code, words in err) == (70, True)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 7, b"{}", b"\xff" * 100, b"\x02" + b"\0" * 7 + b"{}"]
)
@pytest.mark.parametrize("command", ["info", "evaluate", "prove", "check", "show", "import"])
def test_files_that_are_no_models_are_refused_with_a_sentence(command, content, tmp_path, capsys):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(content)
    out = tmp_path / "out"
    arguments = {
        "info": [bad],
        "evaluate": [bad, "1,2,3,4"],
        "prove": [bad, "--strategy", "cubic", "--out", out],
        "check": [bad, bad],
        "show": [bad],
        "import": [bad, "--out", out],
    }[command]
    code, stdout, err = call(capsys, command, *arguments)
    assert code == 2
    assert "Traceback" not in stdout + err and (stdout + err).strip()
    assert not out.exists()


@pytest.mark.parametrize("words", [["-q", "info", MODEL], ["info", MODEL, "--quiet"]])
def test_quiet_may_stand_anywhere(words, capsys):
    code, out, err = call(capsys, *words)
    assert (code, err) == (0, "")
    assert "16777216" in out


def test_an_internal_error_is_70_without_a_traceback(monkeypatch, capsys):
    monkeypatch.setattr("ballproof.verifier.commands.inspect.load_model", lambda model: 1 / 0)
    code, _, err = call(capsys, "info", MODEL)
    assert code == 70
    assert "ZeroDivisionError" in err and "Traceback" not in err


def test_the_module_runs_like_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "ballproof", "info", MODEL, "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["inputs"] == 16777216


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_proof_leaves_no_half_certificate(blow, tmp_path):
    target = tmp_path / "c.json"
    arguments = ["prove", MODEL, "--strategy", "brute-force", "--out", str(target)]
    process = subprocess.Popen(
        [sys.executable, "-m", "ballproof", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    time.sleep(1.5)
    os.killpg(process.pid, blow)
    _, err = process.communicate(timeout=30)
    assert not target.exists()
    assert "Traceback" not in err
    if blow == signal.SIGINT:
        assert process.returncode == 130


def test_import_of_a_state_dict_without_saying_the_heads_is_refused(tmp_path, capsys):
    weights = load_file(zoo_path(MODEL))
    linear = {
        "embed.weight": weights["embed.W_E"],
        "pos_embed.weight": weights["pos_embed.W_pos"],
        "unembed.weight": np.ascontiguousarray(weights["unembed.W_U"].T),
        "blocks.0.attn.o.weight": np.ascontiguousarray(weights["blocks.0.attn.W_O"][0].T),
    }
    for name in "QKV":
        matrix = weights[f"blocks.0.attn.W_{name}"][0]
        linear[f"blocks.0.attn.{name.lower()}.weight"] = np.ascontiguousarray(matrix.T)
    source, target = tmp_path / "linear.safetensors", tmp_path / "model.safetensors"
    save_file(linear, source)
    code, _, err = call(capsys, "import", source, "--out", target)
    assert (code, "heads" in err, target.exists()) == (2, True, False)
    assert call(capsys, "import", source, "--out", target, "--heads", "1")[0] == 0
    before = call(capsys, "evaluate", MODEL, "3,17,60,12")[1]
    assert call(capsys, "evaluate", target, "3,17,60,12")[1] == before


def test_training_is_a_command_of_its_own(tmp_path, capsys):
    pytest.importorskip("torch", reason="torch, the train extra, is not installed")
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for path in (first, second):
        code, out, _ = call(capsys, "train", "--n-ctx", 3, "--seed", 7, "--steps", 3, "--out", path)
        assert code == 0 and "sha256" in out
    assert first.read_bytes() == second.read_bytes()


def test_the_task_that_was_trained_is_written_into_the_file(tmp_path, capsys):
    pytest.importorskip("torch", reason="torch, the train extra, is not installed")
    path, copy = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    words = ("--task", "argmax-of-3", "--d-vocab", 5, "--seed", 7, "--steps", 3, "--out", path)
    code, out, _ = call(capsys, "train", *words)
    assert code == 0 and f"{path}: argmax-of-3, last batch loss" in out
    assert load_weights(path).task == "argmax-of-3"
    assert load_weights(path).shape == Shape(5, 3, 32, 32, 3)
    assert call(capsys, "import", path, "--out", copy)[0] == 0
    assert copy.read_bytes() == path.read_bytes()
    assert call(capsys, "import", path, "--out", copy, "--task", "argmax-3-of-3")[0] == 0
    assert load_weights(copy).task == "argmax-3-of-3"
    assert call(capsys, "train", "--seed", 7, "--out", path)[0] == 64
    assert "the model has 4" in call(capsys, "train", "--n-ctx", 4, *words)[2]


def test_sums_and_products_are_trained_on_listed_inputs(tmp_path, capsys):
    pytest.importorskip("torch", reason="torch, the train extra, is not installed")
    path, state = tmp_path / "a.safetensors", tmp_path / "state.pt"
    words = ("--task", "product-in-c4", "--seed", 7, "--steps", 200, "--state", state)
    code, out, _ = call(capsys, "train", *words, "--out", path)
    assert code == 0 and f"{path}: product-in-c4, 16 of 16 inputs right in float32" in out
    assert state.exists()
    assert call(capsys, "evaluate", path, "3,2")[1].startswith("label 1: right")
    code, out, _ = call(capsys, "info", path)
    assert code == 0 and "pair(added),mlp(relu),readout" in out and "product-in-c4" in out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--task", "add-mod-5", "--d-model", 8), "--d-model is not for sums and products"),
        (("--task", "min-of-3", "--fraction", "0.5"), "are for tasks whose inputs are listed"),
        (("--n-ctx", 3, "--batch", 0), "are for tasks whose inputs are listed"),
        (("--task", "add-mod-5", "--fraction", 0), "--fraction"),
    ],
)
def test_options_of_another_recipe_are_refused(tmp_path, capsys, words, reason):
    pytest.importorskip("torch", reason="torch, the train extra, is not installed")
    path = tmp_path / "a.safetensors"
    code, _, err = call(capsys, "train", *words, "--seed", 7, "--out", path)
    assert (code, reason in err, path.exists()) == (64, True, False)


def test_a_state_that_cannot_be_written_is_refused_before_training(tmp_path, capsys):
    pytest.importorskip("torch", reason="torch, the train extra, is not installed")
    words = ("--task", "add-mod-113", "--seed", 7, "--state", tmp_path / "none" / "state.pt")
    code, _, err = call(capsys, "train", *words, "--out", tmp_path / "a.safetensors")
    assert (code, "does not exist" in err) == (64, True)


def test_training_without_torch_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ballproof.models.train", None)
    code, _, err = call(
        capsys, "train", "--n-ctx", 3, "--seed", 7, "--out", tmp_path / "a.safetensors"
    )
    assert code == 64
    assert "'.[train]'" in err
