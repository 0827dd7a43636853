"""The corpus says what is true, by enumeration of every input, and is what its manifest says."""

import json
import re
import tarfile
from collections import Counter
from fractions import Fraction
from functools import cache
from itertools import product
from math import prod

import numpy as np
import pytest
from arena_case import get
from arena_corpus import BASE, TOOLS, ManifestError, pack, read_manifest, require, whole
from arena_models import KEPT_MODELS, RECIPES, is_kept, makers, toy, toy_of, weights
from arena_witnesses import exact_weights, good
from large_files import MIB, large_file
from support.certify import PARTS, digest, shapes, task_of
from support.claimed import ends_of, sizes_of
from support.toy import ToyModel
from support.witnesses import SUBCUBIC

REASONS = {"syntax", "limit", "unsupported", "digest", "statement", "pin", "witness", "budget"}
SUBCUBIC_KEYS = ("gaps", "query_directions", "key_directions", "matrix_directions", "squarings")
SUBCUBIC_KEYS += ("mu", "a_star", "chord")
LADDER_KEYS = ("labels", "queries", "cells", "per_position", "joint_rivals", "thresholds")
LADDER_KEYS += ("subpools", "groups", "rare_tokens", "at_most", "rule", "rivals", "rate")


@cache
def model_of(data: bytes) -> ToyModel:
    return toy_of(data)


def is_true(claim, low: int, high: int) -> bool:
    return int(claim["correct_at_least"]) <= low and high <= int(claim["correct_at_most"])


def is_false(claim, low: int, high: int) -> bool:
    return int(claim["correct_at_least"]) > high or low > int(claim["correct_at_most"])


@pytest.fixture
def judged(corpus, cases):
    """Return a function: the cases of a category that have files, their weights and claims."""

    def read(category):
        for case in cases[category]:
            if not case.certificate.startswith("large:") and not case.model.startswith("large:"):
                claim = json.loads(corpus.files[case.certificate])["claim"]
                yield case, corpus.files[case.model], claim

    return read


def test_every_accepted_statement_is_true_by_enumeration(judged):
    for case, data, claim in judged("accept"):
        parts = claim["model"]["parts"]
        own = sizes_of(data, parts, len(claim["task"]["positions"]))
        model = {"sha256": digest(data), "parts": parts, "sizes": own}
        assert claim["model"] == model, case.name
        sizes = [past - first for first, past in claim["task"]["positions"]]
        assert int(claim["total"]) == prod(sizes)
        if parts == PARTS and not case.name.startswith("task."):
            assert claim["task"] == task_of(shapes(data)), case.name
        assert is_true(claim, *ends_of(data, claim)), case.name


def float32_count(model, margin):
    """Run the model in float32, in numpy's order of summation, and count what is right."""
    w = {name: w.astype(np.float64).astype(np.float32) for name, w in exact_weights(model).items()}
    right = 0
    for tokens in product(range(model.d_vocab), repeat=model.n_ctx):
        x = w["W_E"][list(tokens)] + w["W_pos"]
        scores = (x @ w["W_K"]) @ (x[-1] @ w["W_Q"] + w["b_Q"]) / np.float32(np.sqrt(model.d_head))
        a = np.exp(scores - scores.max())
        z = (a / a.sum()) @ (x @ w["W_V"] + w["b_V"])
        logits = (x[-1] + z @ w["W_O"] + w["b_O"]) @ w["W_U"] + w["b_U"]
        assert logits.dtype == np.float32
        exact = [Fraction(float(y)) for y in logits]
        m = max(tokens)
        right += all(exact[m] > y + margin for j, y in enumerate(exact) if j != m)
    return right


def test_claims_about_float32_hold_of_a_program_that_runs_in_float32(judged):
    counts, seen = {}, 0
    for case, data, claim in judged("accept"):
        if claim["semantics"] == "float32":
            key = case.model, claim["margin"]
            if key not in counts:
                counts[key] = float32_count(model_of(data), Fraction(claim["margin"]))
            assert is_true(claim, counts[key], counts[key]), case.name
            seen += 1
    assert seen > 20 and len(counts) > 5


def test_cases_marked_false_are_false_and_no_others(judged, cases):
    seen = Counter()
    for case, data, claim in judged("reject"):
        if case.reason == "count" and claim["semantics"] == "real":
            untrue = is_false(claim, *ends_of(data, claim))
            assert case.false == untrue, case.name
            seen[untrue] += 1
        else:
            assert not case.false, case.name
    assert seen[True] > 350 and seen[False] > 10
    assert not any(case.false for name in ("accept", "no_crash") for case in cases[name])


