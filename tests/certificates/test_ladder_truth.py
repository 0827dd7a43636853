"""No ladder certifies a false count, whatever its witness; a fine one certifies the true count.

The truth is the oracle's: every sequence of a toy through its literal forward pass.
"""

from fractions import Fraction
from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.certify import (
    Verdict,
    certificate,
    encoded,
    established,
    mean_diff_sign,
    trained_toy,
    verdict,
)
from support.ladders import (
    LADDERS,
    every_class,
    far,
    group,
    only,
    others,
    plausible_ladder,
    pool,
    single_class,
    wild_ladder,
)
from support.oracle import count_correct, count_wrong_by_class
from support.toy import (
    FLAVOURS,
    MOSTLY_RIGHT,
    Recipe,
    ToyModel,
    random_toys,
    small_toys,
    toy_models,
)


def completions(places, maximum, holds):
    """Return how many tuples of 0..maximum hold the maximum, or all tuples."""
    return (maximum + 1) ** places - (0 if holds else maximum**places)


MAKERS = (wild_ladder, plausible_ladder)
MARGINS = ("0", "1/3", "5")
PRECISIONS = (32, 64, 200)

each_strategy = pytest.mark.parametrize("strategy", LADDERS)
each_flavour = pytest.mark.parametrize("flavour", FLAVOURS)
small = small_toys()
large = st.one_of(toy_models(), toy_models(flavours=MOSTLY_RIGHT), toy_models(5, 2))
of_any_kind = {
    "strategy": st.sampled_from(LADDERS),
    "seed": st.integers(0, 2**32 - 1),
    "margin": st.sampled_from(MARGINS),
    "precision": st.sampled_from(PRECISIONS),
}


def bounds(model, strategy, witness, margin="0", precision=64):
    """Return both ends of what a witness establishes; they must hold the truth."""
    options = {"margin": margin, "precision": precision, "witness": witness}
    found = established(model, strategy, **options)
    assert not isinstance(found, Verdict), (found, witness, model.recipe)
    low, high = found
    true = count_correct(model, Fraction(margin))
    assert 0 <= low <= true <= high <= model.d_vocab**model.n_ctx, (witness, model.recipe)
    return low, high


def require_truth(model, strategy, witness, margin="0", precision=64):
    """Hold all promises about one witness: what it establishes is true, and no more is verified."""
    low, high = bounds(model, strategy, witness, margin, precision)
    total = model.d_vocab**model.n_ctx
    options = {"margin": margin, "precision": precision, "witness": witness}

    def refusal(at_least, at_most):
        cert = certificate(model, strategy, at_least=at_least, at_most=at_most, **options)
        return verdict(model.bytes(), encoded(cert)).refusal

    assert refusal(low, high) == (0, None)
    if low < total:
        assert refusal(low + 1, total) == (1, "count")
    if high > 0:
        assert refusal(0, high - 1) == (1, "count")
    return low, high


@settings(max_examples=600)
@given(model=small, **of_any_kind)
def test_any_witness_for_any_model_is_sound(model, strategy, seed, margin, precision):
    witness = wild_ladder(Random(seed), strategy, model)
    bounds(model, strategy, witness, margin, precision)


@settings(max_examples=80)
@given(model=small, **of_any_kind)
def test_a_plausible_witness_is_sound(model, strategy, seed, margin, precision):
    witness = plausible_ladder(Random(seed), strategy, model)
    require_truth(model, strategy, witness, margin, precision)


@pytest.mark.slow
@settings(max_examples=8_000)
@given(model=large, maker=st.sampled_from(MAKERS), **of_any_kind)
def test_any_witness_for_many_models_is_sound(model, maker, strategy, seed, margin, precision):
    witness = maker(Random(seed), strategy, model)
    bounds(model, strategy, witness, margin, precision)


@each_strategy
@each_flavour
def test_every_flavour_of_model_is_bounded_truly(strategy, flavour):
    rng = Random(f"{strategy} {flavour}")
    for index, model in enumerate(random_toys(61, 3, 4, 3, flavours=(flavour,))):
        for maker in (wild_ladder, wild_ladder, plausible_ladder):
            witness = maker(rng, strategy, model)
            require_truth(model, strategy, witness, MARGINS[index], PRECISIONS[index])


