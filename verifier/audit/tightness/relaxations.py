"""How far a bound is from the truth, and what each of its relaxations costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ballproof.verifier.audit.subject import Finding, Subject
from ballproof.verifier.audit.tightness.clock import Clock, OutOfTimeError
from ballproof.verifier.audit.tightness.ladder_slack import given_up, ladder_slack
from ballproof.verifier.audit.tightness.slack import (
    ATTENTION,
    CLAIM,
    COUNTING,
    DIRECT_PATH,
    GAP,
    POOLS,
    POSITIONS,
    RIVALS,
    ROUNDING,
    SCORE_ERROR,
    UNCOUNTED,
    UNKNOWN,
    WITNESS,
    Cause,
    Tightness,
)
from ballproof.verifier.audit.tightness.truth import (
    Truth,
    exact_count,
    exactly,
    right_with_exact_positions,
    two_sided,
)
from ballproof.verifier.counting.goal import Goal, Progress, silent
from ballproof.verifier.counting.problem import Problem, opposite
from ballproof.verifier.strategies import strategy_named
from ballproof.verifier.strategies.base import Strategy
from ballproof.verifier.strategies.subcubic.strategy import Subcubic

PART = "tightness"
PHASES = 9
# A count, and what the step to it from the count before removed.
Step = tuple[str, int]


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
    steps, finished = _followed(subject, problem, exact, clock)
    truth = exact or two_sided(problem, _known(subject, steps), clock)
    causes = _causes(subject, problem, truth, clock, steps, finished)
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


def _followed(
    subject: Subject, problem: Problem, exact: Truth | None, clock: Clock
) -> tuple[list[Step], bool]:
    """Return the counts towards the truth, and whether there was time for all of them."""
    steps: list[Step] = []
    try:
        for step in _steps(subject, problem, exact, clock):
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
    problem: Problem,
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
    if strategy_named(subject.strategy).group == "ladder":
        return causes + _ladder_unknown(subject, problem, (least, most), clock)
    return [*causes, Cause(UNKNOWN, least, most)]


def _steps(subject: Subject, problem: Problem, exact: Truth | None, clock: Clock) -> Iterator[Step]:
    """Yield counts from the certificate's towards the truth, each with what it no longer relaxes.

    What is left between the last of them and the truth is the union over rivals.
    """
    strategy = strategy_named(subject.strategy)
    if problem.shape.d_vocab == 1 or strategy.name in ("exact", "brute-force"):
        # They settle every input: the truth is what they show.
        if exact is not None:
            yield CLAIM, exact.least
    elif strategy.group == "ladder":
        yield from _ladder_steps(subject, problem, strategy, exact, clock)
    else:
        if isinstance(strategy, Subcubic):
            yield from _subcubic_steps(subject, problem, strategy, clock)
        cubic = strategy_named("cubic").bound(problem, {}, clock.phase()).correct_at_least
        yield (GAP if isinstance(strategy, Subcubic) else CLAIM), cubic
        if exact is not None:
            yield POSITIONS, right_with_exact_positions(problem, clock.phase())


def _subcubic_steps(
    subject: Subject, problem: Problem, strategy: Subcubic, clock: Clock
) -> Iterator[Step]:
    """Follow the certificate's witness, then one found anew, then strategies that relax less."""
    clock.phase()
    stated = _entries(problem, strategy, subject.fields["proof"]["witness"])
    found = _entries(problem, strategy, strategy.search(problem, Goal(), silent))
    count = sum(stated.values())
    yield CLAIM, count
    # Entries are of different inputs: any choice of witness for each of them is a bound.
    count += sum(many for entry, many in found.items() if entry not in stated)
    yield UNCOUNTED, count
    count += sum(max(found[entry] - many, 0) for entry, many in stated.items())
    yield WITNESS, count
    direct, attention, error = strategy.parts
    changes = (
        (SCORE_ERROR, (direct, attention, "exact"), error != "exact"),
        (DIRECT_PATH, ("max-diff-exact", attention, "exact"), direct != "max-diff-exact"),
        (ATTENTION, ("max-diff-exact", "mean+diff", "exact"), attention == "drop-average"),
    )
    for cause, parts, needed in changes:
        if needed:
            clock.phase()
            finer = strategy_named("/".join(("subcubic", *parts)))
            witness = finer.search(problem, Goal(), silent)
            yield cause, finer.bound(problem, witness, silent).correct_at_least


def _entries(
    problem: Problem, strategy: Subcubic, witness: dict[str, object]
) -> Counter[tuple[int, int, int]]:
    """Return how many inputs each entry (q, m, c) settles."""
    return Counter(
        {(query, m, c): many for query, m, c, many in strategy.settled(problem, witness)}
    )


def _ladder_steps(
    subject: Subject, problem: Problem, strategy: Strategy, exact: Truth | None, clock: Clock
) -> Iterator[Step]:
    """Yield the bound of the witness, and where the truth is known by class what it lacks."""
    witness = subject.fields["proof"]["witness"]
    count = strategy.bound(problem, witness, clock.phase()).correct_at_least
    yield CLAIM, count
    if exact is not None and exact.wrong is not None:
        lacking = ladder_slack(problem, witness, exact.wrong, clock.phase())
        for cause in (UNCOUNTED, COUNTING, POOLS):
            count += lacking[cause]
            yield cause, count


def _ladder_unknown(
    subject: Subject, problem: Problem, slack: tuple[int, int], clock: Clock
) -> list[Cause]:
    """Return the causes of a ladder where no class's truth is known: at most what is given up."""
    least, most = slack
    try:
        lost = given_up(problem, subject.fields["proof"]["witness"], clock.phase())
    except OutOfTimeError:
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
                f"the bound without its {cause} counts {count} inputs as right, and at most "
                f"{truth.most} are"
            )
            findings.append(Finding(PART, sentence, details))
    return findings
