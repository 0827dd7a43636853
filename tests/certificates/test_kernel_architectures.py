"""Architectures are rows of a table: a claim states parts, and gets what the row of these knows."""

import json

import pytest
from support.certify import PARTS, certificate, encoded, established, trained_toy

from arithmetic.tally import Tally
from files.claims import Pins
from files.tensors import read_tensors
from files.verdict import Declined
from kernel import STRATEGIES, check
from parts import architectures
from parts.architecture import FACTORS, ONE_HEAD
from parts.architectures import ARCHITECTURES
from tasks.task import read_task

NAMES = tuple(part["part"] for part in PARTS)
MODEL = trained_toy()


def stated(parts, strategy="exact", semantics="real", **options):
    fields = certificate(MODEL, strategy, at_least=0, **options)
    fields["claim"]["model"]["parts"] = parts
    fields["claim"]["semantics"] = semantics
    return encoded(fields)


def declined(*arguments, **options):
    with pytest.raises(Declined) as caught:
        check(MODEL.bytes(), stated(*arguments, **options), Pins())
    assert caught.value.reason == "unsupported"
    return caught.value.sentence


@pytest.mark.parametrize(
    ("index", "setting", "words"),
    [
        (2, {"heads": 0}, "'heads' of attention is 0; served is '1 to 256'."),
        (2, {"heads": True}, "'heads' of attention is True; served is '1 to 256'."),
        (2, {"mask": "window"}, "'mask' of attention is 'window'; served is 'causal'."),
        (2, {"scale": "1"}, "'scale' of attention is '1'; served is '1/sqrt(d_head)'."),
        (3, {"position": "first"}, "'position' of readout is 'first'; served is 'last'."),
        (0, {"norm": None}, "'norm' of embed is None; served is not set."),
    ],
)
def test_a_setting_that_is_not_served_is_declined_by_name(index, setting, words):
    parts = [*PARTS[:index], PARTS[index] | setting, *PARTS[index + 1 :]]
    assert declined(parts) == f"claim.model.parts: {words}"


def test_a_setting_that_is_left_out_is_not_assumed():
    parts = [*PARTS[:2], {"part": "attention", "heads": 1, "scale": "1/sqrt(d_head)"}, PARTS[3]]
    assert "'mask' of attention is not set; served is 'causal'" in declined(parts)


@pytest.mark.parametrize(
    "parts",
    [[], None, "embed", list(NAMES), PARTS[::-1], [*PARTS, PARTS[2]], [*PARTS[:3], "readout"]],
)
def test_parts_that_no_row_lists_in_this_order_are_declined(parts):
    assert declined(parts).startswith("claim.model.parts: no model of ")


def with_row(monkeypatch, words, **changes):
    """Add a row for other parts, that is the known one with changes; return its parts."""
    row = ARCHITECTURES[NAMES][0]._replace(words=lambda parts: words, **changes)
    monkeypatch.setitem(architectures.ARCHITECTURES, ("embed", "attention"), (row,))
    return [{"part": "embed"}, {"part": "attention", "heads": 7}]


def test_an_architecture_is_added_by_one_row_of_the_table(monkeypatch):
    _, at_most = established(MODEL, "exact")
    parts = with_row(monkeypatch, "embed,attention(7-heads)")
    theorem = check(MODEL.bytes(), stated(parts, at_most=at_most), Pins())
    assert theorem.model == "embed,attention(7-heads)"
    assert theorem.correct_at_most == at_most


def test_a_strategy_declines_models_that_do_not_give_what_it_needs(monkeypatch):
    parts = with_row(monkeypatch, "a heap", gives={})
    for strategy, needs in (("exact", ONE_HEAD), ("cubic", ONE_HEAD)):
        assert declined(parts, strategy) == f"{strategy} needs {needs}, which a heap does not give."
    factors = next(name for name in STRATEGIES if name.startswith("subcubic/"))
    assert declined(parts, factors) == f"{factors} needs {FACTORS}, which a heap does not give."


def test_the_float32_program_is_declined_where_no_bound_is_known(monkeypatch):
    parts = with_row(monkeypatch, "a heap", deviation=None)
    assert declined(parts, semantics="float32") == "float32 is not served for a heap."
    assert check(MODEL.bytes(), stated(parts), Pins()).semantics == "real"


def test_the_one_head_is_all_that_its_tables_hold():
    row = ARCHITECTURES[NAMES][0]
    model = row.read(read_tensors(MODEL.bytes()), PARTS, {})
    task = read_task(json.loads(stated(PARTS))["claim"]["task"])._replace(answers=range(1, 4))
    tables = row.gives[ONE_HEAD](model, (1, 3), task, Tally(10**9))
    v, k = model.shape.d_vocab, model.shape.n_ctx
    sizes = [(len(rows), len(rows[0])) for rows in (tables.direct, *tables.head[:4])]
    assert sizes == [(v, 3), (v, 3), (k, 3), (v, v), (v, k)]
    assert tables.heads == (tables.head,) and tables.head.d_head == model.shape.d_head
    assert tables.one == 3 * tables.eps
    with pytest.raises(ValueError, match="unpack"):
        _ = tables._replace(heads=tables.heads * 2).head


def test_the_sizes_that_a_claim_states_are_those_of_its_architecture():
    fields = json.loads(stated(PARTS))
    assert tuple(fields["claim"]["model"]["sizes"]) == ARCHITECTURES[NAMES][0].sizes
