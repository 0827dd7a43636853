"""Programs in fixed point decline what lanes have no room for, to the last integer."""

from random import Random
from types import SimpleNamespace

import pytest
from support.walk_reference import program_of

from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from counting import fixed_point
from counting.fixed_point import FixedPoint, every_row, rectified
from files.verdict import Declined
from parts.program import Layer

PLENTY = 10**9


def test_limits_of_programs_are_as_documented():
    found = fixed_point.GUARD, fixed_point.MAX_SPREAD, fixed_point.MAX_TERMS
    assert found == (34, 512, 2**24)


@pytest.mark.parametrize("turn", range(6))
def test_a_program_of_too_many_terms_is_declined(turn, monkeypatch):
    """A look-up and a head are a term, and so is each weight of attention, twice."""
    program = program_of(Random(turn), turn)
    terms = len(every_row(program)) + 2 * len(program.positions) * len(program.heads)
    monkeypatch.setattr(fixed_point, "MAX_TERMS", terms + 1)
    FixedPoint(program, 64, Tally(PLENTY))
    monkeypatch.setattr(fixed_point, "MAX_TERMS", terms)
    with pytest.raises(Declined, match="terms of a sum") as caught:
        FixedPoint(program, 64, Tally(PLENTY))
    assert caught.value.reason == "limit"


@pytest.mark.parametrize("width", [64, 128])
def test_activations_have_room_up_to_four_bits_of_a_lane(width):
    layer = Layer(Matrix([[1], [-1]], 0), Matrix([[0]], 0), rectified=True)
    asked, most = SimpleNamespace(width=width), 2 ** (width - 4) - 1
    for tops in ([most, 0], [1, most - 1]):
        assert FixedPoint._layer_unit(asked, layer, tops, 0, None) == 0
    for tops in ([most + 1, 0], [1, most], [0, 2**width]):
        with pytest.raises(Declined, match="too many neurons") as caught:
            FixedPoint._layer_unit(asked, layer, tops, 0, None)
        assert caught.value.reason == "limit"


def test_the_smallest_integers_are_rectified_exactly():
    assert rectified([-2, -1, 0, 1, 2]) == [0, 0, 0, 1, 2]
