"""The zoo holds what its index says, and its models are found by name."""

import hashlib
from collections import Counter

import pytest

from ballproof.models.architectures import Shape
from ballproof.models.architectures.layers.design import text_of
from ballproof.models.catalogue import (
    ZOO_FOLDER,
    ZooName,
    parse_name,
    resolve,
    resolve_all,
    zoo_names,
    zoo_order,
    zoo_path,
    zoo_record,
)
from ballproof.models.recipes import recipe_of
from ballproof.models.tasks import task_named
from ballproof.models.tensors import read_file
from ballproof.models.weights import load_weights

PROVIDED_NAMES = (
    "max-of-4-seed-104",
    "max-of-4-seed-123",
    "max-of-5-seed-50",
    "max-of-10-seed-50",
    "max-of-20-seed-50",
    "max-of-4-two-heads-seed-1",
    "max-of-4-four-heads-seed-2",
    "max-of-4-mlp-64-seed-3",
    "max-of-4-two-heads-mlp-64-seed-5",
    "max-of-10-two-heads-seed-8",
    "rank-2-of-4-two-heads-mlp-64-seed-6",
    "first-picks-of-4-two-heads-seed-9",
)


DEEP = ("after-6-of-12", "balanced-12", "parity-12", "sum-mod-10-of-4")
PAIRS = ("add-mod-59", "add-mod-113", "product-in-s4", "product-in-s5")
# Of the records of the first 200 models, as they are since they were published.
FIRST_RECORDS = "0e16226a25e3a79f9868fa0ac347b126c43511d0d7eea33a2c3ab8382105e7d9"


def test_the_zoo_holds_151_seeds_and_the_longer_tasks():
    names = [name for name in map(parse_name, zoo_names()) if not name.is_several]
    sizes = Counter(name[1:3] for name in names if name.rule == "max")
    assert sizes == {(4, 64): 151, (5, 64): 10, (10, 64): 10, (20, 64): 10, (10, 128): 10}
    others = Counter(name.task for name in names if name.rule != "max")
    counted = {"min-of-4": 3, "rank-2-of-4": 3, "argmax-of-4": 3}
    assert others == {**counted, **dict.fromkeys(PAIRS, 3), **dict.fromkeys(DEEP, 2)}
    assert {*PROVIDED_NAMES} <= {*zoo_names()}
    assert zoo_names() == sorted(zoo_names(), key=zoo_order)


def test_the_zoo_holds_models_of_several_heads_and_an_mlp():
    names = [name.partition("-seed-")[0] for name in zoo_names() if parse_name(name).is_several]
    assert Counter(names) == {
        "max-of-4-two-heads": 3,
        "max-of-4-four-heads": 1,
        "max-of-4-mlp-64": 2,
        "max-of-4-two-heads-mlp-64": 1,
        "max-of-10-two-heads": 1,
        "rank-2-of-4-two-heads-mlp-64": 1,
        "first-picks-of-4-two-heads": 1,
    }
    assert zoo_names()[220:] == [name for name in zoo_names() if parse_name(name).is_several]


def test_the_exact_counts_of_several_heads_and_an_mlp_are_those_of_certificates():
    records = [zoo_record(name) for name in zoo_names() if parse_name(name).is_several]
    wrong = {r["name"]: 64**4 - r["exactly_right"] for r in records if "exactly_right" in r}
    assert wrong == {
        "max-of-4-two-heads-seed-0": 1135,
        "max-of-4-two-heads-seed-1": 1716,
        "max-of-4-two-heads-seed-2": 626,
        "max-of-4-four-heads-seed-2": 272,
        "max-of-4-mlp-64-seed-0": 1183,
        "max-of-4-mlp-64-seed-3": 2363,
        "max-of-4-two-heads-mlp-64-seed-5": 857,
    }


def test_a_first_token_that_picks_is_one_of_two_that_are_not_compared():
    parsed = parse_name("first-picks-of-2-of-8-two-heads-seed-0")
    assert parsed == ZooName("first-picks", 3, 10, 0, 2) and parsed.d_vocab_out == 8
    task = task_named(parsed.task, Shape(10, 3, 4, 2, 8))
    assert (task.total, task.answers) == (2 * 8**2, range(8))
    assert [task.label(each) for each in ((8, 3, 5), (9, 3, 5))] == [5, 3]


def test_the_pattern_of_the_study_means_its_models_alone():
    paths = resolve_all("max-of-4-seed-*")
    names = [name for name in zoo_names() if zoo_path(name) in paths]
    assert len(names) == 151 and not any(parse_name(name).is_several for name in names)


def test_names_order_and_digests_of_the_first_models_stay():
    records = [zoo_record(name) for name in zoo_names()[:200]]
    lines = "".join(f"{record['name']} {record['digest']}\n" for record in records)
    assert hashlib.sha256(lines.encode()).hexdigest() == FIRST_RECORDS
    assert all(parse_name(name).is_of_pairs for name in zoo_names()[200:220])


def test_index_and_folder_agree():
    files = {path.name for path in ZOO_FOLDER.glob("*.safetensors")}
    assert files == {zoo_record(name)["file"] for name in zoo_names()}


