"""The numbers of the rules of layers in sequence are the same to the digit on any machine.

That they are within their bounds is tested in test_layered_rules.py and test_layered_ends.py, from
the theorems; here any other rounding shows, also one that the bounds have room for.
"""

from fractions import Fraction

import pytest
from support.layered_reference import RULES, digest, read

from counting.activations import values_of
from counting.norms import Normaliser
from parts.layers import Norm

REFERENCE = read()


@pytest.mark.parametrize("rule", RULES)
def test_the_numbers_of_a_rule_are_those_of_the_reference(rule):
    assert digest(rule) == REFERENCE[rule]


@pytest.mark.parametrize("name", ["gelu-tanh", "silu"])
@pytest.mark.parametrize(("width", "unit"), [(64, 21), (128, 60)])
def test_an_activation_is_off_by_what_the_entry_furthest_from_zero_asks_for(name, width, unit):
    values, far = values_of(name, unit, width), 1 << unit + 42
    asked = values([far])[1]
    assert asked > values([1])[1]
    for x in ([-far], [1, -far], [-far, far], [far, -1], [-1, -far, 0]):
        assert values(x)[1] == asked


@pytest.mark.parametrize("shift", [40, 44, 50])
def test_the_least_root_of_a_norm_is_no_more_than_a_root_just_below_an_integer(shift):
    """A third is rounded down: up, the sum would be a square."""
    unit, fine, root = 21, 10, 1 << shift
    third = -(-(1 << 64) // 3)
    eps = Fraction(root**2 - third, 1 << 2 * (unit + 32))
    found = Normaliser(Norm("rms", eps), 3, unit, fine).normed([1, 0, 0], 0)
    true = (Fraction(1, 3) + eps * 4**unit) * 4**fine
    assert found.least**2 <= true < (found.least + 2) ** 2
