"""Decide whether some sequence of some classes exceeds a threshold, and find the largest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from ballproof.verifier.claims.bounding import Suspects
from ballproof.verifier.claims.budget import Deadline, OutOfTimeError
from ballproof.verifier.claims.classes import SequenceClass
from ballproof.verifier.claims.supremum import Contest, UndecidedSignError
from ballproof.verifier.claims.witness import Witness, gap_enclosed
from ballproof.verifier.counting.problem import Problem

# Each climb names a larger gap; they are few, and hostile weights shall not make them many.
MOST_CLIMBS = 200
Ticker = Callable[[], None]


class ContradictionError(RuntimeError):
    """Path tables and literal forward pass disagree about a sequence: a bug in one of them."""


@dataclass
class Outcome:
    """What a search through classes found.

    `witness` exceeds the threshold, or is None; `largest`: no sequence of the classes exceeds the
    witness by more than its enclosure is wide. `open` lists why classes were left undecided.
    """

    witness: Witness | None = None
    largest: bool = True
    open: list[str] = field(default_factory=list)


class Decider:
    """Decides classes of one model; `problem` has margin 0."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.suspects = Suspects(problem)

    def search(
        self,
        groups: Iterable[SequenceClass],
        threshold: Fraction,
        strict: bool,
        deadline: Deadline,
        tick: Ticker = lambda: None,
    ) -> Outcome:
        """Return the sequence with the largest logits[j] - logits[m] above the threshold, if any.

        Not strict: or equal to it. A witness raises the threshold to its own gap, and the search
        goes on with what exceeds that.
        """
        outcome = Outcome()
        try:
            for group in groups:
                threshold, strict = self._climbed(group, threshold, strict, deadline, outcome)
                tick()
        except OutOfTimeError as error:
            outcome.open.append(str(error))
        outcome.largest = outcome.largest and not outcome.open
        return outcome

    def largest(self, groups: Sequence[SequenceClass], deadline: Deadline) -> Outcome:
        """Return the sequence of some classes with the largest logits[j] - logits[m]; v > 1."""
        sequence, m = groups[0].first(), groups[0].maximum
        rival = int(m == 0)
        gap = gap_enclosed(self.problem.weights, sequence, rival)
        first = Witness(sequence, rival, gap)
        if gap is None:
            return Outcome(first, largest=False)
        found = self.search(groups, gap[1], True, deadline)
        found.witness = found.witness or first
        return found

    def _climbed(
        self,
        group: SequenceClass,
        threshold: Fraction,
        strict: bool,
        deadline: Deadline,
        outcome: Outcome,
    ) -> tuple[Fraction, bool]:
        """Put the class's largest gap into the outcome; return what later classes must exceed."""
        try:
            for _ in range(MOST_CLIMBS):
                found = self._beyond(group, threshold, strict, deadline)
                if found is None:
                    return threshold, strict
                outcome.witness, strict = found, True
                if found.gap is None:
                    break
                threshold = found.gap[1]
            outcome.largest = False
        except UndecidedSignError as error:
            outcome.open.append(f"query {group.query}, maximum {group.maximum}: {error}")
        return threshold, strict

    def _beyond(
        self, group: SequenceClass, threshold: Fraction, strict: bool, deadline: Deadline
    ) -> Witness | None:
        """Return a sequence of the class on which some rival exceeds the threshold."""
        deadline.require()
        rivals = self.suspects.of(group, threshold, strict)
        if not rivals:
            return None
        contest = Contest(self.problem, group, threshold, deadline)
        for rival in rivals:
            sequence, sign = contest.best(rival)
            if sign > 0 or (sign == 0 and not strict):
                return self._witness(sequence, rival, threshold, equal=sign == 0)
        return None

    def _witness(
        self, sequence: tuple[int, ...], rival: int, threshold: Fraction, *, equal: bool
    ) -> Witness:
        gap = gap_enclosed(self.problem.weights, sequence, rival)
        if gap and (gap[1] < threshold or (equal and gap[0] > threshold)):
            raise ContradictionError(
                f"on {list(sequence)} the path tables put the gap of rival {rival} at or above "
                f"{threshold}, the forward pass between {gap[0]} and {gap[1]}"
            )
        return Witness(sequence, rival, (threshold, threshold) if equal else gap, equal)
