"""The tables of noise: means over the models that have figures, and what each handling proves."""

from dataclasses import replace
from fractions import Fraction

from sample import SETTINGS, certificate, sample

from ballproof.verifier.report.markdown import summary_bytes
from ballproof.verifier.report.noise import noises
from ballproof.verifier.report.page import report_page
from ballproof.verifier.report.study import families


def tables():
    (one,) = noises(families(*sample()))
    return one


def test_ratios_are_means_over_the_models_with_figures():
    one = tables()
    assert one.label == "max-of-4"
    assert [row.product for row in one.factors] == ["KᵀBᵀ", "QKᵀBᵀ", "AQKᵀBᵀ"]
    # Seeds 0, 1 and 2 are added to 64.
    last = one.factors[-1]
    assert (last.excess.mean, last.excess.deviation, last.excess.count) == (65, 1.0, 3)
    assert last.cells == ("AQKᵀBᵀ", "32", "65.00 ± 1.00", "4.25 ± 0.00", "4.50 ± 0.00", "3")


def test_products_are_as_measured_and_factor_after_factor():
    products = tables().products
    assert list(products.values()) == [
        [5.0, 17.0, 65.0],
        [4.25, 4.25**2, 4.25**3],
        [4.5, 4.5**2, 4.5**3],
    ]


def test_only_handlings_with_a_bound_are_drawn():
    drawn = {path: [cost.handling for cost in costs] for path, costs in tables().paths()}
    assert drawn == {"query-key": ["svd", "max-diff"], "direct": ["mean-query"]}
    bare = replace(tables(), costs=tuple(replace(c, normalised=None) for c in tables().costs))
    assert [costs for _, costs in bare.paths()] == [[], []]


def test_the_cost_is_the_best_bound_of_the_strategies_with_the_handling():
    costs = {(row.path, row.handling): row for row in tables().costs}
    # A ratio that no model has is left out.
    assert set(costs) == {("query-key", "svd"), ("query-key", "max-diff"), ("direct", "mean-query")}
    found = families(*sample())[0]
    for handling, name in (
        ("svd", "subcubic/max-diff-exact/mean+diff/svd"),
        ("max-diff", "subcubic/mean-query/mean+diff/max-diff"),
    ):
        shares = [
            subject.normalised(row)
            for subject in found.subjects
            for row in subject.verified
            if row.strategy == name
        ]
        assert shares
        assert costs["query-key", handling].normalised.mean == sum(shares, Fraction(0)) / len(
            shares
        )


def test_chord_is_not_counted_among_the_strategies_of_the_study():
    models, results = sample()
    better = [
        replace(row, strategy="subcubic/max-diff-exact/chord/svd", correct_at_least=64**4)
        for row in results
        if row.strategy == "subcubic/max-diff-exact/mean+diff/svd"
    ]
    assert better
    (one,) = noises(families(models, [*results, *better]))
    assert one.costs == tables().costs


def test_a_sweep_without_figures_has_no_section():
    models, results = sample()
    older = [replace(m, portrait={**(m.portrait or {}), "noise": None}) for m in models]
    assert noises(families(older, results)) == []
    page = report_page(older, results, certificate, SETTINGS).decode()
    assert 'id="noise"' not in page
    assert 'id="noise"' in report_page(models, results, certificate, SETTINGS).decode()


def test_page_and_summary_show_every_row():
    page = report_page(*sample(), certificate, SETTINGS).decode()
    summary = summary_bytes(families(*sample()), SETTINGS).decode()
    for row in (*tables().factors, *tables().costs):
        assert f'<th scope="row">{row.cells[0]}</th>' in page
        for cell in row.cells:
            assert f"<td>{cell}</td>" in page or f'<th scope="row">{cell}</th>' in page
        assert f"| {' | '.join(row.cells)} |" in summary
