"""What a witness of thresholds, intervals and boxes shows (T14, T15, T7, T6)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ballproof.models.tasks import Acceptor, Class
from ballproof.verifier.counting.goal import Progress
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.relaxed.evaluation import Evaluation, float_of
from ballproof.verifier.counting.relaxed.graphs import Graph, graph_of
from ballproof.verifier.counting.relaxed.grids import at_least_zero
from ballproof.verifier.counting.relaxed.ratios import Columns, region_of
from ballproof.verifier.counting.relaxed.relaxation import leads_of, neuron_columns, verified
from ballproof.verifier.counting.relaxed.stated import stated_of
from ballproof.verifier.counting.relaxed.summands import FAINT, Floats, Summands, faint_of
from ballproof.verifier.counting.relaxed.walks import Walk
from ballproof.verifier.counting.wrong_count import NOTHING, WrongCount

Witness = dict[str, Any]
# Of a grid's count the prover claims this share more: the checker's grids are rounded otherwise.
CUSHION = 2.0**-8
# Of the checker's tables of grids, which have 64 bits.
FAINT_OF_GRIDS = faint_of(64)


@dataclass(frozen=True, eq=False)
class Relaxed:
    """A problem as summands, and what is kept of its classes."""

    problem: Problem

    @cached_property
    def summands(self) -> Summands:
        """The summands of the program."""
        return Summands(self.problem.program)

    @cached_property
    def eps(self) -> float:
        """The margin in the program's columns."""
        return float_of(self.problem.margin * self.problem.program.denominator)

    @cached_property
    def evaluation(self) -> Evaluation:
        """What decides single inputs."""
        return Evaluation(self.summands, self.problem.enumeration, self.eps)

    @cached_property
    def _graphs(self) -> dict[int, tuple[Acceptor, Graph]]:
        return {}

    def graph(self, acceptor: Acceptor) -> Graph:
        """Return the graph of a class; kept."""
        if id(acceptor) not in self._graphs:
            self._graphs[id(acceptor)] = acceptor, graph_of(acceptor, self.spans)
        return self._graphs[id(acceptor)][1]

    @property
    def spans(self) -> tuple[range, ...]:
        """The tokens of the free positions."""
        return self.problem.task.positions[:-1]

    def query(self, class_: Class) -> int:
        """Return the place of a class's query."""
        return class_.query - self.problem.task.positions[-1].start


def wrong_in(relaxed: Relaxed, witness: Witness, progress: Progress) -> WrongCount:
    """Return how many inputs are wrong: those of a class that the witness leaves out may all be."""
    problem, wrong = relaxed.problem, NOTHING
    stated = {(each["query"], each["label"]): each for each in witness["classes"]}
    unit, rate = 2.0 ** witness["unit"], witness.get("rate")
    done, every = 0, sum(len(problem.task.acceptors(label)) for label in problem.task.labels)
    for label in problem.task.labels:
        own = problem.column(label)
        for class_ in problem.task.classes_of(label):
            found = stated.get((class_.query, label))
            if own is None:
                wrong += WrongCount(class_.size, class_.size)
            elif found is None:
                wrong += WrongCount(0, class_.size)
            else:
                wrong += count_class(relaxed, class_, found, unit, rate)
            done += 1
        progress(done, every)
    return wrong


def count_class(
    relaxed: Relaxed, class_: Class, found: Witness, unit: float, rate: int | None
) -> WrongCount:
    """Return how many inputs of a class are wrong, by a walk and evaluation or by grids."""
    summands, graph = relaxed.summands, relaxed.graph(class_.acceptor)
    query, own = relaxed.query(class_), class_.label - relaxed.problem.task.answers.start
    shape = summands.count, summands.neurons, relaxed.problem.answers
    stated, region = stated_of(found, shape, unit), region_of(summands, query, graph)
    if not verified(neuron_columns(region), stated.intervals, FAINT).all():
        return WrongCount(0, class_.size)
    leads = leads_of(region, own, relaxed.eps, stated.intervals)
    last = -(leads.constant + stated.thresholds.sum(axis=0))
    thresholds = np.concatenate([stated.thresholds, last[None]])
    if rate is None:
        walk = living(leads.columns, thresholds, own, FAINT)
        return relaxed.evaluation.count(query, own, walk.inputs())
    walk = living(leads.columns, thresholds, own, FAINT_OF_GRIDS)
    lost = grid_count(walk, rate) * (1 + CUSHION)
    return WrongCount(0, class_.size if lost >= class_.size else int(lost))


def living(columns: Columns, thresholds: Floats, own: int, faint: float) -> Walk:
    """Return the walk of the rivals that some summand does not clear."""
    free, mine = columns.above(thresholds, faint)
    alive = Walk(columns.region.graph, free, mine).alive()
    alive[own] = False
    return Walk(columns.region.graph, [x[..., alive] for x in free], mine[:, alive])


def grid_count(walk: Walk, rate: int) -> float:
    """Return the sum over columns and summands of the inputs with a sum that may be >= 0 (T6)."""
    counts = (
        at_least_zero(walk, h, rate)[~(walk.largest[h] < 0)].sum() for h in range(len(walk.own))
    )
    return float(sum(counts))
