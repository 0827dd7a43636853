"""Acceptors (T13): the inputs of one label as canonical graphs by level.

A state of level i has read the query and the tokens at positions 0..i-1. States from which no end
with the label can be reached are left out, and states of a level that accept the same rest are one.
So two queries have equal classes, as sets of free tokens, exactly if they start in the same state.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from files.verdict import decline_unless
from tasks.rule import Rule, State
from tasks.task import Task

MAX_ARCS = 2**20
# Any token of the range leads to the state of the next level.
Arc = tuple[int, range]


class Acceptor(NamedTuple):
    """The free tokens of the inputs with one label: arcs by level and source, one end, state 0.

    `starts` maps each query that has the label on some input to its first state. `sizes` are the
    completions of each state by level.
    """

    label: int
    levels: list[list[list[Arc]]]
    starts: dict[int, int]
    sizes: list[list[int]]

    @property
    def size(self) -> int:
        """How many inputs have the label."""
        return sum(self.sizes[0][start] for start in self.starts.values())


class Class(NamedTuple):
    """The inputs with one query and one label: the paths of the acceptor from `start` to its end.

    Equal `start` of one acceptor means equal free tokens.
    """

    query: int
    start: int
    acceptor: Acceptor


def acceptors(task: Task) -> Iterator[Acceptor]:
    """Yield the acceptor of each label: their classes partition the inputs (T13).

    The sizes of all classes have to add up to the number of inputs: no class is lost.
    """
    counted = 0
    for label in task.labels:
        acceptor = accepted(task.rule, label, task.positions, task.reads)
        counted += acceptor.size
        if acceptor.starts:
            yield acceptor
    if counted != task.total:
        raise ArithmeticError(f"the classes hold {counted} of {task.total} inputs")


def accepted(rule: Rule, label: int, positions: Sequence[range], reads: Sequence[int]) -> Acceptor:
    """Return the acceptor of a label over the product of the positions' tokens, the query's last.

    `reads` are the positions that the rule reads, ascending.
    """
    free = len(positions) - 1
    index = {position: place for place, position in enumerate(reads)}

    def moves(state: State, position: int) -> list[tuple[range, State | None]]:
        tokens = positions[position]
        if position not in index:
            return [(tokens, state)]
        kinds = rule.kinds(label, tokens)
        return [(kind, rule.step(label, state, index[position], kind[0])) for kind in kinds]

    first = moves(rule.start(label), free)
    raw: list[list[State]] = [list(dict.fromkeys(state for _, state in first if state is not None))]
    steps = []
    for position in range(free):
        steps.append([moves(state, position) for state in raw[-1]])
        arcs = sum(map(len, steps[-1]))
        decline_unless(arcs <= MAX_ARCS, "limit", f"claim.task: more than {MAX_ARCS} arcs a level.")
        found = (state for row in steps[-1] for _, state in row if state is not None)
        raw.append(list(dict.fromkeys(found)))
    names: dict[State, int] = {state: 0 for state in raw[-1] if rule.accepts(label, state)}
    levels: list[list[list[Arc]]] = []
    sizes = [[1]]
    for states, rows in zip(reversed(raw[:-1]), reversed(steps), strict=True):
        names, level = _merged(states, rows, names)
        levels.append(level)
        following = sizes[-1]
        sizes.append([sum(len(span) * following[target] for target, span in row) for row in level])
    starts = {q: names[state] for kind, state in first if state in names for q in kind}
    return Acceptor(label, levels[::-1], starts, sizes[::-1])


def _merged(
    states: list[State], rows: list[list[tuple[range, State | None]]], names: dict[State, int]
) -> tuple[dict[State, int], list[list[Arc]]]:
    """Return the numbers of a level's states, and their arcs to the numbered states of the next.

    States with the same arcs share a number; a state without any has none.
    """
    numbers: dict[tuple[Arc, ...], int] = {}
    found: dict[State, int] = {}
    for state, row in zip(states, rows, strict=True):
        arcs = _joined([(names[target], kind) for kind, target in row if target in names])
        if arcs:
            found[state] = numbers.setdefault(arcs, len(numbers))
    return found, list(map(list, numbers))


def _joined(arcs: list[Arc]) -> tuple[Arc, ...]:
    """Return the arcs with neighbouring tokens of the same target as one."""
    joined: list[Arc] = []
    for target, kind in arcs:
        if joined and joined[-1][0] == target and joined[-1][1].stop == kind.start:
            kind = range(joined.pop()[1].start, kind.stop)
        joined.append((target, kind))
    return tuple(joined)
