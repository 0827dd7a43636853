"""`ballproof train` makes the layers that its options say, one or many."""

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


TINY = "--d-vocab 5 --d-model 6 --steps 3 --batch 4 --seed 0"


@pytest.mark.parametrize(
    ("options", "task", "words", "sizes"),
    [
        ("--task max-of-3 --n-heads 2 --d-mlp 7", None, ",mlp(relu)", (5, 3, 6, 2, 3, 7, 5)),
        ("--n-ctx 3 --n-heads 2 --d-head 4", "max-of-3", "", (5, 3, 6, 2, 4, 0, 5)),
        ("--task min-of-3 --n-heads 3 --norm none", None, "", (5, 3, 6, 3, 2, 0, 5)),
        ("--task rank-2-of-3 --n-heads 4 --readout last", None, "", (5, 3, 6, 4, 1, 0, 5)),
        ("--task argmax-of-3 --d-mlp 2", None, ",mlp(relu)", (5, 3, 6, 1, 6, 2, 3)),
        (
            "--task first-picks-of-2[picks=3,4;positions=3..4,0..2,0..2] --n-heads 2",
            None,
            "",
            (5, 3, 6, 2, 3, 0, 5),
        ),
        (
            "--task max-of-3[positions=0..4,2..3,0..4] --n-heads 2 --d-mlp 1 --activation relu",
            None,
            ",mlp(relu)",
            (5, 3, 6, 2, 3, 1, 5),
        ),
    ],
)
def test_heads_and_neurons_alone_make_one_layer(tmp_path, options, task, words, sizes):
    out = tmp_path / "model.safetensors"
    assert main(["train", *options.split(), *TINY.split(), "--out", str(out)]) == 0
    weights = load_weights(out)
    heads = f"{sizes[3]}-head{'s' if sizes[3] > 1 else ''}"
    expected = f"embed,positions,attention({heads},causal,1/sqrt(d_head)){words},readout(last)"
    assert weights.architecture.words == expected
    assert tuple(weights.shape.fields().values()) == sizes
    assert weights.task == (task or options.split()[1])
    recipe = weights.notes["recipe"]
    assert recipe.endswith("fresh uniform batches of 4, 3 steps, seed 0")
    assert not {"b_Q", "b_K", "b_V", "b_O", "b_U"} & {
        name.split(".")[-1] for name, entries in weights.tensors.items() if any_entry(entries)
    }


def any_entry(matrix):
    return any(map(any, matrix.tolist()))


@pytest.mark.parametrize(
    ("options", "told"), [("--d-mlp 4", "b_in, b_out"), ("--n-heads 2", "none")]
)
def test_info_tells_the_biases_that_are_there_and_positions_are_none(
    tmp_path, capsys, options, told
):
    out = tmp_path / "model.safetensors"
    words = ["train", "--n-ctx", "3", *options.split(), *TINY.split(), "--out", str(out)]
    assert main(words) == 0 and main(["info", str(out)]) == 0
    lines = [x for x in capsys.readouterr().out.splitlines() if x.startswith("non-zero biases")]
    assert [line.removeprefix("non-zero biases").strip() for line in lines] == [told]


def test_one_head_alone_is_the_published_recipe(tmp_path):
    files = [tmp_path / "stated.safetensors", tmp_path / "left-out.safetensors"]
    for out, options in zip(files, (["--n-heads", "1"], []), strict=True):
        words = ["train", "--n-ctx", "3", *options, *TINY.split(), "--out", str(out)]
        assert main(words) == 0
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--task max-of-4 --n-layers 2", "max-of-4 has up to 64^4 inputs, where deep"),
        ("--task balanced-4 --n-layers 17", "17 is not in the range 1<=x<=16"),
        ("--task balanced-4 --norm batch", "'batch' is not one of"),
        ("--task add-mod-5 --d-model 8", "--d-model is not for sums and products"),
        ("--task max-of-4 --n-layers 2 --d-mlp 8", "With --n-heads and --d-mlp alone, one layer"),
        ("--task max-of-4 --n-heads 65", "65 is not in the range 1<=x<=64"),
        ("--task max-of-4 --n-heads 2 --fraction 0.5", "are for tasks whose inputs are listed"),
        ("--n-heads 2", "State the context length with --n-ctx, or a task"),
        ("--task largest-of-4 --n-heads 2", "largest-of-4"),
        ("--task max-of-5 --n-ctx 4 --n-heads 2", "the model has 4"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, capsys, options, words):
    out = tmp_path / "model.safetensors"
    assert main(["train", *options.split(), "--seed", "0", "--out", str(out)]) != 0
    assert words in capsys.readouterr().err and not out.exists()
