"""`--explain`: the class and the table that an explanation names are those that decide."""

import re
from fractions import Fraction
from itertools import product
from random import Random

import pytest
from support.certify import (
    certificate,
    checker_eps,
    encoded,
    established,
    mean_diff_sign,
    trained_toy,
)
from support.ladders import group, others, pool
from support.toy import Recipe
from support.witnesses import plausible

import explain
from counting import signs
from explain import Explanation
from files.claims import Pins
from files.verdict import Declined

SUBCUBIC = "subcubic/max-diff-exact/chord/exact"
V = 5  # Tokens of the trained toy, which has three positions.


def explanations(model, strategy, sequences=None, **options):
    """Return explanations of a certificate that claims what the check establishes."""
    low, high = established(model, strategy, **options)
    cert = encoded(certificate(model, strategy, at_least=low, at_most=high, **options))
    every = list(product(range(model.d_vocab), repeat=model.n_ctx))
    return explain.explanations(model.bytes(), cert, Pins(), sequences or every)


def ladder_of(*nodes):
    """Return a witness of pools for the largest token alone; other maxima have none."""
    return {"labels": [*([m, []] for m in range(V - 1)), [V - 1, list(nodes)]]}


def one_query(query, **fields):
    return pool(query, query, **fields)


def of_query(found, query):
    return [x for x in found if x.sequence[-1] == query and max(x.sequence) == V - 1]


def test_fields_and_line_of_an_explanation():
    made = Explanation((1, 4, 2), 4, True, "q=2 m=4", "the table", Fraction(-1, 3), 7)
    assert made.fields() == {
        "sequence": (1, 4, 2),
        "counted": True,
        "class": "q=2 m=4",
        "decided_by": "the table",
        "excess": "-0.333333",
        "rival": 7,
        "query": 2,
        "label": 4,
        "unit": "logits",
    }
    assert made.line() == (
        "e 1,4,2 COUNTED in class q=2 m=4 by the table, -0.333333 logits, rival 7"
    )
    bare = Explanation((0, 3, 1), 3, False, "q=1 m=3", "the rule")
    assert bare.fields() | {"excess": 1, "rival": 1} == {
        "sequence": (0, 3, 1),
        "counted": False,
        "class": "q=1 m=3",
        "decided_by": "the rule",
        "excess": 1,
        "rival": 1,
        "query": 1,
        "label": 3,
        "unit": "logits",
    }
    assert (bare.fields()["excess"], bare.fields()["rival"]) == (None, None)
    assert bare.line() == "e 0,3,1 NOT COUNTED in class q=1 m=3 by the rule"


@pytest.mark.parametrize("strategy", ["exact", "cubic", SUBCUBIC, "ladder"])
def test_the_one_sequence_of_one_token_is_explained_by_its_having_no_rival(strategy):
    model = Recipe("gaussian", 1, 3, 2, 2, seed=1).build()
    if strategy == SUBCUBIC:
        witness = plausible(Random(1), strategy, model)
    else:
        witness = {"labels": [[0, []]]} if strategy == "ladder" else {}
    (found,) = explanations(model, strategy, witness=witness)
    assert found == ((0, 0, 0), 0, True, "q=0 m=0", "the absence of any rival", None, None)


@pytest.mark.parametrize("strategy", ["exact", "brute-force"])
def test_a_sequence_is_explained_by_its_own_logits(strategy):
    for found in explanations(trained_toy(), strategy):
        q, m = found.sequence[-1], max(found.sequence)
        assert (found.group, found.decided_by) == (f"q={q} m={m}", "its own logits")
        assert found.rival in set(range(V)) - {m} and found.excess is not None


def test_a_sign_that_cannot_be_told_counts_as_wrong(monkeypatch):
    """Two equal sums in disguise: the check settles them, an explanation may not guess."""
    model = mean_diff_sign()
    low, high = established(model, "exact")
    cert = encoded(certificate(model, "exact", at_least=low, at_most=high))
    every = list(product(range(model.d_vocab), repeat=model.n_ctx))
    monkeypatch.setattr(signs, "rival_wins", lambda *_: None)
    monkeypatch.setattr(explain, "weighted", lambda gap, weight, up=True: 1)
    found = explain.explanations(model.bytes(), cert, Pins(), every[:20])
    assert not any(x.counted for x in found)


def test_signs_are_asked_for_at_twice_the_precision_of_the_certificate(monkeypatch):
    asked = []

    def settled(tables, sequence, label, rivals, precision, tally):
        asked.append((sequence, rivals, precision))
        return False, bool(rivals)

    monkeypatch.setattr(explain, "settled", settled)
    found = explanations(trained_toy(), "exact", precision=50)
    for x, (sequence, rivals, precision) in zip(found, asked, strict=True):
        assert (x.sequence, precision, x.counted) == (sequence, 100, not rivals)
        assert (x.excess >= 0) == (x.rival in rivals) == bool(rivals)


