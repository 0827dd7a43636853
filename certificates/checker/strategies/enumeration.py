"""Every input evaluated by one fixed-point program, with more bits where it leaves a doubt (M2).

An input is right if the lead of its label over the strongest other answer exceeds the margin, so
that ties are wrong. Where no exponential occurs the last doubts are settled in exact integers; else
they count as wrong for the lower end and as right for the upper one.
"""

from collections.abc import Sequence

from arithmetic.tally import Tally
from counting.exact_program import Exact
from counting.fixed_point import FixedPoint
from counting.inputs import Decision, counted, decided, lead_of, margin_at
from files.claims import Claim, Counts
from files.witness import demand, small
from parts.program import Program

MOST_PASSES, LANES, WIDEST = 4, 64, 1024


def read(claim: Claim) -> int:
    """Return the number of passes, each with lanes twice as wide as the one before."""
    demand(claim.witness.keys() == {"passes"}, "the number of passes is expected.")
    passes = small(claim.witness["passes"], 1, MOST_PASSES)
    fits = claim.precision % LANES == 0 and claim.precision << passes - 1 <= WIDEST
    demand(fits, f"lanes have a multiple of {LANES} bits, and {WIDEST} at most.")
    return passes


def count_right(program: Program, passes: int, claim: Claim, tally: Tally) -> Counts:
    """Return how many inputs are right, at least and at most."""
    evaluator = Evaluator(program, passes, claim, tally)
    if len(claim.task.answers) > 1:
        # The first pass looks at every input: what that counts is known before.
        tally.charge(evaluator.cost() * claim.task.sequences)
    return counted(claim, lambda places, column: evaluator.decide(places, column).right)


class Evaluator:
    """Decides inputs, with passes that are made where they are needed.

    `shared`: whether other processes decide inputs as well.
    """

    def __init__(self, program: Program, passes: int, claim: Claim, tally: Tally) -> None:
        self.program, self.claim, self.tally = program, claim, tally
        self.scale = program.scale
        self.widths = [claim.precision << i for i in range(passes)]
        self.made: list[tuple[FixedPoint, int]] = []
        self.exact: Exact | None = None
        self.shared = False

    def cost(self) -> int:
        """Return what an input counts in the first pass; the caller charges it."""
        return self._pass(0)[0].cost()

    def decide(self, places: Sequence[int], column: int) -> Decision:
        """Return what becomes of an input, with the column of its label, which has rivals.

        Passes after the first are charged here.
        """
        decision = Decision(None, 0, 0, 0, self.widths[-1])
        for number, width in enumerate(self.widths):
            fixed, least = self._pass(number)
            if number:
                self.tally.charge(fixed.cost())
            outputs = fixed.evaluate(places)
            if outputs is not None:
                lead = lead_of(outputs.values, column)
                right = decided(lead - outputs.error, lead + outputs.error, least)
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
            spent = self.tally.spent
            fixed = FixedPoint(self.program, self.widths[number], self.tally)
            if self.shared:
                self.tally.charge_once((number,), self.tally.spent - spent)
                self.tally.spent = spent
            self.made.append((fixed, margin_at(self.claim, self.program.scale, fixed.unit)))
        return self.made[number]