@each_strategy
@pytest.mark.parametrize(("v", "k"), [(1, 1), (1, 4), (2, 1), (5, 1), (2, 2), (2, 7), (6, 2)])
def test_the_smallest_vocabularies_and_contexts_are_bounded_truly(strategy, v, k):
    rng = Random(v * k)
    for flavour in ("trained", "one hot", "dyadic"):
        model = Recipe(flavour, v, k, 4, 3, frozenset({"b_U", "b_Q"}), seed=5).build()
        for maker in (wild_ladder, wild_ladder, plausible_ladder):
            low, high = require_truth(model, strategy, maker(rng, strategy, model), "0", 32)
            assert v > 1 or (low, high) == (1, 1)


def test_no_bound_needs_a_context_to_bound_a_sequence_of_one_token():
    # Where k = 1 the classes q < m are empty, and the query is all there is.
    for flavour in ("trained", "one hot"):
        model = Recipe(flavour, 4, 1, 4, 4, frozenset({"b_U"}), seed=2).build()
        true = count_correct(model)
        for rule in ("branch-two-sided", "branch", "grid", "moment"):
            low, high = bounds(model, "ladder", every_class(4, [rule, "grid-lower"]))
            assert (low, high) == (true, true)
        low, high = bounds(model, "ladder", {"labels": [[m, []] for m in range(4)]})
        assert (low, high) == (0, 4)


EXACT = [
    *(Recipe("trained", 5, 3, 4, 2, frozenset({"b_U"}), seed=seed) for seed in range(6)),
    *(Recipe("gaussian", 4, 3, 4, 3, frozenset({"b_Q", "b_O"}), seed=seed) for seed in (0, 3)),
    *(Recipe("absorbing", 4, 3, 4, 4, seed=seed) for seed in range(3)),
    *(Recipe("trained", 3, 5, 3, 3, seed=seed) for seed in range(2)),
]


def test_walks_on_both_sides_find_the_exact_count_where_nothing_ties():
    open_ends = 0
    for recipe in EXACT:
        model = recipe.build()
        for margin in ("0", "1/3"):
            true = count_correct(model, Fraction(margin))
            fine = every_class(model.d_vocab, ["branch-two-sided"])
            for witness in (fine, plausible_ladder(Random(1), "ladder", model)):
                open_ends += bounds(model, "ladder", witness, margin, 200) != (true, true)
    assert open_ends == 0


def test_a_grid_below_and_above_encloses_the_truth_ever_closer():
    widths = dict.fromkeys((10, 100, 1000, 10_000), 0)
    for recipe in EXACT[::3]:
        model = recipe.build()
        for rate in widths:
            witness = every_class(model.d_vocab, ["grid", "grid-lower"], rate=rate)
            low, high = bounds(model, "grid", witness)
            widths[rate] += high - low
    assert widths[10] > widths[100] > widths[1000] >= widths[10_000]


@each_strategy
def test_a_plausible_witness_proves_most_of_a_good_model(strategy):
    proved = true = 0
    for seed in range(5):
        model = Recipe("trained", 5, 3, 4, 2, frozenset({"b_U"}), seed=seed).build()
        low, high = bounds(model, strategy, plausible_ladder(Random(seed), strategy, model))
        proved, true = proved + low, true + count_correct(model)
        assert high < model.d_vocab**model.n_ctx or high == count_correct(model)
    assert true > 100
    share = {"ladder": 1, "grid": 0.95, "moment": 0.8}[strategy]
    assert proved >= share * true


@each_strategy
def test_wild_witnesses_establish_something_as_well(strategy):
    rng, above, below = Random(strategy), 0, 0
    for recipe in EXACT[:6]:
        model = recipe.build()
        for _ in range(10):
            low, high = bounds(model, strategy, wild_ladder(rng, strategy, model))
            above += low > 0
            below += high < model.d_vocab**model.n_ctx
    assert above > 15
    assert below > 5


