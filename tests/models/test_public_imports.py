"""Public checkpoints are read by the key maps that ship, and do what their authors' programs do."""

from pathlib import Path

import numpy as np
import pytest

from ballproof.models.forward import evaluate
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
