"""The page in a real browser: Debian's Chromium, headless; skipped where there is none."""

from dataclasses import replace
from itertools import pairwise

import pytest
from browser import CHROMIUM, DRIVER, browsing
from sample import HOSTILE, SETTINGS, certificate, sample, sample_of_pairs

from ballproof.verifier.proving.shares import share
from ballproof.verifier.report.noise import noises
from ballproof.verifier.report.page import report_page
from ballproof.verifier.report.study import families

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium or chromedriver is not installed"
)

STUDY_PLOTS = ("frontier", "dimension", "rank")
MODEL_PLOTS = (
    *(f"map-{name}" for name in "DVSPR"),
    "lost-gap",
    "lost-maximum",
    "lost-query",
)
CHOOSE = """
const [id, value] = arguments;
document.getElementById(id).value = value;
document.getElementById(id).dispatchEvent(new Event("change"));
"""
POINTS = """
return document.getElementById(arguments[0]).data
  .map((trace) => (trace.z || trace.y || []).flat().filter((value) => value !== null).length);
"""
NOISE_LINE = """
const [id, name] = arguments;
const trace = document.getElementById(id).data.find((one) => one.name === name);
return [trace.x, trace.y];
"""
SPILLS = "return document.documentElement.scrollWidth > document.documentElement.clientWidth"
# Inside the box of a plot the drawing library cuts off what it likes.
CUT_OFF = """
const shown = [...document.body.querySelectorAll("*")].filter((one) => one.checkVisibility() &&
  !one.closest(".scroll, .skip, thead") && !one.parentElement.closest(".plot"));
return shown.filter((one) => one.getBoundingClientRect().right > window.innerWidth + 1 ||
    (one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== "visible"
      && one.tagName !== "SELECT"))
  .map((one) => one.tagName + "#" + one.id + "." + one.className);
"""
SIDEWAYS = """
return [...document.querySelectorAll(".scroll")]
  .filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1)
  .map((one) => one.getAttribute("aria-label"));
"""
CHOSEN = "return document.getElementById('model').selectedOptions[0].textContent"
CELLS = """
return [...document.querySelectorAll(arguments[0] + " tbody tr")]
  .map((row) => [...row.cells].map((cell) => cell.textContent));
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "a report.html"
    path.write_bytes(report_page(*sample(), certificate, SETTINGS))
    return path


@pytest.fixture(scope="module")
def chromium():
    with browsing() as one:
        yield one


@pytest.fixture
def browser(chromium, page):
    """Open the page from its file:// address on a wide screen; the console stays silent."""
    chromium.prefer("light")
    chromium.resize(1280)
    chromium.console()
    chromium.open(page)
    yield chromium
    assert [entry["message"] for entry in chromium.console()] == []


def test_every_picture_of_the_study_has_points(browser):
    for plot in STUDY_PLOTS:
        assert any(browser.run(POINTS, plot)), plot
    assert browser.run("return location.protocol") == "file:"


def test_noise_is_drawn_factor_by_factor_and_for_each_handling_with_a_bound(browser):
    (noise,) = noises(families(*sample()))
    for name, ratios in noise.products.items():
        drawn = browser.run(NOISE_LINE, "noise-factors-0", name)
        assert drawn == [[one.product for one in noise.factors], pytest.approx(ratios, rel=1e-5)]
    for path, costs in noise.paths():
        across, up = browser.run(NOISE_LINE, "noise-costs-0", path)
        assert across == pytest.approx([float(cost.excess.mean) for cost in costs], rel=1e-5)
        assert up == pytest.approx([float(cost.normalised.mean) for cost in costs], abs=1e-5)


def test_the_mean_of_each_strategy_has_a_mark(browser):
    points = browser.run(POINTS, "frontier")
    # The first trace is the frontier's line.
    assert sum(points[1:]) == 8


