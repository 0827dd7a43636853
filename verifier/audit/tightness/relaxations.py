"""How far a bound is from the truth, and what each of its relaxations costs."""

from __future__ import annotations

from collections.abc import Iterator

from ballproof.verifier.audit.subject import Finding, Subject
from ballproof.verifier.audit.tightness.clock import Clock, OutOfTimeError
from ballproof.verifier.audit.tightness.slack import ROUNDING, UNKNOWN, Cause, Tightness
from ballproof.verifier.audit.tightness.truth import (
    Truth,
    exact_count,
    exactly,
    right_with_exact_positions,
    two_sided,
)
from ballproof.verifier.counting.goal import Progress, silent
from ballproof.verifier.counting.problem import Problem, opposite
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.relaxations import (
    RIVALS,
    UNCOUNTED,
    Case,
    Step,
    settles_everything,
)

PART = "tightness"
PHASES = 9


def tightness(subject: Subject, progress: Progress = silent, seconds: float = 60) -> Tightness:
    """Compare a certificate with the exact count, and split what it lacks by cause.

    The certificate's strategy is relaxed step by step towards the exact count; each step is a
    rigorous count of its own, and the differences add up to the slack. Without an exact count the
    best two-sided bound stands in for it. A bound above the exact count is a finding. Phases that
    `seconds` do not cover are left out, and what they would explain is not known.
    """
    problem = subject.problem
    clock = Clock(seconds, progress, PHASES)
    exact = exact_count(problem, clock)
    steps, finished = _followed(subject, exact, clock)
    truth = exact or two_sided(problem, _known(subject, steps), clock)
    causes = _causes(subject, truth, clock, steps, finished)
    most = truth.most
    if problem.semantics == "float32":
        most = _program_most(subject, problem, truth, clock)
        causes.append(Cause(ROUNDING, 0, most - truth.most))
    progress(1, 1)
    return Tightness(
        subject.total,
        subject.claimed,
        (truth.least, most),
        truth.method,
        [cause for cause in causes if cause.least or cause.most],
        _findings(subject, truth, most, steps),
    )


def _program_most(subject: Subject, problem: Problem, truth: Truth, clock: Clock) -> int:
    """Return the most inputs that the program may get right: C at the margin less eps (T12)."""
    if truth.wrong is None:
        return subject.claimed[1]
    try:
        return exactly(opposite(problem), clock.phase()).most
    except OutOfTimeError:
        return subject.claimed[1]


def _followed(subject: Subject, exact: Truth | None, clock: Clock) -> tuple[list[Step], bool]:
    """Return the counts towards the truth, and whether there was time for all of them."""
    steps: list[Step] = []
    try:
        for step in _steps(subject, exact, clock):
            steps.append(step)
    except OutOfTimeError:
        return steps, False
    return steps, True


def _known(subject: Subject, steps: list[Step]) -> tuple[int, int]:
    """Return the best ends so far: a step that is above the upper end is a finding, and no end."""
    low, high = subject.claimed
    return max([low, *(count for _, count in steps if count <= high)]), high


def _causes(
    subject: Subject,
    truth: Truth,
    clock: Clock,
    steps: list[Step],
    finished: bool,
) -> list[Cause]:
    """Return the differences along the steps, and what is left to the truth."""
    count, causes = subject.claimed[0], list[Cause]()
    for name, after in steps:
        causes.append(Cause(name, after - count, after - count))
        count = after
    least, most = truth.least - count, truth.most - count
    if truth.wrong is not None:
        return [*causes, Cause(RIVALS if finished and truth.exact else UNKNOWN, least, most)]
    return causes + _unknown(subject, (least, most), clock)


def _case(subject: Subject, exact: Truth | None, clock: Clock) -> Case:
    return Case(
        subject.problem,
        subject.fields["proof"]["witness"],
        exact.least if exact else None,
        exact.wrong if exact else None,
        clock.phase,
        lambda: right_with_exact_positions(subject.problem, clock.phase()),
    )


def _steps(subject: Subject, exact: Truth | None, clock: Clock) -> Iterator[Step]:
    """Yield counts from the certificate's towards the truth, each with what it no longer relaxes.

    What is left between the last of them and the truth is the union over rivals.
    """
    case = _case(subject, exact, clock)
    if subject.problem.shape.d_vocab == 1:
        yield from settles_everything(case)
    else:
        yield from strategy_named(subject.strategy).relaxations(case)


def _unknown(subject: Subject, slack: tuple[int, int], clock: Clock) -> list[Cause]:
    """Return the causes where no class's truth is known: at most what the witness gives up."""
    least, most = slack
    strategy, witness = strategy_named(subject.strategy), subject.fields["proof"]["witness"]
    try:
        lost = strategy.given_up(subject.problem, witness, clock.phase())
    except OutOfTimeError:
        lost = None
    if lost is None:
        return [Cause(UNKNOWN, least, most)]
    lost = min(lost, most)
    return [Cause(UNCOUNTED, 0, lost), Cause(UNKNOWN, max(least - lost, 0), most)]


def _findings(subject: Subject, truth: Truth, most: int, steps: list[Step]) -> list[Finding]:
    """Return a finding for each bound that is beyond what is true."""
    low, high = subject.claimed
    details = {"true_at_least": str(truth.least), "true_at_most": str(most)}
    findings = []
    if low > truth.most:
        sentence = f"the certificate counts {low} inputs as right, and at most {truth.most} are"
        findings.append(Finding(PART, sentence, details))
    if high < truth.least:
        sentence = f"the certificate allows {high} inputs to be right, and {truth.least} are"
        findings.append(Finding(PART, sentence, details))
    for cause, count in steps:
        if count > truth.most:
            sentence = (
                f"the bound without its {cause.name} counts {count} inputs as right, and at most "
                f"{truth.most} are"
            )
            findings.append(Finding(PART, sentence, details))
    return findings
