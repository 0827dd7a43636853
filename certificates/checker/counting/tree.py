"""The inputs of a task that have a label, in the order of their tokens, without lost subtrees."""

from collections.abc import Iterator, Sequence

from tasks.task import Task


def labelled(task: Task, first: Sequence[int] = ()) -> Iterator[tuple[list[int], int]]:
    """Yield each input that begins with these tokens and has a label, and the label.

    Tokens are counted from the first of their position. A subtree is skipped where the rule says
    that the tokens read so far end in no label. The list that is yielded changes afterwards.
    """
    positions, reads, rule = task.positions, set(task.reads), task.rule
    possible = getattr(rule, "possible", None)
    last = len(positions) - 1
    tokens: list[int] = []
    places: list[int] = []

    def below(place: int) -> Iterator[tuple[list[int], int]]:
        span = positions[place]
        for token in span if place >= len(first) else (span[first[place]],):
            places.append(token - span.start)
            if place in reads:
                tokens.append(token)
            if possible is None or place not in reads or possible(tokens):
                if place < last:
                    yield from below(place + 1)
                else:
                    label = rule.label(tokens)
                    if label is not None:
                        yield places, label
            places.pop()
            if place in reads:
                tokens.pop()

    yield from below(0)
