"""The subcubic family: groups of the study, bounds at least as good, any witness sound."""

import json
import random
from collections import Counter
from fractions import Fraction
from itertools import islice
from pathlib import Path

import pytest
from support.oracle import count_correct
from support.toy import Recipe, random_toys

from ballproof.models.architectures import Shape
from ballproof.models.catalogue import zoo_path
from ballproof.models.weights import load_weights, weights_from_bytes
from ballproof.verifier.commands.main import main
from ballproof.verifier.counting.goal import Goal
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.proving.pipeline import prove_many
from ballproof.verifier.strategies import STRATEGIES, UnknownStrategyError, strategies_matching
from ballproof.verifier.strategies.subcubic.strategy import SUBCUBIC

DATA = Path(__file__).parent.parent / "data"
PUBLISHED = json.loads((DATA / "published-bounds-max-of-4-seed-123.json").read_text())["bounds"]
STUDIED = [s for s in SUBCUBIC if "/chord/" not in s.name]
SHAPE = Shape(64, 4, 32, 32)
# The study's ranges of the unexplained dimension, group by group.
DIMENSIONS = {
    "subcubic": (4418, 8384),
    "low-rank QK": (4290, 4544),
    "low-rank EU": (6466, 10370),
    "low-rank QK and EU": (6338, 6530),
    "quadratic QK": (4354, 4544),
    "quadratic QK and EU": (6402, 6530),
}


def test_the_studied_strategies_are_the_hundred_published_ones():
    assert {s.name for s in STUDIED} == set(PUBLISHED)
    assert len(SUBCUBIC) == 150
    assert len({s.name for s in STRATEGIES}) == len(STRATEGIES)


def test_unexplained_dimensions_are_the_published_ones():
    found = {}
    for strategy in STUDIED:
        found.setdefault(strategy.group.name, []).append(strategy.unexplained_dimension(SHAPE))
    assert {group: (min(d), max(d)) for group, d in found.items()} == DIMENSIONS
    others = {s.name: s.unexplained_dimension(SHAPE) for s in STRATEGIES if "/" not in s.name}
    assert others["exact"] is others["ladder"] is None
    counted = {name: dimension for name, dimension in others.items() if dimension is not None}
    assert counted == {"brute-force": 1073741824, "cubic": 12800}


def test_groups_have_the_sizes_of_the_study():
    assert Counter(s.group.name for s in STUDIED) == {
        "subcubic": 8,
        "low-rank QK": 20,
        "quadratic QK": 12,
        "low-rank EU": 12,
        "low-rank QK and EU": 30,
        "quadratic QK and EU": 18,
    }


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("all", len(STRATEGIES)),
        ("subcubic/*", 150),
        ("subcubic/*/chord/svd", 5),
        ("exact", 1),
        ("*exact", 31),
    ],
)
def test_patterns_pick_strategies(pattern, count):
    assert len(strategies_matching(pattern)) == count


def test_a_misspelt_strategy_gets_a_hint():
    with pytest.raises(UnknownStrategyError, match="subcubic/max-diff/chord/svd"):
        strategies_matching("subcubic/max-diff/cord/svd")


def mutated(witness, rng, v):
    """Return another witness of the same form: gaps, anchors and directions at random."""

    def dyadic():
        mantissa = rng.randrange(-40, 40)
        return [str(2 * mantissa + 1), rng.randrange(-9, 3)]

    changed = dict(witness)
    changed["gaps"] = [[[rng.randint(1, v) for _ in row] for row in t] for t in witness["gaps"]]
    for key in ("query_directions", "key_directions", "matrix_directions"):
        if key in witness:
            changed[key] = [[dyadic() for _ in direction] for direction in witness[key]]
    if "mu" in witness:
        changed["mu"] = [dyadic() for _ in witness["mu"]]
    if "a_star" in witness:
        changed["a_star"] = [[dyadic() for _ in row] for row in witness["a_star"]]
    if "chord" in witness:
        ends = [["-1", 0], ["0", 0], ["1", -1], ["7", -3], ["1", 0], ["3", 0]]
        changed["chord"] = [
            [[ends[i], ends[rng.randint(i, 5)]] for i in [rng.randrange(6) for _ in row]]
            for row in witness["chord"]
        ]
    return changed


