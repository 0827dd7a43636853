"""Outputs, radii, counts and operations of walks are the same to the digit on any machine.

That they enclose the truth is tested in test_layered_truth.py and test_merged_walk.py; here any
other rounding shows, also one that the bounds have room for.
"""

import pytest
from support.walk_reference import RULES, digest, stored

REFERENCE = stored()


@pytest.mark.parametrize("rule", RULES)
def test_the_numbers_of_a_walk_are_those_of_the_reference(rule):
    assert digest(rule) == REFERENCE[rule]