def test_one_model_s_marks_are_its_certificates(browser):
    browser.run(CHOOSE, "view", "0")
    drawn = browser.run(
        "return document.getElementById('frontier').data.slice(1).flatMap((trace) => trace.x)"
    )
    assert sorted(drawn) == sorted(row.operations for row in sample()[1][:8])


def test_the_figures_of_a_model_are_those_of_the_index(browser):
    for place, subject in enumerate(s for f in families(*sample()) for s in f.subjects):
        browser.run(CHOOSE, "model", str(place))
        cells = {row[0]: row[1:] for row in browser.run(CELLS, "#one-rows")}
        assert set(cells) == {row.strategy for row in subject.rows}
        for row in subject.verified:
            shown = cells[row.strategy]
            assert shown[:2] == [row.strategy_group, "VERIFIED"]
            assert shown[2] == share(row.correct_at_least, subject.model.total)
            assert shown[4] == f"{row.operations:,}"
            assert shown[9:11] == [f"{row.correct_at_least:,}", f"{row.correct_at_most:,}"]
        for row in subject.rows:
            if row.reason:
                assert cells[row.strategy][-1] == row.reason


def test_a_model_s_heat_maps_and_losses_have_data(browser):
    browser.run(CHOOSE, "model", "0")
    for plot in MODEL_PLOTS:
        assert any(browser.run(POINTS, plot)), plot
    assert browser.run(POINTS, "map-D") == [64 * 64]
    words = browser.run("return document.getElementById('lost-words').textContent")
    assert "truly wrong on 11,332" in words


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.html"
    path.write_bytes(report_page(*sample_of_pairs(), certificate, SETTINGS))
    return path


@pytest.mark.parametrize("width", [400, 1280])
def test_the_lead_of_each_pair_is_drawn_and_wrong_pairs_are_marked_and_listed(
    browser, pairs, width
):
    leads = sample_of_pairs()[0][0].portrait["leads"]
    wrong = leads["counts"][0]
    browser.resize(width, mobile=width < 600)
    browser.open(pairs)
    assert browser.run(POINTS, "leads") == [6 * 6, wrong]
    drawn = browser.run("const [, marks] = document.getElementById('leads').data;"
                        "return marks.y.map((a, i) => [a, marks.x[i]])")  # fmt: skip
    assert sorted(drawn) == sorted([a, b] for a, b, _, _ in leads["listed"])
    cells = browser.run(CELLS, "#leads-wrong")
    assert [row[:2] for row in cells] == [[f"{a}, {b}", str(c)] for a, b, c, _ in leads["listed"]]
    words = browser.run("return document.getElementById('leads-words').textContent")
    assert f"wrong on {wrong} of 36 pairs" in words
    assert browser.run(CUT_OFF) == []
    assert browser.run(SPILLS) is False


def test_what_a_model_has_no_part_in_is_not_shown(browser, pairs):
    shown = """return ["one-leads", "one-tables", "one-lost", "fits"]
      .filter((id) => document.getElementById(id).checkVisibility())"""
    assert browser.run(shown) == ["one-tables", "one-lost", "fits"]
    browser.open(pairs)
    assert browser.run(shown) == ["one-leads"]
    facts = browser.run("return document.getElementById('one-facts').textContent")
    assert "pair(added),mlp(relu),readout" in facts
    assert "6 tokens, 6 logits, context 2, width 8, 8 neurons" in facts
    for plot in ("dimension", "rank"):
        text = f"return document.querySelector('#{plot} .annotation-text').textContent"
        assert "has a certificate" in browser.run(text)


def test_a_hostile_name_is_shown_and_does_nothing(browser):
    browser.run(CHOOSE, "model", "4")
    assert browser.run("return document.getElementById('one-name').textContent") == HOSTILE
    browser.run(CHOOSE, "family", "2")
    browser.run(CHOOSE, "view", "4")
    assert browser.run("return window.stolen === undefined")


