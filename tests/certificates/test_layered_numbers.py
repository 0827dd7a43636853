"""The numbers of the rules of layers in sequence are the same to the digit on any machine.

That they are within their bounds is tested in test_layered_rules.py and test_layered_ends.py, from
the theorems; here any other rounding shows, also one that the bounds have room for.
"""

import pytest
from support.layered_reference import RULES, digest, read

REFERENCE = read()


@pytest.mark.parametrize("rule", RULES)
def test_the_numbers_of_a_rule_are_those_of_the_reference(rule):
    assert digest(rule) == REFERENCE[rule]