@each_strategy
def test_the_trained_toy_and_the_sign_trap_are_bounded_truly(strategy):
    for model in (trained_toy(), mean_diff_sign()):
        for maker in MAKERS:
            require_truth(model, strategy, maker(Random(3), strategy, model), "0", 53)


def wrong_in_class(model, query, maximum, margin="0", precision=64, **fields):
    """Return (certainly, possibly) wrong sequences of one class, the others given up."""
    v, k = model.d_vocab, model.n_ctx
    witness = single_class(query, maximum, **fields)
    low, high = bounds(model, "ladder", witness, margin, precision)
    return v**k - high, completions(k - 1, maximum, query == maximum) - low


WAYS = [
    *([group("branch-two-sided", range(4))], [group("branch", range(4))]),
    *([group("grid", range(4), 50)], [group("moment", range(4), 2000)]),
    [group("grid", [j], 400) for j in range(4)],
    [group("moment", [j], 4000) for j in range(4)],
    [group("branch-two-sided", [0, 1]), group("grid", [2], 30), group("moment", [3], 1000)],
]


@each_flavour
@pytest.mark.parametrize(
    ("fields", "margin"),
    [
        ({}, "0"),
        ({"near": 0}, "5"),
        ({"near": 0, "per_position": 0}, "0"),
        ({"per_position": 0}, "5"),
    ],
)
def test_no_class_counts_fewer_than_are_wrong_or_more_than_it_holds(flavour, fields, margin):
    model = Recipe(flavour, 4, 3, 3, 3, frozenset({"b_U"}), seed=int(margin)).build()
    for (query, maximum), wrong in count_wrong_by_class(model, Fraction(margin)).items():
        size = completions(2, maximum, query == maximum)
        for groups in WAYS:
            every = {"groups": [*groups, *BELOW], **fields}
            every["cells"] = far(maximum, every.pop("near", maximum))
            low, high = wrong_in_class(model, query, maximum, margin, **every)
            assert 0 <= low <= wrong <= high <= size


BELOW = [group("grid-lower", range(4), 60)]


def test_a_walk_is_at_most_a_grid_and_a_grid_at_most_a_moment_of_its_rate():
    strict = 0
    for recipe in EXACT[:5]:
        model = recipe.build()
        v = model.d_vocab
        for query, maximum in [(0, v - 1), (v - 2, v - 1), (v - 1, v - 1), (1, 1), (0, 2)]:
            rivals = others(maximum, v)
            for taken in (rivals, rivals[-1:], rivals[:1]):
                rest = [group("branch", [j for j in rivals if j not in taken])]
                counts = [
                    wrong_in_class(model, query, maximum, groups=[*rest, group(rule, taken, 300)])
                    for rule in ("branch-two-sided", "branch", "grid", "moment")
                ]
                possible = [high for _, high in counts]
                assert possible == sorted(possible)
                strict += possible[1] < possible[3]
    assert strict > 1


def test_on_one_rival_a_fine_grid_and_a_walk_count_the_same():
    agree = checks = 0
    for recipe in EXACT[:6]:
        model = recipe.build()
        for maximum, query, rival in [(4, 2, 3), (3, 3, 4), (2, 1, 0), (4, 4, 3), (3, 0, 2)]:
            rest = [group("branch", [j for j in others(maximum, 5) if j != rival])]
            walk, grid = (
                wrong_in_class(model, query, maximum, groups=[*rest, group(rule, [rival], 2**14)])
                for rule in ("branch", "grid")
            )
            agree += walk == grid
            checks += 1
    assert agree > 0.8 * checks


def test_a_rival_equal_to_the_maximum_counts_nothing():
    # Against itself the maximum always ties: counted from below, all would be wrong.
    model = trained_toy()
    v = model.d_vocab
    for rule in ("grid-lower", "grid", "branch-two-sided", "branch", "moment"):
        fine = every_class(v, ["branch-two-sided"])
        for m, nodes in fine["labels"]:
            for node in nodes:
                node["groups"].append(group(rule, range(v), 100))
                node["thresholds"].append([m, 2**60])
        assert bounds(model, "ladder", fine)[1] == count_correct(model)