def test_every_task_and_range_can_be_drawn(browser):
    for across in ("all", "near"):
        browser.run(CHOOSE, "across", across)
        for family in ("0", "1", "2"):
            browser.run(CHOOSE, "family", family)
            assert any(browser.run(POINTS, "frontier"))


@pytest.mark.parametrize("width", [400, 1280])
def test_the_page_never_scrolls_sideways(browser, page, width):
    browser.resize(width, mobile=width < 600)
    browser.open(page)
    browser.run(CHOOSE, "model", "0")
    assert browser.run("return window.innerWidth") == width
    assert browser.run(SPILLS) is False


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_is_cut_off_but_what_scrolls(browser, page, width):
    browser.resize(width, mobile=width < 600)
    browser.open(page)
    for model in ("0", "4"):
        browser.run(CHOOSE, "model", model)
        assert browser.run(CUT_OFF) == []


def test_on_a_narrow_screen_no_table_has_to_be_scrolled_sideways(browser, page):
    browser.resize(400, mobile=True)
    browser.open(page)
    for model in ("0", "4"):
        browser.run(CHOOSE, "model", model)
        assert browser.run(SIDEWAYS) == []
    named = "return document.querySelector('#families td').dataset.column"
    assert browser.run(named) == "models"


def test_the_first_model_is_shown_at_first(browser):
    assert browser.run("return document.getElementById('one').hidden") is False
    name = browser.run("return document.getElementById('one-name').textContent")
    assert name == "max-of-4-seed-0" == browser.run(CHOSEN)
    assert len(browser.run(CELLS, "#one-rows")) == 8


def test_two_outliers_do_not_set_a_linear_axis(browser, tmp_path):
    models, results = sample()
    low = {row: row.correct_at_least // 30 for row in results if "low-rank" in row.strategy_group}
    apart = [replace(row, correct_at_least=low.get(row, row.correct_at_least)) for row in results]
    path = tmp_path / "apart.html"
    path.write_bytes(report_page(models, apart, certificate, SETTINGS))
    browser.open(path)
    axis = "return document.getElementById('frontier')._fullLayout.yaxis"
    assert browser.run(f"{axis}.range")[0] > 0.7
    assert "(2 further off)" in browser.run(f"{axis}.title.text")
    browser.run(CHOOSE, "across", "all")
    browser.run("return new Promise((resolve) => setTimeout(resolve, 1000))")
    assert browser.run(f"{axis}.range")[0] < 0.05


def test_a_sweep_without_models_says_so(browser, tmp_path):
    path = tmp_path / "empty.html"
    path.write_bytes(report_page([], [], certificate, {}))
    browser.open(path)
    assert "This folder has no model yet" in browser.run("return document.body.textContent")
    assert browser.run("return document.querySelectorAll('.plot, select').length") == 0


def test_dark_and_light_follow_the_system_and_the_button(browser, page):
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = browser.run(ground)
    browser.run("document.getElementById('theme').click()")
    dark = browser.run(ground)
    assert dark != light
    browser.prefer("dark")
    browser.open(page)
    assert browser.run(ground) == dark
    text = "return getComputedStyle(document.querySelector('#frontier .xtick text')).fill"
    bright = browser.run(text)
    browser.run("document.getElementById('theme').click()")
    assert browser.run(ground) == light
    assert browser.run(text) != bright


def test_it_prints(browser, tmp_path):
    browser.pdf(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_headings_and_tables_are_marked_up_for_readers(browser):
    levels = browser.run(
        "return [...document.querySelectorAll('h1,h2,h3,h4')]"
        ".map((heading) => Number(heading.tagName[1]))"
    )
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert browser.run("return document.querySelectorAll('th:not([scope])').length") == 0
    assert browser.run(
        "return [...document.querySelectorAll('.plot')]"
        ".every((p) => p.getAttribute('aria-label') || p.getAttribute('aria-labelledby'))"
    )
    assert browser.run(
        "return [...document.querySelectorAll('select')].every((s) => s.labels.length === 1)"
    )
