"""The index takes exact counts from certificates whose two ends meet."""

import json
import shutil

import pytest

from ballproof.models.architectures import Shape
from ballproof.models.catalogue import zoo_names, zoo_path, zoo_record
from ballproof.models.recipes import recipe_of
from ballproof.models.tasks import task_named
from ballproof.models.weights import load_weights

pytest.importorskip("torch", reason="building the zoo needs the train extra")
from ballproof.models import build_zoo
from ballproof.models.build_zoo import exact_counts
from ballproof.models.zoo_plan import CHANGES, NAMES

SHAPE = Shape(64, 4, 32, 32, 4)
SIZES = {"d_vocab": 64, "n_ctx": 4, "d_model": 32, "d_head": 32, "d_vocab_out": 4}


def certificate(digest, most="7", version=2, **changes):
    claim = {
        "model": {"sha256": digest, "parts": [], "sizes": SIZES},
        "task": task_named("argmax-of-4", SHAPE).to_json(),
        "semantics": "real",
        "margin": "0",
        "total": "16777216",
        "correct_at_least": "7",
        "correct_at_most": most,
    }
    return {"format": f"ballproof-certificate/{version}", "claim": {**claim, **changes}}


def test_only_certificates_about_the_plain_question_with_equal_ends_count(tmp_path):
    written = {
        "equal": certificate("a" * 64),
        "apart": certificate("b" * 64, most="8"),
        "float32": certificate("c" * 64, semantics="float32"),
        "margin": certificate("d" * 64, margin="1/2"),
        "old": certificate("e" * 64, version=1),
    }
    for name, document in written.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    assert exact_counts(tmp_path) == {("a" * 64, "argmax-of-4"): 7}


def listed(name, right, **changes):
    """Return a certificate about a model of the zoo whose inputs are listed."""
    record = zoo_record(name)
    shape = recipe_of(record["task"]).shape
    model = {"sha256": record["digest"], "parts": [], "sizes": shape.fields()}
    task = task_named(record["task"], shape).to_json()
    return certificate(
        record["digest"], most=right, correct_at_least=right, model=model, task=task, **changes
    )


@pytest.mark.parametrize("name", ["add-mod-113-seed-2", "product-in-s5-seed-0"])
def test_counts_of_sums_and_products_are_told_by_digest_and_task(tmp_path, name):
    (tmp_path / "one.json").write_text(json.dumps(listed(name, "12345")))
    (tmp_path / "margin.json").write_text(json.dumps(listed(name, "1", margin="1/2")))
    record = zoo_record(name)
    assert exact_counts(tmp_path) == {(record["digest"], record["task"]): 12345}


def test_the_index_takes_exact_counts_and_keeps_its_records(tmp_path, monkeypatch):
    names = [
        "max-of-4-seed-50",
        "product-in-s4-seed-0",
        "product-in-s4-seed-2",
        "max-of-4-two-heads-seed-0",
    ]
    for name in names:
        shutil.copy(zoo_path(name), tmp_path)
    monkeypatch.setattr(build_zoo, "ZOO_FOLDER", tmp_path)
    monkeypatch.setattr(build_zoo, "INDEX_PATH", tmp_path / "index.json")
    # One record is there, the others are made: what the zoo says of them, float for float.
    (tmp_path / "index.json").write_text(json.dumps([zoo_record(names[0])]))
    counts = {(zoo_record(names[1])["digest"], "product-in-s4"): 576}
    build_zoo._write_index(counts)
    expected = [dict(zoo_record(name)) for name in names]
    expected[1]["exactly_right"] = 576
    for record in expected[2:]:
        record.pop("exactly_right", None)
    for record in (written := json.loads((tmp_path / "index.json").read_text())):
        record["loss"] = pytest.approx(record["loss"])
    assert written == expected


def test_several_heads_and_an_mlp_are_trained_by_the_name(tmp_path, monkeypatch):
    monkeypatch.setattr(build_zoo, "ZOO_FOLDER", tmp_path)
    monkeypatch.setattr(build_zoo, "STEPS", 2)
    name = "argmax-of-3-of-5-two-heads-mlp-4-seed-7"
    assert build_zoo._train(name, tmp_path) == name
    weights = load_weights(tmp_path / f"{name}.safetensors")
    assert tuple(weights.shape.fields().values()) == (5, 3, 32, 2, 16, 4, 3)
    assert weights.task == "argmax-of-3"
    assert weights.notes["recipe"].endswith("fresh uniform batches of 256, 2 steps, seed 7")


def test_every_model_of_the_zoo_can_be_built():
    assert sorted(NAMES) == sorted(zoo_names())
    assert {name for name in zoo_names() if "remark" in zoo_record(name)} == CHANGES.keys()
