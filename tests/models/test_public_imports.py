"""Public checkpoints are read by the key maps that ship, and do what their authors' programs do."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from support.deep_networks import logits as of_parts

from ballproof.models.forward import evaluate
from ballproof.models.key_map import SHIPPED
from ballproof.models.task_choice import choose_task
from ballproof.models.weights import load_weights
from ballproof.verifier.commands.main import main

PUBLIC = Path(__file__).parents[3] / "shared/public-models"
ASKED = 12
SYMPY = "[side=y(x);order=sympy]"
FILES = [
    ("groups-C113_MLP_seed1.pt", "groups", "add-mod-113", (), "pair(concatenated)"),
    ("groups-A5_MLP_seed1.pt", "groups", f"product-in-a5{SYMPY}", (), "pair(concatenated)"),
    ("groups-S5_MLP_seed42.pt", "groups", f"product-in-s5{SYMPY}", (), "pair(concatenated)"),
    ("groups-C113_T_seed1.pt", "groups", "add-mod-113", (), "4-heads,causal"),
    ("groups-D59_T_seed1.pt", "groups", "product-in-d59", (), "4-heads,causal"),
    ("groups-A5_T_seed3.pt", "groups", f"product-in-a5{SYMPY}", (), "4-heads,causal"),
    ("pizza-l8k1hzciux.pt", "pizza", "add-mod-59", ("--config",), "4-heads,full,1/sqrt(d_head))"),
    ("pizza-p99zdpze5l.pt", "pizza", "add-mod-59", ("--config",), "0*softmax+1)"),
    ("pizza-linear-7r4zst7evs.pt", "pizza", "add-mod-59", (), "pair(concatenated)"),
    ("grokking-low-precision.pth", "grokking", "add-mod-113", (), "4-heads,causal"),
    (
        "puzzle-max-of-5-seed42.pt",
        "puzzle",
        "max-of-5[positions=10..10,0..9,11..11,0..9,11..11,0..9,11..11,0..9,11..11,0..9,12..12;"
        "reads=1,3,5,7,9]",
        (),
        "4-heads,causal,1/sqrt(d_head)),readout(last)",
    ),
]


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public models are not beside the project")
@pytest.mark.parametrize(("name", "map_name", "task", "options", "words"), FILES)
def test_public_models_answer_right_after_import(tmp_path, name, map_name, task, options, words):
    out, path = tmp_path / "model.safetensors", PUBLIC / name
    given = [part for option in options for part in (option, str(path.with_suffix(".json")))]
    command = ["import", str(path), "--map", map_name, "--task", task, "--out", str(out)]
    assert main([*command, *given]) == 0
    weights = load_weights(out)
    assert words in weights.architecture.words
    chosen = choose_task(weights).task
    rng = np.random.default_rng(0)
    right = 0
    for _ in range(ASKED):
        sequence = [int(rng.integers(each.start, each.stop)) for each in chosen.positions]
        logits = [float(x.mid()) for x in evaluate(weights, sequence, 64)]
        right += int(np.argmax([logits[a] for a in chosen.answers])) == chosen.label(sequence)
    # One of 100 inputs is wrong in the worst of them.
    assert right >= ASKED - 1


BRACKETS = (
    "balanced-10[open=3;close=4;labels=0,1;positions=0..0,"
    + "3..4," * 10
    + "2..2;reads=1,2,3,4,5,6,7,8,9,10]"
)
DEEP = [
    ("dyck-10.pt", "dyck", "balanced-10", (), 1024, 6.395669),
    ("brackets-40.pt", "brackets", BRACKETS, ("--n-ctx", "12"), 1024, 4.454363),
]


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public models are not beside the project")
@pytest.mark.parametrize(("name", "map_name", "task", "options", "right", "least"), DEEP)
def test_public_deep_models_get_every_input_right(
    tmp_path, name, map_name, task, options, right, least
):
    out = tmp_path / "model.safetensors"
    command = ["import", str(PUBLIC / name), "--map", map_name, "--task", task, "--out", str(out)]
    assert main([*command, *options]) == 0
    weights = load_weights(out)
    chosen = choose_task(weights).task
    inputs = np.array(list(itertools.product(*chosen.positions)))
    parts = json.loads(weights.architecture.text)
    logits = of_parts(parts, load_file(out), inputs)
    labels = chosen.rule.labels_of(inputs[:, list(chosen.reads)])
    # There are two answers.
    leads = (logits[:, 1] - logits[:, 0]) * (2 * labels - 1)
    assert (leads > 0).sum() == len(leads) == right and abs(leads.min() - least) < 1e-6
    worst = inputs[leads.argmin()].tolist()
    one, other = evaluate(weights, worst, 128)
    assert abs(float((one - other).mid())) == pytest.approx(leads.min(), abs=1e-12)


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public models are not beside the project")
def test_a_public_model_of_another_pooling_is_refused(tmp_path, capsys):
    path = tmp_path / "map.toml"
    text = (SHIPPED / "dyck.toml").read_text()
    path.write_text(text.replace("pool = sum", "pool = mean"))
    out = str(tmp_path / "model.safetensors")
    assert main(["import", str(PUBLIC / "dyck-10.pt"), "--map", str(path), "--out", out]) != 0
    assert "cfg states pool = 'sum', where the key map is for" in capsys.readouterr().err