@pytest.mark.parametrize("seed", range(6))
def test_the_prover_is_sound_for_any_witness(seed):
    rng = random.Random(seed)
    bounds = []
    for model in random_toys(seed, 20):
        margin = rng.choice([Fraction(0), Fraction(1, 3)])
        truth = count_correct(model, margin)
        problem = pose(weights_from_bytes(model.bytes(), "toy"), margin)
        for strategy in rng.sample(SUBCUBIC, 5):
            witness = mutated(
                strategy.search(problem, Goal(), lambda done, every: None), rng, model.d_vocab
            )
            bound = strategy.bound(problem, witness, lambda done, every: None)
            assert bound.correct_at_least <= truth, (model.recipe, strategy.name)
            bounds.append(bound.correct_at_least)
    assert sum(bound > 0 for bound in bounds) > 20


def shares_of(names):
    problem = pose(load_weights(zoo_path("max-of-4-seed-123")))
    chosen = [s for s in SUBCUBIC if s.name in names]
    proofs = prove_many(problem, chosen, 10**9, lambda done, every: None)
    return {p.proof.strategy: p.claim.correct_at_least / p.claim.total for p in proofs}


def require_no_looser(shares):
    for name, share in shares.items():
        assert share >= PUBLISHED.get(name, 0) - 0.003, (name, share, PUBLISHED.get(name))


def test_the_best_of_the_family_are_better_than_any_published_one():
    best = "subcubic/max-diff-exact/mean+diff/exact"
    low_rank = "subcubic/max-diff-exact/mean+diff/mean+max-diff-subproduct"
    weak = "subcubic/svd-query/drop-average/svd"
    shares = shares_of({best, low_rank, weak})
    assert shares[best] >= 0.88 and shares[low_rank] >= 0.86
    require_no_looser(shares)


@pytest.mark.slow
def test_no_strategy_is_looser_than_the_published_one():
    shares = shares_of({s.name for s in SUBCUBIC})
    require_no_looser(shares)
    studied = {s.name: s.group.name for s in STUDIED}
    assert max(shares[name] for name in studied) >= 0.88
    assert max(shares[n] for n, group in studied.items() if group == "low-rank QK") >= 0.85


def test_a_pattern_fills_a_folder_and_prints_one_table(tmp_path, capsys):
    toy = next(islice(random_toys(11, 2, flavours=("trained",)), 1, None))
    model = toy.write(tmp_path / "toy.safetensors")
    out = tmp_path / "certificates"
    arguments = ["prove", str(model), "--strategy", "subcubic/*/chord/svd", "--out", str(out)]
    assert main([*arguments, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert len(facts["certificates"]) == len(list(out.iterdir())) == 5
    assert facts["not_applicable"] == {}
    for certificate in facts["certificates"]:
        assert main(["check", str(model), certificate["certificate"]]) == 0
    assert main(arguments) == 0
    assert "5 certificates" in capsys.readouterr().out


def test_strategies_that_do_not_apply_are_listed_with_their_reason(tmp_path, capsys):
    out = tmp_path / "certificates"
    arguments = ["prove", "max-of-10-seed-50", "--strategy", "[be]*", "--out", str(out), "--json"]
    assert main(arguments) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["certificates"] == []
    assert set(facts["not_applicable"]) == {"brute-force", "exact", "enumerate"}
    assert all("2^32" in reason for reason in facts["not_applicable"].values())


def test_a_check_above_the_limit_does_not_stop_the_other_strategies(tmp_path, capsys):
    toy = Recipe("trained", v=5, k=3, d=4, h=2, seed=18).build()
    toy = toy.write(tmp_path / "toy.safetensors")
    out = tmp_path / "certificates"
    arguments = ["prove", str(toy), "--strategy", "all", "--out", str(out), "--json"]
    assert main(arguments) == 0
    whole = json.loads(capsys.readouterr().out)
    certificates, never = whole["certificates"], whole["not_applicable"]
    steered = {strategy.name for strategy in STRATEGIES if strategy.steerable}
    lengths = [int(c["operations"]) for c in certificates if c["strategy"] not in steered]
    limit = sorted(lengths)[76]
    assert (
        main([*arguments[:-2], str(tmp_path / "short"), "--json", f"--max-operations={limit}"]) == 0
    )
    facts = json.loads(capsys.readouterr().out)
    # A limit makes what is steered shorter, where the others are left out.
    found = [c for c in facts["certificates"] if c["strategy"] not in steered]
    assert all(int(c["operations"]) <= limit for c in facts["certificates"])
    assert len(found) == sum(length <= limit for length in lengths)
    assert len(facts["certificates"]) + len(facts["not_applicable"]) == len(STRATEGIES)
    left_out = {name: why for name, why in facts["not_applicable"].items() if name not in never}
    assert left_out and all("--max-operations" in reason for reason in left_out.values())
