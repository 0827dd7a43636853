"""What the caller demands on the command line is demanded exactly, of the claim itself."""

import pytest
from commands import TRUE, require_agreement
from support.certify import run_checker


@pytest.mark.parametrize("demand", ["108/125", "0.864", "216/250", "0", "0.0", "0.86399999999999"])
def test_the_demanded_share_is_met_exactly(files, demand):
    assert TRUE == 108
    require_agreement(run_checker(*files(), "--at-least", demand), 0)


@pytest.mark.parametrize(
    "demand", ["109/125", "0.865", "0.8640000000000000000000000000000001", "1", "2", "108/124"]
)
def test_a_share_above_the_claim_is_rejected(files, demand):
    require_agreement(run_checker(*files(), "--at-least", demand), 1, "pin")


def test_a_demand_is_of_the_claim_and_not_of_what_could_be_claimed(files):
    paths = files(at_least=TRUE - 1)
    require_agreement(run_checker(*paths), 0)
    require_agreement(run_checker(*paths, f"--at-least={TRUE}/125"), 1, "pin")


def test_pinned_words_must_be_the_claims(files):
    require_agreement(run_checker(*files(), "--task", "max-of-3", "--semantics", "real"), 0)
    for task in ("max-of-4", "", "max-of-3 ", "max"):
        require_agreement(run_checker(*files(), f"--task={task}"), 1, "pin")
    for semantics in ("float32", "", "REAL"):
        require_agreement(run_checker(*files(), f"--semantics={semantics}"), 1, "pin")


def test_a_pinned_margin_is_compared_as_a_number(files):
    for margin in ("0", "0.0", "0/7"):
        require_agreement(run_checker(*files(), "--margin", margin), 0)
    require_agreement(run_checker(*files(), "--margin", "1/10"), 1, "pin")
    paths = files(margin="1/10", at_least=0, at_most=125)
    for margin in ("1/10", "0.1", "0.10", "10/100"):
        require_agreement(run_checker(*paths, "--margin", margin), 0)
    require_agreement(run_checker(*paths, "--margin", "0"), 1, "pin")


def test_the_callers_limit_on_operations_declines(files):
    paths = files(operations=10**6)
    require_agreement(run_checker(*paths, "--max-operations", "1000000"), 0)
    require_agreement(run_checker(*paths, "--max-operations", "999999"), 2, "limit")
    paths = files(operations=10**11 + 1)
    require_agreement(run_checker(*paths, "--max-operations", "100000000001"), 0)


def test_a_negative_limit_on_operations_declines_everything(files):
    for limit in ("-1", "-100000000000"):
        require_agreement(run_checker(*files(operations=0), "--max-operations", limit), 2, "limit")


def test_a_limit_on_operations_of_any_size_is_taken(files):
    require_agreement(run_checker(*files(), "--max-operations", "9" * 1001), 0)
