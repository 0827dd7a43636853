"""The numbers of a report: exact, rounded down, and beside the published ones."""

import json
import re
import statistics
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from sample import RIGHT, TOTAL, sample

from ballproof.verifier.proving.frontier import unbeaten
from ballproof.verifier.report.coverage import coverage
from ballproof.verifier.report.machine import machine_summary
from ballproof.verifier.report.numbers import (
    Spread,
    down,
    fitted,
    floored,
    json_count,
    nearby,
    spread,
)
from ballproof.verifier.report.published import published_groups
from ballproof.verifier.report.series import averages, rank_series
from ballproof.verifier.report.study import families
from ballproof.verifier.report.summary import best_row, group_table, shortest_for, truths
from ballproof.verifier.report.tables import group_tables, headlines
from ballproof.verifier.study.rows import VERIFIED, ResultRow


@pytest.fixture(scope="module")
def studied():
    return families(*sample())


def test_models_stand_by_task_then_name_with_numbers_in_order(studied):
    assert [family.label for family in studied] == ["max-of-4", "max-of-5", "max-of-20"]
    names = [subject.model.name for subject in studied[0].subjects]
    assert names == ["max-of-4-seed-0", "max-of-4-seed-50", "max-of-4-seed-100"]


def test_a_family_of_another_vocabulary_stands_apart():
    models, results = sample()
    other = [replace(model, task="min-of-4") for model in models if model.n_ctx == 4]
    other += [replace(model, sha256=model.sha256[::-1]) for model in models if model.n_ctx == 4]
    assert [family.label for family in families(other, results)] == ["max-of-4", "min-of-4"]
    wide = [replace(model, d_vocab=128) for model in models if model.n_ctx == 4]
    assert [family.label for family in families(wide, results)] == ["max-of-4, 128 tokens"]


def test_an_exact_count_is_the_true_accuracy_whatever_the_sample_says(studied):
    found = [subject.truth for subject in studied[0].subjects]
    assert [truth.accuracy for truth in found] == [Fraction(right, TOTAL) for right in RIGHT]
    assert all(truth.exact for truth in found)


def test_without_an_exact_count_the_sample_is_an_estimate(studied):
    truth = studied[2].subjects[0].truth
    assert (truth.accuracy, truth.exact) == (Fraction(9992, 10000), False)
    cells = {row.name: row.cells for row in group_tables(studied)[2].rows}
    assert cells["ladder"][2].startswith("≈ 1.0008")


def test_without_a_true_accuracy_nothing_is_normalised(studied):
    subject = studied[1].subjects[0]
    assert subject.truth is None
    assert subject.normalised(subject.verified[0]) is None
    assert truths(studied[1]).spread is None


def test_a_group_is_the_mean_of_the_best_bound_of_each_model(studied):
    group = next(g for g in group_table(studied[0]) if g.name == "subcubic")
    _, results = sample()
    for best, chord in ((group.study, False), (group.all, True)):
        shares = []
        for subject, right in zip(studied[0].subjects, RIGHT, strict=True):
            counts = [
                row.correct_at_least
                for row in results
                if row.sha256 == subject.model.sha256
                and row.strategy_group == "subcubic"
                and (chord or "chord" not in row.strategy)
            ]
            shares.append(Fraction(max(counts), right))
        assert best.normalised.mean == sum(shares) / 3
        assert best.normalised.deviation == pytest.approx(np.std(shares, ddof=1, dtype=float))
    assert group.study.operations == (1_750_000, 1_750_002)
    assert group.study.unexplained_dimension == (8384, 8384)
    assert group.published.spread == (0.7, 0.036)


def test_of_equal_bounds_the_shorter_proof_is_the_best():
    def row(operations, right):
        counts = {"correct_at_least": right, "operations": operations}
        return ResultRow("m", str(operations), "g", VERIFIED, **counts)

    rows = [row(9, 5), row(7, 5), row(8, 5), row(1, 4)]
    assert best_row(rows).operations == 7
    assert best_row([]) is None


def test_the_shortest_proof_of_nearly_all_is_a_median_over_models(studied):
    lengths = [2_372_934, 2_372_935, 2_372_936]
    found = shortest_for(studied[0], Fraction(97, 100))
    assert found == statistics.median(lengths)
    assert shortest_for(studied[1], Fraction(1, 2)) is None


def test_published_figures_come_with_the_package():
    four = published_groups("max-of-4")
    assert four["quadratic QK"].spread == (0.316, 0.037)
    assert four["cubic"].operations == (35_087_840, 35_087_840)
    assert not four["brute-force"].normalised
    assert published_groups("max-of-10, 128 tokens")["subcubic"].spread == (0.613, 0.037)
    assert published_groups("max-of-7") == {}


