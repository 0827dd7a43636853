"""Every input evaluated by one fixed-point program, with more bits where it leaves a doubt (M2).

An input is right if the lead of its label over the strongest other answer exceeds the margin, so
that ties are wrong. Where no exponential occurs the last doubts are settled in exact integers; else
they count as wrong for the lower end and as right for the upper one.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from arithmetic.tally import Tally
from counting.exact_program import Exact
from counting.fixed_point import FixedPoint
from files.claims import Claim, Counts
from files.verdict import decline_unless
from files.witness import demand, small
from parts.program import Program

MOST_PASSES, LANES, WIDEST, MOST_UNIT = 4, 64, 1024, 2**17


class Decision(NamedTuple):
    """Whether an input is right, None if open; its lead and the lead's error, over 2**unit."""

    right: bool | None
    lead: int
    error: int
    unit: int
    width: int


def read(claim: Claim) -> int:
    """Return the number of passes, each with lanes twice as wide as the one before."""
    demand(claim.witness.keys() == {"passes"}, "the number of passes is expected.")
    passes = small(claim.witness["passes"], 1, MOST_PASSES)
    fits = claim.precision % LANES == 0 and claim.precision << passes - 1 <= WIDEST
    demand(fits, f"lanes have a multiple of {LANES} bits, and {WIDEST} at most.")
    return passes


def count_right(program: Program, passes: int, claim: Claim, tally: Tally) -> Counts:
    """Return how many inputs are right, at least and at most."""
    task, evaluator = claim.task, Evaluator(program, passes, claim, tally)
    right = still_open = 0
    for tokens in inputs(task.positions):
        label = task.rule.label([tokens[position] for position in task.reads])
        if label not in task.answers:
            continue
        found = evaluator.decide(tokens, label).right if len(task.answers) > 1 else True
        right += found is True
        still_open += found is None
    return right, right + still_open


def inputs(positions: Sequence[range]) -> Iterator[tuple[int, ...]]:
    """Yield every input, those of one query after each other."""
    for query in positions[-1]:
        for others in product(*positions[:-1]):
            yield (*others, query)


class Evaluator:
    """Decides inputs, with passes that are made where they are needed."""

    def __init__(self, program: Program, passes: int, claim: Claim, tally: Tally) -> None:
        self.program, self.claim, self.tally = program, claim, tally
        self.widths = [claim.precision << i for i in range(passes)]
        self.made: list[tuple[FixedPoint, int]] = []
        self.exact: Exact | None = None
        # The first pass looks at every input: what that counts is known before.
        if len(claim.task.answers) > 1:
            self._pass(0)
            self.tally.charge(self.made[0][0].cost() * claim.total)

    def decide(self, tokens: Sequence[int], label: int) -> Decision:
        """Return what becomes of an input, whose label is an answer and has rivals."""
        answers, spans = self.claim.task.answers, self.claim.task.positions
        places = [token - span.start for token, span in zip(tokens, spans, strict=True)]
        column, decision = label - answers.start, Decision(None, 0, 0, 0, self.widths[-1])
        for number, width in enumerate(self.widths):
            fixed, least = self._pass(number)
            if number:
                self.tally.charge(fixed.cost())
            outputs = fixed.evaluate(places)
            if outputs is not None:
                lead = lead_of(outputs.values, column)
                right = True if lead - outputs.error > least else None
                right = False if lead + outputs.error <= least else right
                decision = Decision(right, lead, outputs.error, fixed.unit, width)
            if decision.right is not None:
                return decision
        return decision if self.program.heads else self._exactly(places, column)

    def _exactly(self, places: Sequence[int], column: int) -> Decision:
        self.exact = self.exact or Exact(self.program, self.tally)
        lead = lead_of(self.exact.outputs(places), column)
        (n, d), unit = self.claim.margin, -self.exact.exponent
        right = lead * d << max(-unit, 0) > n * self.program.scale << max(unit, 0)
        return Decision(right, lead, 0, unit, 0)

    def _pass(self, number: int) -> tuple[FixedPoint, int]:
        """Return a pass and the margin in its unit, rounded down."""
        if number == len(self.made):
            fixed = FixedPoint(self.program, self.widths[number], self.tally)
            n, d = self.claim.margin
            n, unit = n * self.program.scale, fixed.unit
            decline_unless(abs(unit) <= MOST_UNIT, "limit", "weights: numbers too far from 1.")
            least = (n << unit) // d if unit >= 0 else n // (d << -unit)
            self.made.append((fixed, least))
        return self.made[number]


def lead_of(values: Sequence[int], column: int) -> int:
    """Return by how much a column exceeds the largest other one."""
    return values[column] - max([*values[:column], *values[column + 1 :]])