def test_mixtures_name_how_many_tokens_are_below_the_maximum():
    for found in explanations(trained_toy(), "cubic"):
        q, m = found.sequence[-1], max(found.sequence)
        below = [t for t in found.sequence[:-1] if t < m]
        assert found.group == f"q={q} m={m} c={len(below)}"
        by = re.fullmatch(r"its own logits|the bound F of token (\d+)", found.decided_by)
        assert int(by[1]) in below if below else by[0] == "its own logits"
        assert (found.rival is None) == bool(below) and found.excess is not None


def with_gaps(model, gap):
    """Return a witness that proves much, with all its gaps replaced."""
    witness = plausible(Random(4), SUBCUBIC, model)
    rows = [[[gap(m, q) for _ in range(2)] for q in range(m + 1)] for m in range(V)]
    return witness | {"gaps": rows}


def test_subcubic_classes_name_their_gap_and_what_is_inside_it():
    model = trained_toy()
    # A gap for each (m, q), so that no other entry of the witness can stand in.
    gaps = {(m, q): 1 + (2 * m + q) % 3 for m in range(V) for q in range(m + 1)}
    seen = set()
    for x in explanations(model, SUBCUBIC, witness=with_gaps(model, lambda m, q: gaps[m, q])):
        q, m = x.sequence[-1], max(x.sequence)
        below = [t for t in x.sequence if t < m]
        if not below:
            assert (x.group, x.decided_by) == (f"q={q} m={m} c=0", "the bound of the class")
            continue
        gap = gaps[m, q]
        assert x.group == f"q={q} m={m} c={len(below)} gap={gap}"
        inside = f"the gap, which token {max(below)} is inside"
        seen.add(x.decided_by.split(",")[0])
        if max(below) > m - gap:
            assert (x.counted, x.decided_by, x.excess) == (False, inside, None)
        else:
            assert x.decided_by in (
                "the bound of the class",
                "the witness, which gives no bound there",
            )
            assert (x.excess is None) == (x.decided_by != "the bound of the class")
    assert {"the gap", "the bound of the class"} <= seen


def test_a_class_without_a_bound_says_so():
    model = trained_toy()
    witness = with_gaps(model, lambda m, q: 1)
    # Attention ends outside the chord: no bound is claimed there.
    witness["chord"] = [[[["0", 0], ["0", 0]] for _ in range(2)] for _ in range(V)]
    found = [x for x in explanations(model, SUBCUBIC, witness=witness) if len(set(x.sequence)) > 1]
    none = [x for x in found if x.decided_by == "the witness, which gives no bound there"]
    assert none and all((x.counted, x.excess) == (False, None) for x in none)


def test_a_query_without_a_pool_and_a_maximum_without_any():
    witness = ladder_of(one_query(1, groups=[group("branch-two-sided", range(V - 1))]))
    found = explanations(trained_toy(), "ladder", witness=witness)
    for x in found:
        q, m = x.sequence[-1], max(x.sequence)
        if (q, m) == (1, V - 1):
            assert x.group == f"q=1 m={V - 1} pool=1..1"
            continue
        assert (x.counted, x.group) == (False, f"q={q} m={m}")
        assert x.decided_by == "the witness, which has no pool for it"
    # Maxima below the first that is listed have no pools either.
    short = {"labels": witness["labels"][-1:]}
    assert explanations(trained_toy(), "ladder", witness=short) == found


def test_pools_name_their_queries_and_the_rule_that_counts():
    wide = pool(0, 2, subpools=[pool(0, 1), one_query(2)])
    witness = ladder_of(wide, one_query(V - 1, groups=[group("branch-two-sided", range(V - 1))]))
    found = explanations(trained_toy(), "ladder", witness=witness)
    groups = {q: {x.group for x in of_query(found, q)} for q in range(V)}
    m = V - 1
    for q in (0, 1):
        assert groups[q] <= {f"q={q} m={m} pool={p}" for p in ("0..2", "0..1")} | {f"q={q} m={m}"}
    assert groups[2] <= {f"q=2 m={m} pool={p}" for p in ("0..2", "2..2")} | {f"q=2 m={m}"}
    assert groups[3] == {f"q=3 m={m}"} and groups[m] == {f"q={m} m={m} pool={m}..{m}"}
    assert {x.decided_by for x in of_query(found, m)} <= {
        "the rules of the pool",
        "the worst case of the pool",
    }