def test_what_is_built_is_what_the_manifest_says(corpus):
    require(corpus.lines, read_manifest())
    assert read_manifest() == sorted(read_manifest()) == corpus.lines


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("accept/model.trained.exact", " 0 ", " 1:count "),
        ("reject/trap.chord", ":false", ""),
        ("no_crash/usage.no-certificate", "nowhere", "somewhere"),
        ("models/small.safetensors", r"[0-9a-f]$", "x"),
        ("accept/pin.all", "max-of-3", "max-of-4"),
    ],
)
def test_another_answer_file_or_argument_is_an_error_that_names_the_case(corpus, name, old, new):
    changed = [
        re.sub(old, new, line) if line.startswith(f"{name} ") else line for line in corpus.lines
    ]
    with pytest.raises(ManifestError) as error:
        require(changed, read_manifest())
    assert str(error.value).startswith(f"{name}\n") and str(error.value).count("manifest:") == 1
    without = [line for line in corpus.lines if not line.startswith(f"{name} ")]
    for built, manifest in ((without, read_manifest()), (read_manifest(), without)):
        with pytest.raises(ManifestError, match=f"{name}(.|\n)*no such case"):
            require(built, manifest)


def test_models_are_those_of_the_recipes_and_the_whole_is_small(corpus):
    assert {path.stem for path in KEPT_MODELS.iterdir()} == {x for x in RECIPES if is_kept(x)}
    for name, recipe in RECIPES.items():
        sizes = {"d_vocab": recipe.v, "n_ctx": recipe.k, "d_model": recipe.d, "d_head": recipe.h}
        sizes["d_vocab_out"] = recipe.v
        assert shapes(weights(name)) == sizes
        # As far as the machine's linear algebra goes.
        built, kept = toy_of(makers()[name]()), toy(name)
        assert built.tensors.keys() == kept.tensors.keys()
        for key, tensor in kept.tensors.items():
            np.testing.assert_allclose(built.tensors[key], tensor, rtol=1e-2, atol=1e-4)
    assert sum(map(len, corpus.files.values())) < 4_000_000


def test_the_archive_holds_everything_and_is_the_same_each_time(corpus, tmp_path):
    archives = [tmp_path / name for name in ("a.tar", "b.tar")]
    for archive in archives:
        pack(whole(corpus), archive)
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with tarfile.open(archives[0]) as tar:
        found = {x.name: tar.extractfile(x).read() for x in tar.getmembers()}
    assert found == {f"ballproof-arena/{path}": data for path, data in whole(corpus).items()}
    assert {"README.md", "score.py", "certificate.md", "LICENSE"} <= TOOLS.keys()


def test_categories_hold_the_answers_that_they_are_for(cases):
    assert {case.exit_code for case in cases["accept"]} == {0}
    assert {case.exit_code for case in cases["reject"]} == {1, 2}
    assert {case.exit_code for case in cases["no_crash"]} == {1, 2, 64}
    reasons = {case.reason for found in cases.values() for case in found}
    assert reasons == REASONS | {"count", None}


def test_every_strategy_is_accepted_and_caught_in_a_lie(corpus, judged):
    def strategy(case):
        return get(json.loads(corpus.files[case.certificate]), ("proof", "strategy"))

    accepted = {strategy(case) for case, _, _ in judged("accept")}
    caught = {strategy(case) for case, _, _ in judged("reject") if case.false}
    every = {"exact", "brute-force", "enumerate", "cells", "cubic", "ladder", "moment", "grid"}
    every |= {"split", *SUBCUBIC}
    assert accepted == every and caught >= every


@pytest.mark.parametrize("key", [*SUBCUBIC_KEYS, *LADDER_KEYS])
def test_every_key_of_a_witness_is_out_of_its_domain_somewhere(key, cases):
    found = [case for case in cases["reject"] if case.about.startswith(f"{key}: ")]
    assert len(found) >= 3 and {case.reason for case in found} == {"witness"}


def test_witnesses_of_the_corpus_do_not_depend_on_the_machine():
    model = toy("small")
    for name in SUBCUBIC[::17]:
        numbers = json.dumps(good(name, model))
        assert numbers == json.dumps(good(name, model)) and "." not in numbers


def test_large_files_have_the_sizes_that_they_are_for(corpus):
    model, cert = weights("trained"), corpus.files[BASE]

    def size(name):
        large = large_file(name, cert, model)
        return len(large.head) + len(large.unit) * large.times + len(large.tail)

    assert size("certificate-at-the-limit") == 64 * MIB
    assert size("certificate-over-the-limit") == 64 * MIB + 1
    assert size("weights-over-the-limit") == 256 * MIB + 1
    for name in ("weights-header-over-the-limit", "weights-of-brackets", "weights-of-one-name"):
        length = int.from_bytes(large_file(name, cert, model).head[:8], "little")
        rest = size(name) - 8 - length
        assert rest == (0 if name != "weights-of-one-name" else size_of_data(model)), name


def size_of_data(data: bytes) -> int:
    return len(data) - 8 - int.from_bytes(data[:8], "little")
