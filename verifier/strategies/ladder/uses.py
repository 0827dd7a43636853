"""What a ladder's proof uses: which classes are cleared, counted or given up, and with what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.wrong_count import WrongCount
from ballproof.verifier.strategies.ladder.bound import Node, Tree, joined_cells
from ballproof.verifier.strategies.ladder.pools import (
    Integer,
    LabelTables,
    PoolShape,
    PrefixExtremes,
    Tables,
)

# What becomes of a class. A class is cleared by its worst case: no rival can win there (T3).
CLEARED, CLEARED_ALONE, COUNTED, GIVEN_UP = (
    "cleared with other queries",
    "cleared alone",
    "counted",
    "given up",
)
STATES = (CLEARED, CLEARED_ALONE, COUNTED, GIVEN_UP)


@dataclass(frozen=True)
class ClassUse:
    """A class, its inputs of one label and query, and what the proof does with them.

    `apart` are the tokens that its finest table tells apart, `lost` the inputs that may be wrong,
    `rules` those that count it.
    """

    label: int
    query: int
    size: int
    state: str
    lost: int
    apart: int
    rules: tuple[str, ...] = ()


@dataclass
class LadderUse:
    """All classes of a ladder's certificate, in the order of labels and queries.

    `pools` are the pools that are looked at, `tables` the tables that clear their rivals together.
    """

    total: int
    classes: list[ClassUse] = field(default_factory=list)
    pools: int = 0
    tables: int = 0

    @property
    def lost(self) -> int:
        """How many inputs may be wrong: the bound is `total` less these."""
        return sum(one.lost for one in self.classes)

    def of(self, state: str) -> list[ClassUse]:
        """Return the classes of a state."""
        return [one for one in self.classes if one.state == state]

    def rules(self) -> Counter[str]:
        """Return how many classes each rule counts."""
        return Counter(rule for one in self.classes for rule in one.rules)


def ladder_use(problem: Problem, witness: dict[str, Any], progress: Progress) -> LadderUse:
    """Return what a ladder's witness uses; what it loses is what `count_wrong` counts."""
    prefixes, task, use = PrefixExtremes(problem), problem.task, LadderUse(problem.total)
    trees = dict(witness["labels"])
    for done, label in enumerate(task.labels, start=1):
        acceptors = task.acceptors(label)
        if label not in task.answers:
            use.classes += [
                ClassUse(label, q, a.size, GIVEN_UP, a.size, 0) for q, a in acceptors.items()
            ]
        elif len(task.answers) > 1 and acceptors:
            reader = _Reader(LabelTables(prefixes, label), use)
            nodes = trees.get(label, [])
            reader.subpools(list(reader.tables.acceptors), nodes, reader.tables.rivals, {})
            use.classes += reader.classes()
        progress(done, len(task.labels))
    return use


class _Reader(Tree):
    """Follows the tree of one label, and keeps what it finds of each query."""

    def __init__(self, tables: LabelTables, use: LadderUse) -> None:
        super().__init__(tables)
        self.use = use
        self.shapes: dict[int, PoolShape] = {}
        self.lost: dict[int, int] = {}
        self.counted: dict[int, tuple[str, ...]] = {}

    def classes(self) -> list[ClassUse]:
        """Return the classes of the label."""
        return [self._class(query) for query in sorted(self.tables.acceptors)]

    def _class(self, query: int) -> ClassUse:
        shape, rules = self.shapes.get(query), self.counted.get(query, ())
        size, lost = self.tables.size(query), self.lost.get(query, 0)
        if rules:
            state = COUNTED
        elif lost:
            state = GIVEN_UP
        else:
            state = CLEARED_ALONE if shape is not None and shape.one_query else CLEARED
        spans = self.tables.spans(shape) if shape is not None and state != GIVEN_UP else ()
        apart = sum(first == last for first, last in spans)
        return ClassUse(self.label, query, size, state, lost, apart, rules)

    def _node(self, node: Node, queries: list[int], rivals: Integer) -> WrongCount:
        self.use.pools += 1
        self.use.tables += len(node["joint_rivals"])
        joined = joined_cells(node)
        shape = PoolShape(queries[0], queries[-1], joined, bool(node["per_position"]))
        self.shapes.update(dict.fromkeys(queries, shape))
        return super()._node(node, queries, rivals)

    def _given_up(self, query: int) -> WrongCount:
        self.lost[query] = self.tables.size(query)
        return super()._given_up(query)

    def _count(self, node: Node, shape: PoolShape, rivals: Integer, upper: Tables) -> WrongCount:
        found = super()._count(node, shape, rivals, upper)
        queries = range(shape.first, shape.last + 1)
        rules = tuple(sorted({group["rule"] for group in node["groups"]}))
        for query in queries:
            if query in self.tables.acceptors:
                self.counted[query] = rules
                self.lost[query] = found.possible // len(queries)
        return found