@pytest.mark.parametrize("name", zoo_names())
def test_every_record_describes_its_file(name):
    record, weights = zoo_record(name), load_weights(zoo_path(name))
    assert record["digest"] == weights.digest
    parsed = parse_name(name)
    assert (record["n_ctx"], record["d_vocab"], record["seed"]) == parsed[1:4]
    assert record["task"] == task_named(parsed.task, weights.shape).name(weights.shape)
    of_the_study = parsed.rule == "max" and not parsed.is_several
    assert weights.task == (None if of_the_study else record["task"])
    assert record["n_ctx"] == weights.shape.n_ctx
    if parsed.is_of_pairs:
        sizes = weights.shape.fields()
        assert {key: record[key] for key in sizes} == sizes == recipe_of(parsed.task).shape.fields()
        assert record["samples"] == task_named(record["task"], weights.shape).total
        assert record["loss_kind"] == f"mean cross-entropy over all {record['samples']} inputs"
        assert record["recipe"].endswith(f"seed {parsed.seed}")
    else:
        assert (record["d_model"], record["samples"]) == (32, 200_000)
        assert record["d_head"] == weights.shape.d_head == 32 // parsed.n_heads
        assert "sampled sequences" in record["loss_kind"]
    assert 0 <= record["sampled_accuracy"] <= 1 and record["loss"] > 0
    origin = (
        "after the published recipe, torch" if parsed.is_of_pairs else "published recipe, torch"
    )
    origin = "own recipe, torch" if parsed.is_deep or parsed.is_several else origin
    assert record["origin"].startswith("provided" if name in PROVIDED_NAMES else origin)


@pytest.mark.parametrize("name", [name for name in zoo_names() if parse_name(name).is_several])
def test_a_file_of_several_heads_or_an_mlp_states_its_recipe_and_has_no_other_biases(name):
    tensors, metadata = read_file(zoo_path(name).read_bytes(), name)
    record, parsed = zoo_record(name), parse_name(name)
    assert metadata == {"task": record["task"], "recipe": record["recipe"]}
    assert record["recipe"].endswith(f"seed {parsed.seed}")
    sizes = load_weights(zoo_path(name)).shape.fields()
    assert {key: record[key] for key in sizes} == sizes
    assert (sizes["n_heads"], sizes["d_mlp"]) == (parsed.n_heads, parsed.d_mlp)
    biases = {key.split(".")[-1] for key in tensors if ".b_" in key}
    assert biases == ({"b_in", "b_out"} if parsed.d_mlp else set())


@pytest.mark.parametrize("name", [name for name in zoo_names() if parse_name(name).is_of_pairs])
def test_a_file_of_sums_or_products_states_the_recipe_of_its_record(name):
    _, metadata = read_file(zoo_path(name).read_bytes(), name)
    record = zoo_record(name)
    parts = metadata.pop("parts", None)
    assert metadata == {"task": record["task"], "recipe": record["recipe"]}
    if parse_name(name).is_deep:
        recipe = recipe_of(parse_name(name).task)
        assert load_weights(zoo_path(name)).architecture.text == text_of(recipe.design)
    else:
        assert parts is None


def test_what_is_not_to_be_perfect_is_remarked_and_the_rest_is_perfect():
    imperfect = {name for name in zoo_names() if "remark" in zoo_record(name)}
    assert imperfect == {
        name
        for name in zoo_names()
        if parse_name(name).is_of_pairs and zoo_record(name)["sampled_accuracy"] < 1
    }
    assert len(imperfect) >= 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("max-of-10-of-128-seed-50", ("max", 10, 128, 50)),
        ("rank-2-of-4-seed-7", ("rank-2", 4, 64, 7)),
        ("add-mod-113-seed-0", ("add-mod-113", 3, 114, 0)),
        ("product-in-s5-seed-12", ("product-in-s5", 2, 120, 12)),
        ("after-6-of-12-seed-1", ("after-6-of-12", 6, 12, 1)),
        ("parity-12-seed-0", ("parity-12", 12, 2, 0)),
        ("max-of-4-two-heads-seed-1", ("max", 4, 64, 1, 2)),
        ("rank-2-of-4-four-heads-mlp-64-seed-6", ("rank-2", 4, 64, 6, 4, 64)),
        ("min-of-5-of-10-mlp-8-seed-0", ("min", 5, 10, 0, 1, 8)),
    ],
)
def test_names_are_parsed(name, expected):
    parsed = parse_name(name)
    assert parsed == ZooName(*expected)
    assert name.startswith(parsed.task)


@pytest.mark.parametrize(
    "name",
    [
        "max-of-4",
        "add-mod-113",
        "add-mod-113-seed-x",
        "sum-seed-1",
        "max-of-4-five-heads-seed-1",
        "max-of-4-mlp-64-two-heads-seed-1",
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match="not a name of the form"):
        parse_name(name)


def test_provided_weights_are_unchanged():
    data = zoo_path("max-of-4-seed-123").read_bytes()
    assert hashlib.sha256(data).hexdigest() == (
        "ac4e5cf3ceb6fb3e30dd4b054a80ed9426fb8544b825ade63232abca19f18b52"
    )


def test_a_path_wins_over_a_name(tmp_path, monkeypatch):
    assert resolve("max-of-4-seed-123") == zoo_path("max-of-4-seed-123")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "max-of-4-seed-123").write_bytes(b"")
    assert resolve("max-of-4-seed-123").resolve() == tmp_path / "max-of-4-seed-123"


def test_an_unknown_name_suggests_close_ones():
    with pytest.raises(FileNotFoundError, match=r"did you mean max-of-4-seed-123"):
        resolve("max-of-4-seed-1234")
    with pytest.raises(FileNotFoundError, match="the zoo holds 230 models, max-of-4-seed-123"):
        resolve("nothing like it")
