"""What the checker found about the reference certificates it finds on any machine, to the digit.

Counts and tallies decide whether certificates that exist stay valid; the exact numbers that
explanations rest on show any rounding, of any bound, that is not what it was.
"""

import pytest
from support.certify import encoded
from support.reference import answer, eps_of, read

REFERENCE = read()
CERTIFICATES = REFERENCE["certificates"]
IDS = [f"{case['model']}-{case['strategy']}-{n}" for n, case in enumerate(CERTIFICATES)]


@pytest.mark.parametrize("case", CERTIFICATES, ids=IDS)
def test_counts_tally_and_explanations_are_those_of_the_reference(case):
    weights = REFERENCE["models"][case["model"]]["weights"]
    assert answer(weights, encoded(case["certificate"])) == case["answer"]


@pytest.mark.parametrize("name", REFERENCE["models"])
def test_the_deviation_of_float32_is_that_of_the_reference(name):
    model = REFERENCE["models"][name]
    assert eps_of(model["weights"]) == model["float32"]


def test_the_reference_holds_every_kind_of_answer():
    answers = [case["answer"] for case in CERTIFICATES]
    assert {answer["reason"] for answer in answers} >= {None, "count", "unsupported"}
    counts = {answer.get("correct_at_least") for answer in answers}
    assert len(counts) > 20
