"""The corpus says what is true: by enumeration of every input, and by building it again."""

import json
from collections import Counter
from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
import pytest
from arena_case import ARENA, MODELS, get, toy_of
from arena_corpus import BASE, CATEGORIES, corpus
from arena_models import RECIPES, makers
from arena_witnesses import exact_weights, good
from hostile_certificates import plain
from large_files import MIB, large_file
from scorecard import read_cases
from support.certify import digest, shapes
from support.oracle import count_correct
from support.toy import ToyModel
from support.witnesses import SUBCUBIC

CASES = {category: read_cases(ARENA, [category]) for category in CATEGORIES}
REASONS = {"syntax", "limit", "unsupported", "digest", "statement", "pin", "witness", "budget"}
SUBCUBIC_KEYS = ("gaps", "query_directions", "key_directions", "matrix_directions", "squarings")
SUBCUBIC_KEYS += ("mu", "a_star", "chord")
LADDER_KEYS = ("first", "maxima", "queries", "near", "apart", "together", "thresholds", "parts")
LADDER_KEYS += ("groups", "marked", "most", "rule", "rivals", "rate")


@cache
def model_of(path: str) -> ToyModel:
    return toy_of((ARENA / path).read_bytes())


@cache
def true_count(path: str, margin: str) -> int:
    return count_correct(model_of(path), Fraction(margin))


def claim_of(case):
    return json.loads((ARENA / case.certificate).read_bytes())["claim"]


def is_true(claim, count: int) -> bool:
    return int(claim["correct_at_least"]) <= count <= int(claim["correct_at_most"])


def judged(cases):
    """Yield the cases with committed files, and their claims."""
    for case in cases:
        if not case.certificate.startswith("large:") and not case.model.startswith("large:"):
            yield case, claim_of(case)


def test_every_accepted_statement_is_true_by_enumeration():
    for case, claim in judged(CASES["accept"]):
        weights = (ARENA / case.model).read_bytes()
        assert claim["model"] == {"sha256": digest(weights), **shapes(weights)}, case.name
        model = model_of(case.model)
        assert int(claim["total"]) == model.d_vocab**model.n_ctx
        assert claim["task"] == f"max-of-{model.n_ctx}"
        assert is_true(claim, true_count(case.model, claim["margin"])), case.name


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


def test_claims_about_float32_hold_of_a_program_that_runs_in_float32():
    counts, seen = {}, 0
    for case, claim in judged(CASES["accept"]):
        if claim["semantics"] == "float32":
            key = case.model, claim["margin"]
            if key not in counts:
                counts[key] = float32_count(model_of(case.model), Fraction(claim["margin"]))
            assert is_true(claim, counts[key]), case.name
            seen += 1
    assert seen > 20 and len(counts) > 5


def test_cases_marked_false_are_false_and_no_others():
    seen = Counter()
    for case, claim in judged(CASES["reject"]):
        if case.reason == "count" and claim["semantics"] == "real":
            untrue = not is_true(claim, true_count(case.model, claim["margin"]))
            assert case.false == untrue, case.name
            seen[untrue] += 1
        else:
            assert not case.false, case.name
    assert seen[True] > 180 and seen[False] > 10
    assert not any(case.false for name in ("accept", "no_crash") for case in CASES[name])


@pytest.mark.parametrize(
    "category",
    [*(pytest.param(name, marks=pytest.mark.slow) for name in ("accept", "reject")), "no_crash"],
)
def test_the_committed_files_are_what_is_built(category):
    files = corpus(category)
    assert {f"{category}/{path.name}" for path in (ARENA / category).iterdir()} == files.keys()
    different = [path for path, data in files.items() if (ARENA / path).read_bytes() != data]
    assert not different
    assert (ARENA / BASE).read_bytes() == plain()


def test_models_are_those_of_the_recipes_and_the_whole_is_small():
    assert {path.stem for path in MODELS.glob("*.safetensors")} == makers().keys()
    for name, recipe in RECIPES.items():
        found = shapes((MODELS / f"{name}.safetensors").read_bytes())
        assert found == {
            "d_vocab": recipe.v,
            "n_ctx": recipe.k,
            "d_model": recipe.d,
            "d_head": recipe.h,
        }
    data = [p for p in ARENA.rglob("*") if p.suffix in {".cert", ".json", ".safetensors"}]
    assert sum(path.stat().st_size for path in data) < 1_600_000


def test_categories_hold_the_answers_that_they_are_for():
    assert {case.exit_code for case in CASES["accept"]} == {0}
    assert {case.exit_code for case in CASES["reject"]} == {1, 2}
    assert {case.exit_code for case in CASES["no_crash"]} == {1, 2, 64}
    reasons = {case.reason for cases in CASES.values() for case in cases}
    assert reasons == REASONS | {"count", None}


def test_every_strategy_is_accepted_and_caught_in_a_lie():
    def strategies(cases):
        files = [ARENA / case.certificate for case in cases]
        return {get(json.loads(f.read_bytes()), ("proof", "strategy")) for f in files}

    accepted = [case for case, _ in judged(CASES["accept"])]
    caught = [case for case, _ in judged(CASES["reject"]) if case.false]
    every = {"exact", "brute-force", "cubic", "ladder", "moment", "grid", *SUBCUBIC}
    assert len(every) == 156
    assert strategies(accepted) == every and strategies(caught) >= every


@pytest.mark.parametrize("key", [*SUBCUBIC_KEYS, *LADDER_KEYS])
def test_every_key_of_a_witness_is_out_of_its_domain_somewhere(key):
    found = [case for case in CASES["reject"] if case.about.startswith(f"{key}: ")]
    assert len(found) >= 3 and {case.reason for case in found} == {"witness"}


def test_witnesses_of_the_corpus_do_not_depend_on_the_machine():
    model = model_of("models/small.safetensors")
    for name in SUBCUBIC[::17]:
        numbers = json.dumps(good(name, model))
        assert numbers == json.dumps(good(name, model)) and "." not in numbers


def test_large_files_have_the_sizes_that_they_are_for():
    weights, cert = (MODELS / "trained.safetensors").read_bytes(), (ARENA / BASE).read_bytes()

    def size(name):
        large = large_file(name, cert, weights)
        return len(large.head) + len(large.unit) * large.times + len(large.tail)

    assert size("certificate-at-the-limit") == 64 * MIB
    assert size("certificate-over-the-limit") == 64 * MIB + 1
    assert size("weights-over-the-limit") == 256 * MIB + 1
    for name in ("weights-header-over-the-limit", "weights-of-brackets", "weights-of-one-name"):
        length = int.from_bytes(large_file(name, cert, weights).head[:8], "little")
        rest = size(name) - 8 - length
        assert rest == (0 if name != "weights-of-one-name" else size_of_data(weights)), name


def size_of_data(weights: bytes) -> int:
    return len(weights) - 8 - int.from_bytes(weights[:8], "little")