def lost_model():
    """Return a model and a query whose class with the largest token no worst case settles."""
    for seed in range(40):
        model = Recipe("gaussian", V, 3, 4, 2, seed=seed).build()
        for query in range(V):
            witness = ladder_of(one_query(query, groups=[group("branch-two-sided", range(V - 1))]))
            found = of_query(explanations(model, "ladder", witness=witness), query)
            if {x.decided_by for x in found} == {"the rules of the pool"} and query != V - 2:
                return model, query
    raise AssertionError("no model leaves the worst case open")


def test_more_marked_tokens_than_a_pool_counts_are_named():
    model, query = lost_model()
    marked = [0, 2]
    for most in (0, 1):
        rules = [group("grid", range(V - 1))]
        node = one_query(query, groups=rules, rare_tokens=marked, at_most=most)
        for x in of_query(explanations(model, "ladder", witness=ladder_of(node)), query):
            # The query is no free token: it is not counted, whatever it is.
            many = sum(t in marked for t in x.sequence[:2]) > most
            said = f"more than {most} of the rare tokens"
            name = f"q={query} m={V - 1} pool={query}..{query}"
            if many:
                assert x == (x.sequence, V - 1, False, name, said, None, None)
            else:
                assert x.decided_by == "the rules of the pool" and x.excess is not None
                assert x.group == name and x.rival is not None


@pytest.mark.parametrize("rule", ["branch", "branch-two-sided", "moment", "grid"])
def test_a_rival_that_no_rule_counts_is_named(rule):
    model, query = lost_model()
    node = one_query(query, groups=[group(rule, range(V - 1))])
    whole = of_query(explanations(model, "ladder", witness=ladder_of(node)), query)
    assert {x.decided_by for x in whole} == {"the rules of the pool"}
    left = sorted({x.rival for x in whole})
    # Without the rivals that decide, the pool counts nothing of the class.
    node = one_query(query, groups=[group(rule, set(range(V - 1)) - set(left))])
    for x in of_query(explanations(model, "ladder", witness=ladder_of(node)), query):
        assert (x.counted, x.excess) == (False, None)
        assert x.decided_by == "the witness, which counts no such rival"
    # Counting from below counts nothing from above.
    node = one_query(query, groups=[group("grid-lower", range(V - 1))])
    for x in of_query(explanations(model, "ladder", witness=ladder_of(node)), query):
        assert x.decided_by == "the witness, which counts no such rival"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_single_tokens_and_positions_apart_give_the_excess_of_the_sequence_itself(seed):
    """With nothing pooled, the rules of a pool have the sums of the sequence's own logits."""
    model = Recipe("trained", V, 3, 4, 2, seed=seed).build()

    def fine(m):
        return group("branch-two-sided", others(m, V))

    nodes = [[pool(q, q, groups=[fine(m)]) for q in range(m + 1)] for m in range(V)]
    exact = {x.sequence: x for x in explanations(model, "exact")}
    witness = {"labels": [list(pair) for pair in enumerate(nodes)]}
    found = explanations(model, "ladder", witness=witness)
    by_rules = [x for x in found if x.decided_by == "the rules of the pool"]
    for x in by_rules:
        own = exact[x.sequence]
        assert x.counted == own.counted
        # Rivals that the worst case has cleared are not asked again.
        assert x.excess <= own.excess + Fraction(1, 10**9)
        if not x.counted:
            assert x.rival == own.rival
            assert abs(x.excess - own.excess) < Fraction(1, 10**9)
    assert {x.counted for x in by_rules} == {True, False}


def test_float32_certificates_are_explained_at_a_margin_moved_by_eps():
    model = trained_toy()
    cert = certificate(model, "exact", at_least=0)
    real = explain.explanations(model.bytes(), encoded(cert), Pins(), [(0, 1, 2), (4, 4, 4)])
    cert["claim"]["semantics"] = "float32"
    moved = explain.explanations(model.bytes(), encoded(cert), Pins(), [(0, 1, 2), (4, 4, 4)])
    eps = checker_eps(model)
    for x, y in zip(real, moved, strict=True):
        assert (x.sequence, x.group, x.rival) == (y.sequence, y.group, y.rival)
        assert abs(y.excess - x.excess - eps) < Fraction(1, 10**9) < eps


def test_one_bad_sequence_among_good_ones_is_declined():
    model = trained_toy()
    cert = encoded(certificate(model, "exact", at_least=0))
    for bad in ((0, 1), (0, 1, 2, 3), (0, 1, V), (-1, 1, 0)):
        with pytest.raises(Declined, match="--explain takes 3 tokens of max-of-3"):
            explain.explanations(model.bytes(), cert, Pins(), [(0, 1, 2), bad, (1, 1, 1)])