def test_every_published_group_has_a_row_even_if_nobody_proved_it(studied):
    row = next(row for row in group_tables(studied)[0].rows if row.name == "quadratic QK")
    assert row.cells[:3] == ("0.316 ± 0.037", "-", "-")


@pytest.mark.parametrize(
    ("value", "written"),
    [(Fraction(99999, 100000), "0.9999"), (Fraction(2, 3), "0.6666"), (Fraction(1), "1.0000")],
)
def test_a_bound_is_written_rounded_down(value, written):
    assert down(value, 4) == written
    assert Fraction(str(floored(value))) <= value


def test_a_spread_of_one_value_has_no_deviation():
    assert spread([Fraction(1, 2)]) == Spread(Fraction(1, 2), None, 1)
    assert str(spread([Fraction(1, 2)])) == "0.5000"
    assert spread([]) is None


def test_the_line_is_the_least_squares_line():
    rng = np.random.default_rng(0)
    x = rng.normal(size=20)
    y = 3 * x + rng.normal(size=20)
    line = fitted(list(x), list(y))
    slope, intercept = np.polyfit(x, y, 1)
    assert line.slope == pytest.approx(slope)
    assert line.intercept == pytest.approx(intercept)
    assert line.r_squared == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)


@pytest.mark.parametrize("x", [[1.0, 2.0], [1.0, 1.0, 1.0]])
def test_no_line_where_none_is_determined(x):
    assert fitted(x, x) is None


def test_no_point_beats_the_frontier():
    rng = np.random.default_rng(1)
    points = [(Fraction(int(a)), Fraction(int(b))) for a, b in rng.integers(0, 9, (40, 2))]
    kept = [points[i] for i in unbeaten(points)]
    for length, bound in points:
        assert any(a <= length and b >= bound for a, b in kept)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(kept))


def test_averages_are_over_the_models_with_a_certificate(studied):
    cubic = next(mean for mean in averages(studied[0]) if mean.strategy == "cubic")
    assert cubic.bound.count == 3
    assert cubic.operations == 3_570_113
    assert cubic.unexplained_dimension == 12_800


def test_rank_series_leave_out_chord_and_take_the_best_of_the_rest(studied):
    series = {one.score_error: one for one in rank_series(studied[0])}
    assert set(series) == {"exact", "svd", "max-diff"}
    subject = studied[0].subjects[0]
    row = next(r for r in subject.rows if r.strategy == "subcubic/max-diff-exact/mean+diff/exact")
    assert series["exact"].normalised[0] == subject.normalised(row)
    assert series["exact"].ratio == (500.0, 568.5, 637.0)


def test_coverage_adds_up_and_groups_reasons_whatever_their_numbers(studied):
    whole = coverage(studied)
    assert (whole.models, whole.strategies) == (5, 8)
    assert whole.verified + sum(r.count for r in whole.reasons) + whole.missing == whole.pairs
    assert [(r.verdict, r.count) for r in whole.reasons] == [("NOT PROVEN", 2), ("REJECTED", 1)]
    assert whole.reasons[0].strategies == ("brute-force", "exact")
    assert whole.notes == 4


def test_an_empty_sweep_has_numbers_too():
    assert headlines([])[0].figure == "0"
    assert coverage([]).pairs == 0


def leaves(value):
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


def test_every_number_for_machines_is_a_number(studied):
    told = machine_summary(studied)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    texts = [leaf for leaf in leaves(told) if isinstance(leaf, str)]
    assert [text for text in texts if re.fullmatch(r"[-≈±†*\d.,e ]*|.*\d to \d.*", text)] == []
    best = told["groups"]["max-of-4"]["subcubic"]["all"]
    group = next(g for g in group_table(studied[0]) if g.name == "subcubic")
    assert best["operations"] == list(group.all.operations)
    assert Fraction(str(best["bound"]["mean"])) <= group.all.bound.mean
    assert best["bound"]["mean"] == pytest.approx(float(group.all.bound.mean), abs=1e-8)
    assert told["families"][0]["operations_for_99_percent"] == 154_691_852


def test_a_count_that_a_float_would_round_is_a_string():
    assert [json_count(n) for n in (0, 2**53 - 1, 2**53)] == [0, 2**53 - 1, str(2**53)]
    assert json_count(None) is None


def test_two_outliers_do_not_set_a_linear_axis():
    near = [0.9, 0.92, 0.95, 0.97, 0.98, 0.99, 1.0]
    assert nearby([0.02, 0.03, *near]) == (0.9, 1.0)
    assert nearby(near) == (0.9, 1.0)
    # A long tail is no outlier: leaving it out would not free half of the axis.
    assert nearby([0.81, *near]) == (0.81, 1.0)
    assert nearby([0.5]) == (0.5, 0.5)


def test_no_two_headlines_have_one_name(studied):
    named = [headline.label for headline in headlines(studied)]
    assert len(named) == len(set(named)) == 5
