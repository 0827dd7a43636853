"""What a sequence truly is: its logits from the definition of the model, its sign exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint

from ballproof.interval.ball import certainly_negative, precision
from ballproof.models.forward import evaluate
from ballproof.models.weights import Weights
from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.counting.signs import wrong

FIRST_BITS = 128
LAST_BITS = 8_192


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One sequence, evaluated exactly.

    `right` is None where no precision decides. `lead` encloses the label's logit less the best
    rival's, before any margin is taken off; it is None without a rival, or without finite bounds.
    """

    sequence: tuple[int, ...]
    maximum: int
    rival: int | None
    right: bool | None
    lead: flint.arb | None
    logits: tuple[flint.arb, ...]

    @property
    def size(self) -> float:
        """The lead to the nearest float, for sorting and for print."""
        return float("inf") if self.lead is None else float(self.lead.mid())

    def fields(self) -> dict[str, Any]:
        """Return the judgement for machines; the logits of the maximum and of the rival."""
        named = {"maximum": self.maximum} | ({} if self.rival is None else {"rival": self.rival})
        return {
            "sequence": list(self.sequence),
            "maximum": self.maximum,
            "rival": self.rival,
            "right": self.right,
            "lead": None if self.lead is None else self.lead.str(20, radius=False),
            "logits": {
                name: self.logits[token].str(20, radius=False)
                for name, token in named.items()
                if self.logits
            },
        }


class Evaluator:
    """Evaluates sequences of one model at one margin."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def __call__(self, sequence: Sequence[int]) -> Evaluation:
        """Return what the sequence is.

        The logits come from the forward pass, in balls. Rivals that these do not decide, exact ties
        among them, are settled by T1 in exact arithmetic (`counting.signs`): a tie is wrong.
        """
        tokens, m = tuple(sequence), max(sequence)
        rivals = [j for j in range(self.problem.shape.d_vocab) if j != m]
        logits = _logits(self.problem.weights, tokens)
        if not rivals:
            return Evaluation(tokens, m, None, True, None, logits)
        if not logits:
            return Evaluation(tokens, m, None, _right(self.problem, tokens, rivals), None, ())
        with precision(FIRST_BITS):
            leads = {j: logits[m] - logits[j] for j in rivals}
            gaps = {j: lead - _ball(self.problem.margin) for j, lead in leads.items()}
        rival = min(rivals, key=lambda j: float(leads[j].mid()))
        open_ = [j for j, gap in gaps.items() if not gap > 0]
        if any(certainly_negative(gaps[j]) for j in open_):
            right: bool | None = False
        else:
            right = _right(self.problem, tokens, open_) if open_ else True
        return Evaluation(tokens, m, rival, right, leads[rival], logits)


def _logits(weights: Weights, sequence: Sequence[int]) -> tuple[flint.arb, ...]:
    """Return enclosures of all logits, or nothing where LAST_BITS give no finite ones."""
    bits = FIRST_BITS
    while bits <= LAST_BITS:
        try:
            return tuple(evaluate(weights, sequence, bits))
        except ValueError:
            bits *= 4
    return ()


def _right(problem: Problem, sequence: Sequence[int], rivals: Sequence[int]) -> bool | None:
    verdict = wrong(problem, sequence, rivals)
    return None if verdict is None else not verdict


def _ball(number: Fraction) -> flint.arb:
    return flint.arb(flint.fmpq(number.numerator, number.denominator))
