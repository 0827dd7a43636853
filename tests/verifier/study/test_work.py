"""One task: a strategy that goes wrong costs its own result and no other."""

import pytest
from sweeps import task

from ballproof.verifier.proving.checking import CheckerError
from ballproof.verifier.proving.pipeline import CheckFailedError, prove_with
from ballproof.verifier.study import work
from ballproof.verifier.study.rows import FAILED, REJECTED, VERIFIED


def going_wrong(error):
    def prove(problem, strategy, max_operations, checker):
        if strategy.name == "exact":
            raise error
        return prove_with(problem, strategy, max_operations, checker)

    return prove


@pytest.mark.parametrize(
    ("error", "verdict", "reason"),
    [
        (OverflowError("too large"), FAILED, "OverflowError: too large"),
        (CheckFailedError("the counts differ"), REJECTED, "the counts differ"),
    ],
)
def test_a_strategy_that_goes_wrong_leaves_the_others_alone(
    toy_paths, monkeypatch, error, verdict, reason
):
    monkeypatch.setattr(work, "prove_with", going_wrong(error))
    rows = work.run_task(task(toy_paths[0], ("cubic", "exact", "ladder"))).results
    assert [row.verdict for row in rows] == [VERIFIED, verdict, VERIFIED]
    assert (rows[1].reason, rows[1].certificate) == (reason, None)


def test_a_checker_that_ends_ends_the_task(toy_paths, monkeypatch):
    monkeypatch.setattr(work, "prove_with", going_wrong(CheckerError("killed")))
    with pytest.raises(CheckerError, match="killed"):
        work.run_task(task(toy_paths[0], ("cubic", "exact", "ladder")))
