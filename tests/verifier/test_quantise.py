"""`quantise`: each count is the truth of the rounded file, and the fewest bits are what is said."""

import json
from fractions import Fraction
from types import SimpleNamespace

import pytest
from support.certify import trained_toy
from support.oracle import Oracle
from support.toy import Recipe, ToyModel

import ballproof as bp
from ballproof.verifier.commands.main import main
from ballproof.verifier.proving import quantising
from ballproof.verifier.proving.quantising import fewest_bits

TOY = trained_toy()
TASK = f"max-of-{TOY.n_ctx}"


def true_count(path):
    oracle = Oracle(ToyModel.read(path))
    return sum(oracle.is_correct(sequence) for sequence in oracle.sequences())


@pytest.fixture
def model(tmp_path):
    return TOY.write(tmp_path / "toy.safetensors")


def run(capsys, *words):
    capsys.readouterr()
    code = main([str(word) for word in words])
    return code, *capsys.readouterr()


def test_each_certificate_is_of_its_file_and_says_the_truth(model, tmp_path, capsys):
    folder = tmp_path / "rounded"
    words = ("--bits", "2..5", "--per", "both", "--out-dir", folder, "--json", "--task", TASK)
    code, out, _ = run(capsys, "quantise", model, *words)
    rows = json.loads(out)["models"]
    assert (code, len(rows), len(list(folder.iterdir()))) == (0, 8, 16)
    for row in rows:
        stem = f"{row['bits']:02d}-bits-by-{row['granularity']}"
        weights = folder / f"{stem}.safetensors"
        truth = true_count(weights)
        assert (int(row["correct_at_least"]), int(row["correct_at_most"])) == (truth, truth)
        verdict = bp.check(weights, folder / f"{stem}.json", task=TASK)
        assert verdict.correct_at_least == truth
        assert not bp.check(model, folder / f"{stem}.json")


def test_few_bits_of_what_brute_force_does_not_serve_are_counted_by_exact(monkeypatch):
    monkeypatch.setattr(quantising, "obstacle", lambda *_: "There are too many inputs.")
    found = bp.quantise(TOY.tensors, bits=(3,), task=TASK)
    assert [one.proven.proof.strategy for one in found.models] == ["exact"]


@pytest.mark.parametrize("kind", ["gaussian", "near ties", "duplicated"])
def test_counts_of_random_models_are_the_truth(kind, tmp_path):
    toy = Recipe(kind, 3, 3, 4, 2, seed=5).build()
    found = bp.quantise(toy.tensors, bits=(2, 3, 9), task="max-of-3")
    found.save(tmp_path)
    assert [row["bits"] for row in found.to_dict()["models"]] == [2, 3, 9]
    used = [one.proven.proof.strategy for one in found.models]
    assert used == ["brute-force", "brute-force", "exact"]
    assert "09-bits-by-tensor" in found._repr_html_() and "3 models" in repr(found)
    for one in found.models:
        assert one.proven.claim.correct_at_least == true_count(tmp_path / f"{one.stem}.safetensors")


def rounded(accuracies, granularity="tensor"):
    return [
        SimpleNamespace(bits=bits, granularity=granularity, accuracy=accuracy)
        for bits, accuracy in accuracies.items()
    ]


def test_the_fewest_bits_are_those_from_which_on_all_keep_the_bound():
    half, one = Fraction(1, 2), Fraction(1)
    assert fewest_bits(rounded({2: half, 3: one, 4: one}), "tensor", one) == 3
    # Three bits keep it by chance.
    assert fewest_bits(rounded({3: one, 4: half, 5: one}), "tensor", one) == 5
    assert fewest_bits(rounded({3: one, 4: half}), "tensor", one) is None
    assert fewest_bits(rounded({3: half, 4: half}), "tensor", half) == 3
    # One that is not certified keeps nothing.
    assert fewest_bits(rounded({3: one, 4: None, 5: one}), "tensor", half) == 5
    assert fewest_bits(rounded({3: one}), "row", half) is None


def test_table_sentence_and_curve(model, tmp_path, capsys):
    plot = tmp_path / "bits.svg"
    words = ("--bits", "6..7", "--at-least", "1/100", "--plot", plot, "--task", TASK)
    code, out, _ = run(capsys, "quantise", model, *words)
    assert code == 0
    assert "by tensor: 6 bits keep 1/100, and so do all more of 6 to 7 bits" in out
    assert plot.read_text().lstrip().startswith("<?xml")
    code, out, _ = run(capsys, "quantise", model, "--bits", "6", "--at-least", "2", "--task", TASK)
    assert "by tensor: 6 bits do not keep 2" in out


def test_a_model_that_is_not_certified_is_a_row_with_the_reason(model, capsys):
    words = ("--bits", "6", "--max-operations", "1", "--json", "--task", TASK)
    code, out, _ = run(capsys, "quantise", model, *words)
    (row,) = json.loads(out)["models"]
    assert (code, "limit of 1" in row["not_applicable"]) == (0, True)


@pytest.mark.parametrize("bits", ["1..4", "5..17", "8..2", "x", "", "..4"])
def test_other_ranges_of_bits_are_usage_errors(model, capsys, bits):
    code, _, err = run(capsys, "quantise", model, "--bits", bits)
    assert (code, "range of bits" in err) == (64, True)


def test_the_call_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="column"):
        bp.quantise(TOY.tensors, per="column")
    with pytest.raises(ValueError, match="no bits"):
        bp.quantise(TOY.tensors, bits=())