def test_a_class_with_a_rival_in_no_group_is_given_up():
    model, given_up = EXACT[2].build(), 0
    v = model.d_vocab
    for m in range(v):
        for q in range(m + 1):
            size = completions(2, m, q == m)
            full = wrong_in_class(model, q, m, groups=[group("branch-two-sided", others(m, v))])
            for j in others(m, v):
                less = [group("branch-two-sided", [i for i in others(m, v) if i != j])]
                for extra in ([], [group("grid-lower", [j], 100)]):
                    _, high = wrong_in_class(model, q, m, groups=less + extra)
                    assert high in {full[1], size}
                    given_up += high > full[1]
                less[0]["rivals"] = [j]
                assert wrong_in_class(model, q, m, groups=less)[1] in {full[1], size}
    assert given_up > 5


def test_queries_that_no_pool_holds_are_given_up():
    model = trained_toy()
    v, k = model.d_vocab, model.n_ctx
    whole = bounds(model, "ladder", every_class(v, ["branch-two-sided"]))[0]
    truth = count_wrong_by_class(model)
    for m in range(v):
        for q in range(m + 1):
            witness = every_class(v, ["branch-two-sided"])
            del witness["labels"][m][1][q]
            right = completions(k - 1, m, q == m) - truth[q, m]
            assert bounds(model, "ladder", witness)[0] == whole - right
    for first in range(v + 1):
        witness = {"labels": every_class(v, ["branch-two-sided"])["labels"][first:]}
        lost = sum(
            completions(k - 1, m, q == m) - wrong for (q, m), wrong in truth.items() if m < first
        )
        assert bounds(model, "ladder", witness)[0] == whole - lost


def marks(model, query, maximum, tokens, most, rule):
    """Return the possibly wrong sequences where `tokens` are set apart."""
    groups = [group(rule, [j], 6000) for j in others(maximum, model.d_vocab)]
    fields = {"rare_tokens": tokens, "at_most": most, "groups": groups}
    return wrong_in_class(model, query, maximum, **fields)[1]


def test_dangerous_tokens_never_hide_a_wrong_sequence():
    model = Recipe("trained", 5, 4, 4, 2, frozenset({"b_U"}), seed=21).build()
    truth = count_wrong_by_class(model)
    for query in (0, 3, 4):
        size = completions(3, 4, query == 4)
        for rule in ("grid", "moment"):
            for tokens in ([3], [2, 3], [0, 1, 2, 3]):
                for most in (0, 1, 2):
                    assert truth[query, 4] <= marks(model, query, 4, tokens, most, rule) <= size
            # Nothing marked: nothing is given up, whatever `most` says.
            assert len({marks(model, query, 4, [], most, rule) for most in (0, 1, 2)}) == 1


def test_setting_a_dangerous_token_apart_saves_sequences():
    model = Recipe("trained", 5, 4, 4, 2, frozenset({"b_U"}), seed=21).build()
    for query in (0, 3, 4):
        plain, apart = (marks(model, query, 4, x, 0, "moment") for x in ([], [3]))
        assert apart < plain
    model = Recipe("trained", 6, 4, 4, 2, frozenset({"b_U"}), seed=0).build()
    plain, apart = (marks(model, 5, 5, x, 1, "moment") for x in ([], [4]))
    assert apart < plain


@each_strategy
@pytest.mark.parametrize("flavour", ["duplicated", "one hot", "near ties", "zeros", "dyadic"])
def test_ties_are_never_counted_right(strategy, flavour):
    rng, kept = Random(flavour), 0
    for model in random_toys(71, 4, 4, 3, flavours=(flavour,)):
        for witness in (
            every_class(model.d_vocab, [{"ladder": "branch"}.get(strategy, strategy)]),
            plausible_ladder(rng, strategy, model),
        ):
            for precision in PRECISIONS:
                low, _ = bounds(model, strategy, witness, "0", precision)
                kept += low
    assert kept or flavour == "zeros"


