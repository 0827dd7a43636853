"""Mutants that claim more than the check establishes; only a whole check can refuse them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ballproof.verifier.audit.subject import Subject
from ballproof.verifier.audit.tamper.mutant import (
    CLAIM,
    MARGIN_DIGITS,
    Mutant,
    edited,
    encoded,
    mutants_of,
)
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.changes import BUDGET, COUNT, HARMLESS, Change
from ballproof.verifier.strategies.obstacles import has_tables

EVERYTHING = "claimed: every input right"


def overclaims(subject: Subject, low: int, high: int) -> Iterator[Mutant]:
    """Yield claims that go beyond what the check establishes, by one and by more.

    `low` and `high` are the counts that it establishes. Each takes a whole check.
    """
    total, claim = subject.total, subject.fields["claim"]
    counts = {(low + 1, total), ((low + total + 1) // 2, total)}
    if subject.verdict["semantics"] == "real":
        # In float32 an upper end that claims nothing is not computed: `high` says nothing there.
        counts |= {(0, high - 1), (0, 0), (low + 1, max(low + 1, high)), (high, low)}
        counts.add((min(low, high - 1), high - 1))
    for least, most in sorted(counts):
        if 0 <= least <= most <= total and (least > low or most < high):
            changed = {**claim, "correct_at_least": str(least), "correct_at_most": str(most)}
            change = Change(("claim",), changed, frozenset({COUNT}))
            name = f"claimed: at least {least}, at most {most} right"
            for mutant in mutants_of(subject.fields, CLAIM, [change], 1.0):
                yield Mutant(CLAIM, name, mutant.make, mutant.expected, mutant.cost)


def everything_claimed(subject: Subject) -> Mutant:
    """Return the claim that every input is right."""
    claim = {**subject.fields["claim"], "correct_at_least": str(subject.total)}
    claim["correct_at_most"] = claim["correct_at_least"]
    fields = edited(subject.fields, ("claim",), claim)
    return Mutant(CLAIM, EVERYTHING, lambda: encoded(fields), frozenset({COUNT, HARMLESS}), 1.0)


def margin_mutants(subject: Subject) -> Iterator[Mutant]:
    """Yield the same counts at margins that no logit reaches: nothing is right there."""
    if subject.problem.answers == 1 or not subject.claimed[0]:
        return
    out_of_reach = reach(subject.problem)
    if out_of_reach is None:
        return
    for margin in (out_of_reach, 2 * out_of_reach + 1):
        if len(str(margin)) <= MARGIN_DIGITS:
            change = Change(("claim", "margin"), str(margin), frozenset({COUNT, BUDGET}))
            yield from mutants_of(subject.fields, CLAIM, [change], 1.0)


def reach(problem: Problem) -> int | None:
    """Return a whole number above every lead, None where there is none to be told."""
    if problem.is_deep:
        return problem.deep.reach()
    if not has_tables(problem):
        return 2 * int(problem.program.reach()) + 2
    tables, head = problem.tables, problem.head
    largest = sum(
        max((abs(int(x)) for x in table.flat), default=0)
        for table in (tables.direct, head.output, head.positional_output)
    )
    unit = Fraction(2) ** tables.logit_exponent
    exact = Fraction(largest, problem.margin.denominator) * unit
    return 2 * int(exact) + 1
