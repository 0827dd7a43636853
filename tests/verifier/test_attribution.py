"""`attribute`: values are exact, add up, and each subset's count is the truth of what is stated."""

import json
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.oracle import Oracle
from support.toy import Recipe, ToyModel

import ballproof as bp
from ballproof.models.ablation import PATHS, ablated
from ballproof.verifier.commands.main import main
from ballproof.verifier.proving.attribution import interactions, shapley_values, subsets

# Four tokens and two positions: the means of so few float32 numbers are float64 numbers.
TOY = Recipe("gaussian", 4, 2, 3, 2, seed=3).build()


def true_count(path):
    oracle = Oracle(ToyModel.read(path))
    return sum(oracle.is_correct(sequence) for sequence in oracle.sequences())


def rows(matrix):
    unit = Fraction(2) ** matrix.exponent
    return [[int(x) * unit for x in row] for row in matrix.mantissa.tolist()]


def mean_rows(table):
    mean = [sum(column) / len(table) for column in zip(*table, strict=True)]
    return [mean] * len(table)


def mean_columns(table):
    return [[sum(row) / len(row)] * len(row) for row in table]


@pytest.mark.parametrize("kept", subsets(PATHS), ids=lambda kept: "+".join(sorted(kept)) or "none")
def test_an_ablated_path_is_the_mean_of_its_table(kept):
    weights = bp.load(TOY.tensors).weights
    model = ablated(weights, kept, "max-of-2")
    was, found = weights.tables, model.tables
    old, new = was.heads[0], found.heads[0]
    for path, before, after, mean in (
        ("direct", was.direct, found.direct, mean_rows),
        ("OV", old.output, new.output, mean_rows),
        ("QK", old.score, new.score, mean_columns),
        ("positional OV", old.positional_output, new.positional_output, mean_rows),
        ("positional QK", old.positional_score, new.positional_score, mean_columns),
    ):
        wanted = rows(before) if path in kept else mean(rows(before))
        assert rows(after) == wanted, path
    assert new.d_head == old.d_head


def game(players):
    return st.lists(
        st.integers(0, 10**9), min_size=2 ** len(players), max_size=2 ** len(players)
    ).map(lambda counts: dict(zip(subsets(players), counts, strict=True)))


@given(game("abcd"))
def test_a_value_is_the_mean_gain_over_all_orders(counts):
    values = shapley_values("abcd", counts)
    gains = dict.fromkeys("abcd", 0)
    orders = list(permutations("abcd"))
    for order in orders:
        for i, player in enumerate(order):
            gains[player] += counts[frozenset(order[: i + 1])] - counts[frozenset(order[:i])]
    assert values == {player: Fraction(gain, len(orders)) for player, gain in gains.items()}


@given(game(PATHS))
def test_values_add_up_exactly_to_all_less_none(counts):
    total = counts[frozenset(PATHS)] - counts[frozenset()]
    assert sum(shapley_values(PATHS, counts).values()) == total


@given(game("abcd"))
def test_an_interaction_is_what_one_path_does_to_the_value_of_another(counts):
    # I_ij: the value of j among the others where i is always there, less where it never is.
    for (i, j), found in interactions("abcd", counts).items():
        others = [player for player in "abcd" if player != i]
        there = {s: counts[s | {i}] for s in subsets(others)}
        gone = {s: counts[s] for s in subsets(others)}
        assert found == shapley_values(others, there)[j] - shapley_values(others, gone)[j]


def test_paths_that_never_meet_have_no_interaction():
    weight = dict(zip(PATHS, (5, 0, 7, 1, 2), strict=True))
    counts = {kept: sum(weight[path] for path in kept) for kept in subsets(PATHS)}
    assert shapley_values(PATHS, counts) == weight
    assert not any(interactions(PATHS, counts).values())


@pytest.mark.parametrize(
    ("kind", "v", "k"), [("trained", 4, 3), ("gaussian", 5, 2), ("duplicated", 3, 3)]
)
def test_each_count_is_certified_and_true(kind, v, k, tmp_path, capsys):
    model = Recipe(kind, v, k, 4, 4, seed=2).build().write(tmp_path / "toy.safetensors")
    folder, task = tmp_path / "paths", f"max-of-{k}"
    capsys.readouterr()
    words = ["attribute", str(model), "--task", task, "--out-dir", str(folder), "--json"]
    assert main(words) == 0
    fields = json.loads(capsys.readouterr().out)
    assert len(fields["subsets"]) == 32 and len(list(folder.iterdir())) == 64
    for one in fields["subsets"]:
        stem = "+".join(path.replace(" ", "-") for path in one["kept"]) or "none"
        weights = folder / f"{stem}.safetensors"
        truth = true_count(weights)
        assert (int(one["correct_at_least"]), int(one["correct_at_most"])) == (truth, truth)
    assert bp.check(weights, folder / f"{stem}.json", task=task).correct_at_least == truth
    # With all paths it is the model's own count.
    assert truth == true_count(model)
    values = {path: Fraction(text) for path, text in fields["values"].items()}
    none = int(fields["subsets"][0]["correct_at_least"])
    assert sum(values.values()) == truth - none


def test_the_table_says_what_the_values_add_up_to(tmp_path, capsys):
    model = TOY.write(tmp_path / "toy.safetensors")
    assert main(["attribute", str(model), "--task", "max-of-2"]) == 0
    out = capsys.readouterr().out
    assert "32 exact counts, all verified" in out
    found = bp.attribute(model, task="max-of-2")
    total = found.counts[frozenset(PATHS)] - found.counts[frozenset()]
    assert f"the values add up to {total}" in out
    assert sum(found.values.values()) == total
    assert set(found.to_dict()["values"]) == set(PATHS)
    assert "positional QK" in repr(found) and "positional QK" in found._repr_html_()
    assert len(list(found.save(tmp_path / "paths").iterdir())) == 64


def test_a_model_of_several_heads_is_declined(capsys):
    assert main(["attribute", "add-mod-59-seed-0"]) == 2
    assert "one head" in capsys.readouterr().err


def test_a_count_that_is_not_found_is_declined_with_the_subset(tmp_path, capsys):
    model = TOY.write(tmp_path / "toy.safetensors")
    words = ["attribute", str(model), "--task", "max-of-2", "--max-operations", "1"]
    assert main(words) == 2
    assert "With the paths none kept" in capsys.readouterr().err


def test_a_weight_that_float64_does_not_hold_is_declined():
    wide = {
        name: np.full(array.shape, 2**62 + 1, dtype=np.int64) if name == "embed.W_E" else array
        for name, array in TOY.tensors.items()
    }
    with pytest.raises(bp.ModelError, match=r"embed\.W_E"):
        ablated(bp.load(wide).weights, frozenset(PATHS), "max-of-2")
