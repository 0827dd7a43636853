"""`--explain`: what counts as right is right, and the counted sequences make up the count."""

from fractions import Fraction
from itertools import product
from random import Random

import pytest
from flint import arb, fmpq
from support.certify import (
    certificate,
    encoded,
    established,
    mean_diff_sign,
    run_checker,
    trained_toy,
)
from support.ladders import plausible_ladder, wild_ladder
from support.oracle import gaps, is_correct
from support.toy import random_toys
from support.witnesses import plausible, wild

import explain
from explain import decimal_up
from files.claims import Pins

SINGLE = ("brute-force", "exact", "cubic")
LADDERS = ("ladder", "moment", "grid")
SUBCUBIC = (
    "subcubic/max-diff-exact/chord/exact",
    "subcubic/mean-query/mean+diff/svd",
    "subcubic/svd-query/drop-average/max-diff-subproduct",
    "subcubic/global-max-diff-exact/chord/mean-recursive+max-diff-subproduct-recursive",
)


def explained(model, strategy, witness, margin="0", precision=64):
    """Return the count that is established, and the explanations of all sequences."""
    options = {"witness": witness, "margin": margin, "precision": precision}
    found = established(model, strategy, **options)
    if not isinstance(found, tuple):
        return found, []
    low, high = found
    cert = encoded(certificate(model, strategy, at_least=low, at_most=high, **options))
    every = list(product(range(model.d_vocab), repeat=model.n_ctx))
    return low, explain.explanations(model.bytes(), cert, Pins(), every)


def witness_for(strategy, model, seed):
    rng = Random(seed)
    if strategy in SINGLE:
        return {}
    # Witnesses that prove much, and wild ones that obey the format.
    makers = (plausible_ladder, wild_ladder) if strategy in LADDERS else (plausible, wild)
    return makers[seed % 3 == 2](rng, strategy, model)


@pytest.mark.parametrize("strategy", [*SINGLE, *SUBCUBIC, *LADDERS])
def test_counted_sequences_are_right_and_no_fewer_than_the_established_count(strategy):
    for seed, model in enumerate([trained_toy(), *random_toys(8, 12, 4, 3, 3)]):
        margin = ("0", "1/8")[seed % 2]
        witness = witness_for(strategy, model, seed)
        low, found = explained(model, strategy, witness, margin)
        if not found:
            continue
        counted = [x for x in found if x.counted]
        for x in counted:
            assert is_correct(model, x.sequence, Fraction(margin)), (model.recipe, x.line())
        if strategy in LADDERS:
            assert len(counted) >= low
        else:
            assert len(counted) == low


@pytest.mark.parametrize("strategy", [*SINGLE, *SUBCUBIC])
def test_a_negative_excess_bounds_every_gap_from_above(strategy):
    for seed, model in enumerate([trained_toy(), *random_toys(5, 9, 4, 3, 3)]):
        _, found = explained(model, strategy, witness_for(strategy, model, seed), "1/8")
        for x in found:
            if x.counted and x.excess is not None:
                bound = Fraction(decimal_up(x.excess))
                assert x.excess <= bound
                for gap in gaps(model, x.sequence, Fraction(1, 8)).values():
                    # Certain comparisons of balls: no gap is shown to be smaller.
                    assert not gap < arb(fmpq(-bound.numerator, bound.denominator))


def test_a_walk_over_single_tokens_and_apart_positions_counts_what_is_explained():
    model = trained_toy()
    for strategy in LADDERS:
        _, found = explained(model, strategy, witness_for(strategy, model, 3))
        tables = {x.decided_by for x in found}
        assert len(tables) > 1, tables


def test_the_command_prints_one_line_for_each_sequence_before_the_verdict(tmp_path):
    weights, cert = tmp_path / "model.safetensors", tmp_path / "cert.json"
    model = mean_diff_sign()
    weights.write_bytes(model.bytes())
    low, _ = established(model, "exact")
    cert.write_bytes(encoded(certificate(model, "exact", at_least=low, at_most=low)))
    run = run_checker(weights, cert, "--explain", "15,3", "--explain", "15,15")
    first, second, last = run.stdout.splitlines()
    assert run.exit_code == 0 and last.startswith("s VERIFIED")
    assert first.startswith("e 15,3 NOT COUNTED in class q=3 m=15 by its own logits, 1.0000")
    assert first.endswith("rival 0") and second.startswith("e 15,15 COUNTED")


@pytest.mark.parametrize(
    ("tokens", "code"),
    [("15", 2), ("15,16", 2), ("1,2,3", 2), ("", 64), ("1,-2", 2), ("1,x", 64), ("1e1,2", 64)],
)
def test_what_is_no_sequence_of_the_model_is_refused(tmp_path, tokens, code):
    weights, cert = tmp_path / "model.safetensors", tmp_path / "cert.json"
    model = mean_diff_sign()
    weights.write_bytes(model.bytes())
    low, high = established(model, "exact")
    cert.write_bytes(encoded(certificate(model, "exact", at_least=low, at_most=high)))
    assert run_checker(weights, cert, f"--explain={tokens}").exit_code == code


def test_an_excess_is_printed_rounded_up():
    for value in (Fraction(-1, 3), Fraction(1, 3), Fraction(-1, 3 * 10**40), Fraction(10**9, 7)):
        printed = Fraction(decimal_up(value))
        assert value < printed <= value + abs(value) / 10**5
    assert Fraction(decimal_up(Fraction(0))) == 0 and decimal_up(Fraction(-5, 4)) == "-1.25"
