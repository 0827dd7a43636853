"""`ballproof train` makes deep transformers of the layers that its options say."""

import pytest

from ballproof.models.weights import load_weights
from ballproof.verifier.commands.main import main

pytest.importorskip("torch", reason="training needs the train extra")
SMALL = "--d-model 8 --n-heads 2 --d-head 4 --steps 3 --seed 0"


@pytest.mark.parametrize(
    ("options", "words", "sizes"),
    [
        (
            "--task balanced-4 --n-layers 1 --norm rms --activation silu --readout mean --d-mlp 5",
            "positions,norm(rms,1/100000),attention(2-heads,causal,1/sqrt(d_head)),"
            "norm(rms,1/100000),mlp(silu),norm(rms,1/100000),readout(mean,2-layers)",
            (2, 4, 8, 1, 2, 4, 5, 2),
        ),
        (
            "--task max-of-3 --d-vocab 4 --n-layers 2 --activation none",
            "embed,positions,2*(attention(2-heads,causal,1/sqrt(d_head))),readout(last)",
            (4, 3, 8, 2, 2, 4, 0, 4),
        ),
        (
            "--n-ctx 3 --d-vocab 4 --n-layers 3 --norm layer --activation gelu-tanh --d-mlp 6",
            "3*(norm(layer,1/100000),attention(2-heads,causal,1/sqrt(d_head)),"
            "norm(layer,1/100000),mlp(gelu-tanh)),norm(layer,1/100000),readout(last)",
            (4, 3, 8, 3, 2, 4, 6, 4),
        ),
        (
            "--task add-mod-5 --n-layers 2 --d-mlp 6",
            "2*(attention(2-heads,causal,1/sqrt(d_head)),mlp(relu)),readout(last)",
            (6, 3, 8, 2, 2, 4, 6, 5),
        ),
        (
            "--task sum-mod-3-of-3 --norm none --d-mlp 6",
            "2*(attention(2-heads,causal,1/sqrt(d_head)),mlp(gelu)),readout(last)",
            (3, 3, 8, 2, 2, 4, 6, 3),
        ),
    ],
)
def test_options_say_the_layers(tmp_path, options, words, sizes):
    out = tmp_path / "model.safetensors"
    assert main(["train", *options.split(), *SMALL.split(), "--out", str(out)]) == 0
    weights = load_weights(out)
    assert weights.architecture.words.endswith(words)
    assert tuple(weights.shape.fields().values()) == sizes
    assert weights.task and "3 steps" in weights.notes["recipe"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--task max-of-4 --n-layers 2", "max-of-4 has up to 64^4 inputs, where deep"),
        ("--task balanced-4 --n-layers 17", "17 is not in the range 1<=x<=16"),
        ("--task balanced-4 --norm batch", "'batch' is not one of"),
        ("--task add-mod-5 --d-model 8", "--d-model is not for sums and products"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, capsys, options, words):
    out = tmp_path / "model.safetensors"
    assert main(["train", *options.split(), "--seed", "0", "--out", str(out)]) != 0
    assert words in capsys.readouterr().err and not out.exists()
