"""What the checker found about the reference certificates of `split` it finds anywhere.

Counts and tallies decide whether certificates that exist stay valid; the tables of each class show
any rounding, and any room of a lane, that is not what it was.
"""

import pytest
from support.split_reference import answer, read

REFERENCE = read()


@pytest.mark.parametrize("case", REFERENCE, ids=lambda case: case["name"])
def test_counts_tally_and_tables_are_those_of_the_reference(case):
    assert answer(case["weights"], case["certificate"]) == case["answer"]


def test_the_reference_holds_classes_that_are_counted_and_such_that_are_not():
    counts = [(x["answer"]["at least"], x["answer"]["at most"]) for x in REFERENCE]
    assert any(low == high for low, high in counts)
    assert any(0 < low < high for low, high in counts)
