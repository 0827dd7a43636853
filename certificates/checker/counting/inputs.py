"""Every input of a task, one after the other, and how many of them are right."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

from files.claims import Claim, Counts
from files.verdict import decline_unless
from tasks.task import Task

MOST_UNIT = 2**17


class Decision(NamedTuple):
    """Whether an input is right, None if open; its lead and the lead's error, over 2**unit."""

    right: bool | None
    lead: int
    error: int
    unit: int
    width: int


def counted(claim: Claim, decide: Callable[[Sequence[int], int], bool | None]) -> Counts:
    """Return how many inputs are right, at least and at most.

    `decide` says of an input, its tokens counted from the first of their position, and the column
    of its label whether it is right, None if open. It is asked where there are rivals.
    """
    rivals = len(claim.task.answers) > 1
    return summed(decide(*x) if rivals else True for x in labelled(claim.task))


def summed(found: Iterable[bool | None]) -> Counts:
    """Return how many inputs are right, at least and at most, of those with an answer as label."""
    right = still_open = 0
    for each in found:
        right += each is True
        still_open += each is None
    return right, right + still_open


def labelled(task: Task) -> Iterator[tuple[list[int], int]]:
    """Yield each input whose label is an answer, its tokens counted likewise, and its column."""
    answers, starts = task.answers, [span.start for span in task.positions]
    for tokens in _inputs(task.positions):
        label = task.rule.label([tokens[position] for position in task.reads])
        if label is not None and label in answers:
            places = [token - start for token, start in zip(tokens, starts, strict=True)]
            yield places, label - answers.start


def _inputs(positions: Sequence[range]) -> Iterator[tuple[int, ...]]:
    """Yield every input, those of one query after each other."""
    for query in positions[-1]:
        for others in product(*positions[:-1]):
            yield (*others, query)


def lead_of(values: Sequence[int], column: int) -> int:
    """Return by how much a column exceeds the largest other one."""
    return values[column] - max([*values[:column], *values[column + 1 :]])


def decided(low: int | None, high: int | None, least: int) -> bool | None:
    """Say whether a lead between two ends, None for one that is not known, is above the margin."""
    if low is not None and low > least:
        return True
    return False if high is not None and high <= least else None


def margin_at(claim: Claim, scale: int, unit: int) -> int:
    """Return the margin, times a scale, in units of 2**-unit, rounded down."""
    decline_unless(abs(unit) <= MOST_UNIT, "limit", "weights: numbers too far from 1.")
    (n, d), shift = claim.margin, max(unit, 0)
    return (n * scale << shift) // (d << shift - unit)
