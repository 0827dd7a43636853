"""Acceptors: the inputs of a class as the paths of a small graph, and folds over them (T13)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ballproof.models.tasks.rule import Rule, State

Value = TypeVar("Value")
Runs = tuple[tuple[int, int, State], ...]


@dataclass(frozen=True)
class Arc:
    """The tokens first..past-1 lead from a state of one level to a state of the next."""

    source: int
    target: int
    first: int
    past: int

    @property
    def size(self) -> int:
        """Return the number of its tokens."""
        return self.past - self.first


@dataclass(frozen=True)
class Acceptor:
    """The canonical acceptor of a set of sequences of n tokens.

    `arcs[i]` are the arcs from level i to level i+1, by source and token, of as many tokens as
    possible each. `states[i]` is the number of states of level i, 0 <= i <= n. State 0 of level 0
    is the start, state 0 of level n the end: both levels have no other. Every state is reached
    and reaches the end; states of one level accept different rests; they are numbered as the arcs
    reach them. So acceptors are equal, as objects, exactly if they accept the same sequences.
    """

    arcs: tuple[tuple[Arc, ...], ...]
    states: tuple[int, ...]

    @cached_property
    def completions(self) -> tuple[tuple[int, ...], ...]:
        """Number of ways from each state of each level to the end."""
        return tuple(map(tuple, folded(self, 1, 0, lambda a, b: a + b, _sized)))

    @property
    def size(self) -> int:
        """Number of sequences that are accepted."""
        return self.completions[0][0]

    def targets(self, level: int, d_vocab: int) -> npt.NDArray[np.int64]:
        """Return the state that each token leads to from each state of a level, -1 for none.

        Shape (states of the level, d_vocab).
        """
        table = np.full((self.states[level], d_vocab), -1, dtype=np.int64)
        for arc in self.arcs[level]:
            table[arc.source, arc.first : arc.past] = arc.target
        return table

    @cached_property
    def kinds(self) -> tuple[range, ...]:
        """The longest ranges of tokens that have equal arcs at every level, ascending.

        Tokens without any arc are left out. Tokens apart may be of one kind, in several ranges.
        """
        ends = sorted({end for arcs in self.arcs for arc in arcs for end in (arc.first, arc.past)})
        ranges = (range(first, past) for first, past in pairwise(ends))
        return tuple(each for each in ranges if self.moves(each.start))

    def moves(self, token: int) -> frozenset[tuple[int, int, int]]:
        """Return the arcs of a token: level, source, target. Equal for tokens that are alike."""
        return frozenset(
            (level, arc.source, arc.target)
            for level, arcs in enumerate(self.arcs)
            for arc in arcs
            if arc.first <= token < arc.past
        )


def folded(
    acceptor: Acceptor,
    one: Value,
    zero: Value,
    plus: Callable[[Value, Value], Value],
    entry: Callable[[int, Arc, Value], Value],
) -> list[list[Value]]:
    """Return, for each state of each level, the sum over its ways to the end.

    `entry(i, arc, rest)` is the sum over the arc's tokens t of y_i(t) times `rest`, the value of
    its target; `plus` adds, `zero` is the empty sum and `one` the value of the end.
    """
    levels = [[one]]
    for level in reversed(range(len(acceptor.arcs))):
        values = [zero] * acceptor.states[level]
        for arc in acceptor.arcs[level]:
            term = entry(level, arc, levels[0][arc.target])
            values[arc.source] = plus(values[arc.source], term)
        levels.insert(0, values)
    return levels


def acceptors(
    rule: Rule, wanted: int, positions: Sequence[range], reads: Sequence[int]
) -> dict[int, Acceptor]:
    """Return, for each query, the acceptor of the other tokens of the inputs with this label.

    Queries without such an input are left out; queries with the same acceptor share the object.
    """
    place = {position: number for number, position in enumerate(reads)}
    last = len(positions) - 1
    starts = {q: _step(rule, wanted, rule.start(wanted), place.get(last), q) for q in positions[-1]}
    reached: set[State] = {state for state in starts.values() if state is not None}
    levels = []
    for i in range(last):
        if i in place:
            runs = {s: _runs(rule, wanted, s, place[i], positions[i]) for s in reached}
        else:
            runs = {s: ((positions[i].start, positions[i].stop, s),) for s in reached}
        levels.append(runs)
        reached = {target for each in runs.values() for _, _, target in each}
    numbers: dict[State, int] = {s: 0 for s in reached if rule.accepts(wanted, s)}
    merged: list[list[Runs]] = []
    for runs in reversed(levels):
        numbers, rows = _merged(runs, numbers)
        merged.insert(0, rows)
    made = {number: _numbered(merged, number) for number in sorted(set(numbers.values()))}
    return {q: made[numbers[s]] for q, s in starts.items() if s in numbers}


def _sized(level: int, arc: Arc, rest: int) -> int:
    return arc.size * rest


def _step(rule: Rule, wanted: int, state: State, place: int | None, token: int) -> State:
    if place is None or state is None:
        return state
    return rule.step(wanted, state, place, token)


def _runs(rule: Rule, wanted: int, state: State, place: int, tokens: range) -> Runs:
    return _joined((t, t + 1, rule.step(wanted, state, place, t)) for t in tokens)


def _joined(pieces: Iterable[tuple[int, int, State]]) -> Runs:
    """Return the pieces that lead anywhere; neighbours with one target become one."""
    runs: list[tuple[int, int, State]] = []
    for first, past, target in pieces:
        if target is None:
            continue
        if runs and runs[-1][1:] == (first, target):
            runs[-1] = (runs[-1][0], past, target)
        else:
            runs.append((first, past, target))
    return tuple(runs)


def _merged(
    runs: dict[State, Runs], numbers: dict[State, int]
) -> tuple[dict[State, int], list[Runs]]:
    """Return numbers for the states of a level, equal for states that accept the same rests.

    `numbers` are those of the next level; a state that is not among them does not reach the end.
    """
    rows: dict[Runs, int] = {}
    found: dict[State, int] = {}
    for state, each in runs.items():
        row = _joined((first, past, numbers.get(target)) for first, past, target in each)
        if row:
            found[state] = rows.setdefault(row, len(rows))
    return found, list(rows)


def _numbered(merged: list[list[Runs]], start: int) -> Acceptor:
    """Return what is reached from this state of level 0, numbered as it is reached."""
    sources: list[State] = [start]
    arcs, states = [], [1]
    for rows in merged:
        targets: dict[State, int] = {}
        level = []
        for source, old in enumerate(sources):
            for first, past, target in rows[old]:
                number = targets.setdefault(target, len(targets))
                level.append(Arc(source, number, first, past))
        arcs.append(tuple(level))
        sources = list(targets)
        states.append(len(sources))
    return Acceptor(tuple(arcs), tuple(states))