@each_strategy
@pytest.mark.parametrize("precision", [32, 200])
def test_a_gap_of_exactly_the_margin_is_wrong(strategy, precision):
    # Output j gets 4 for each attended token j and 1 for the query: a gap of 5 at one position.
    model = Recipe("one hot", 3, 1, 3, 3, seed=1).build()
    gap = 1 + int(model.get("W_O").max())
    rule = "branch-two-sided" if strategy == "ladder" else strategy
    witness = every_class(3, [rule, "grid-lower"])
    for margin, right in ((f"{2 * gap - 1}/2", 3), (f"{gap}", 0), (f"{2 * gap + 1}/2", 0)):
        assert bounds(model, strategy, witness, margin, precision) == (right, right)


def stepped():
    """Return a model with D[0,0] - D[0,2] = 1 and D[1,0] - D[1,2] = 0 where token m gets 4."""
    zeros = np.zeros
    direct = np.array([[1, -100, 0], [0, -100, 0], [0, -100, 0]])
    return ToyModel.from_short_names(
        W_E=np.eye(3, 6),
        W_pos=zeros((2, 6)),
        W_Q=zeros((6, 3)),
        W_K=np.outer([0, 1, 2, 0, 0, 0], [90, 0, 0]).astype(float),
        W_V=np.eye(6, 3),
        W_O=4 * np.eye(3, 6, k=3),
        W_U=np.vstack([direct, np.eye(3)]),
        b_Q=np.array([1.0, 0, 0]),
    )


@pytest.mark.parametrize(
    ("star", "cleared"),
    [(-(2**60), 0), (-1, 0), (0, 1), (1, 1), (511, 1), (512, 0), (1024, 0), (2**60, 0)],
)
def test_a_threshold_clears_the_queries_up_to_it_if_its_own_worst_case_holds(star, cleared):
    # Margin 7/2: in the class (1, 2) rival 0 loses by 4, in (0, 2) by 3; at 512/1024 it ties.
    witness = only(2, pool(0, 1, thresholds=[[0, star]]))
    for strategy, precision in product(LADDERS, PRECISIONS):
        assert bounds(stepped(), strategy, witness, "7/2", precision) == (cleared, 9)


@each_strategy
def test_extreme_weights_are_bounded_and_not_declined(strategy):
    rng = Random(strategy)
    for model in random_toys(9, 12, max_vocab=3, max_ctx=3, flavours=("extreme", "sharp")):
        for maker in MAKERS:
            bounds(model, strategy, maker(rng, strategy, model), "1/3", 32)


def divided():
    """Return a model whose queries 0 and 1 attend to the maximum 4, and 2 and 3 to themselves.

    D[q,0] - D[q,4] is 1 for query 0 and 0 for the others; attended to, token 4 gives 4 to its own
    output and tokens 2 and 3 give 4 to output 0.
    """
    direct = np.full((5, 5), -100.0)
    direct[:, [0, 4]] = 0
    direct[0, 0] = 1
    keys, queries, written = np.zeros((8, 5)), np.zeros((8, 5)), np.zeros((5, 8))
    keys[4, 0] = 200
    keys[[2, 3], 1] = queries[[2, 3], 1] = 200
    written[[2, 3], 5] = written[4, 6] = 4
    return ToyModel.from_short_names(
        W_E=np.eye(5, 8),
        W_pos=np.zeros((2, 8)),
        W_Q=queries,
        W_K=keys,
        W_V=np.eye(8, 5),
        W_O=written,
        W_U=np.vstack([direct, np.eye(5)[[0, 4]], np.zeros((1, 5))]),
        b_Q=np.eye(5)[0],
    )


@each_strategy
def test_a_threshold_clears_nothing_outside_its_own_pool(strategy):
    pools = [pool(0, 1, thresholds=[[0, 0]]), pool(2, 3)]
    for nodes in (pools, pools[:1]):
        witness = only(4, *nodes)
        # At margin 7/2 the first pool's threshold clears the class (1, 4), one sequence.
        assert bounds(divided(), strategy, witness, "7/2", 64) == (1, 25)
