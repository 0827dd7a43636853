"""The zoo holds what its index says, and its models are found by name."""

import hashlib
from collections import Counter

import pytest

from ballproof.models.catalogue import (
    ZOO_FOLDER,
    parse_name,
    resolve,
    zoo_names,
    zoo_order,
    zoo_path,
    zoo_record,
)
from ballproof.models.weights import load_weights

PROVIDED_NAMES = (
    "max-of-4-seed-104",
    "max-of-4-seed-123",
    "max-of-5-seed-50",
    "max-of-10-seed-50",
    "max-of-20-seed-50",
)


def test_the_zoo_holds_151_seeds_and_the_longer_tasks():
    names = [parse_name(name) for name in zoo_names()]
    sizes = Counter(name[1:3] for name in names if name.rule == "max")
    assert sizes == {(4, 64): 151, (5, 64): 10, (10, 64): 10, (20, 64): 10, (10, 128): 10}
    others = Counter(name.task for name in names if name.rule != "max")
    assert others == {"min-of-4": 3, "rank-2-of-4": 3, "argmax-of-4": 3}
    assert {*PROVIDED_NAMES} <= {*zoo_names()}
    assert zoo_names() == sorted(zoo_names(), key=zoo_order)


def test_index_and_folder_agree():
    files = {path.name for path in ZOO_FOLDER.glob("*.safetensors")}
    assert files == {zoo_record(name)["file"] for name in zoo_names()}


@pytest.mark.parametrize("name", zoo_names())
def test_every_record_describes_its_file(name):
    record, weights = zoo_record(name), load_weights(zoo_path(name))
    assert record["digest"] == weights.digest
    parsed = parse_name(name)
    assert (record["n_ctx"], record["d_vocab"], record["seed"]) == parsed[1:]
    assert record["task"] == parsed.task
    assert weights.task == (None if parsed.rule == "max" else parsed.task)
    assert record["n_ctx"] == weights.shape.n_ctx
    assert (record["d_model"], record["d_head"]) == (32, 32)
    assert 0 <= record["sampled_accuracy"] <= 1 and record["samples"] == 200_000
    assert record["loss"] > 0 and "sampled sequences" in record["loss_kind"]
    provided = name in PROVIDED_NAMES
    assert record["origin"].startswith("provided" if provided else "published recipe, torch")


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
    with pytest.raises(FileNotFoundError, match="the zoo holds 200 models, max-of-4-seed-123"):
        resolve("nothing like it")
