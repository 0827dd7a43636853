"""The inputs of a task that have a label, in the order of their tokens, without lost subtrees."""

from collections.abc import Iterator, Sequence

from arithmetic.tally import Tally
from tasks.rule import Partial, State
from tasks.task import Task

# Operations of a prefix that is visited.
COST = 10


def labelled(
    task: Task, tally: Tally, first: Sequence[int] = (), shared: int = 0
) -> Iterator[tuple[list[int], int]]:
    """Yield each input that begins with these places and has a label, and the label.

    Places are tokens counted from the first of their position. A subtree is skipped where the rule
    says that the tokens read so far end in no label. The list that is yielded changes afterwards.
    Prefixes of fewer than `shared` tokens are visited by other processes as well.
    """
    positions, reads, rule = task.positions, set(task.reads), task.rule
    last = len(positions) - 1
    places: list[int] = []
    tokens: list[int] = []
    # What a rule knows after each of the tokens read.
    states: list[State] = [rule.opening() if isinstance(rule, Partial) else None]
    spans = [range(x, x + 1) for x in first] + [range(len(x)) for x in positions[len(first) :]]
    left = [iter(spans[0])]
    while left:
        depth = len(left) - 1
        # What stood at this position before.
        if len(places) > depth:
            places.pop()
            if depth in reads:
                tokens.pop()
                del states[len(tokens) + 1 :]
        place = next(left[-1], None)
        if place is None:
            left.pop()
            continue
        places.append(place)
        if len(places) < shared:
            tally.charge_once(("prefix", tuple(places)), COST)
        else:
            tally.charge(COST)
        if depth in reads:
            tokens.append(positions[depth].start + place)
            if isinstance(rule, Partial):
                states.append(rule.reading(states[-1], len(reads) - len(tokens), tokens[-1]))
                if states[-1] is None:
                    continue
        if depth < last:
            left.append(iter(spans[depth + 1]))
            continue
        tally.charge(len(tokens))
        label = rule.label(tokens)
        if label is not None:
            yield places, label
