"""The index takes exact counts from certificates whose two ends meet."""

import json

import pytest

from ballproof.models.architectures import Shape
from ballproof.models.tasks import task_named

pytest.importorskip("torch", reason="building the zoo needs the train extra")
from ballproof.models.build_zoo import exact_counts

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
