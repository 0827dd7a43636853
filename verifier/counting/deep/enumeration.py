"""Every input of a deep model: in doubles by prefixes, singly in balls where it stays open."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from ballproof.interval.ball import exact
from ballproof.models.architectures import Weights
from ballproof.models.forward import evaluate
from ballproof.models.tasks import Task
from ballproof.verifier.counting.deep.choice import Chosen, Sample, choose
from ballproof.verifier.counting.deep.ends import Leads, leads
from ballproof.verifier.counting.deep.estimate import Estimate
from ballproof.verifier.counting.deep.model import DeepModel, arrays_of, deep_model
from ballproof.verifier.counting.deep.passes import logits
from ballproof.verifier.counting.deep.rounding import Uncertain
from ballproof.verifier.counting.deep.sampling import Nearest, Sampler
from ballproof.verifier.counting.fixed_point import Settled
from ballproof.verifier.counting.goal import Progress, silent
from ballproof.verifier.counting.inputs import NO_ANSWER, Evaluated, Inputs, Tokens
from ballproof.verifier.counting.wrong_count import WrongCount

# Numbers that a block keeps at a time, and sequences whose labels are asked for at once.
BLOCK, LABELLED = 1 << 22, 1 << 16
# Open inputs that are evaluated singly in all, and at how many bits.
MOST_SINGLE = 1_000
BITS = (128, 256, 512)
# Right inputs with the least leads that are evaluated again where the least of all is asked for.
MOST_REFINED = 32


class Labelled(NamedTuple):
    """Inputs (N, k) with a label, by their places, the labels' columns (N,), and how far it is."""

    tokens: Tokens
    own: NDArray[np.int64]
    done: int


class Counted(NamedTuple):
    """The count of wrong inputs, and which of the right ones have the least leads.

    `lowest` are right inputs with lower bounds of their leads; no others have lower ones. No lead
    is above `most`. The sample is for the choice of bits.
    """

    wrong: WrongCount
    lowest: Nearest
    most: float
    sample: Sample


class DeepEnumeration:
    """The inputs of a task's domain: both ends of the count, and leads.

    Theorem (T16): a lead that exceeds the margin by more than its radius is of a right input, one
    that is below it by as much of a wrong one. What is open in doubles is evaluated by the model's
    definition in balls, so many inputs at most; what is open then counts as wrong at one end and as
    right at the other. Counts are kept.
    """

    def __init__(self, weights: Weights, task: Task, margin: Fraction) -> None:
        self.weights, self.task, self.margin = weights, task, margin
        self.inputs = Inputs(task)

    @cached_property
    def model(self) -> DeepModel:
        """The model in doubles."""
        parts = self.weights.architecture.parts
        return deep_model(parts, arrays_of(self.weights), self.weights.shape.n_ctx)

    def count(self, progress: Progress) -> WrongCount:
        """Return how many inputs are wrong, at least and at most."""
        return self.counted(progress).wrong

    def counted(self, progress: Progress) -> Counted:
        """Return the count and the least lead, which are kept."""
        if self._kept is None:
            self._kept = self._count(progress)
        return self._kept

    _kept: Counted | None = None

    def _count(self, progress: Progress) -> Counted:
        certain = possible = 0
        most, singles = -np.inf, MOST_SINGLE
        sampler, lowest = Sampler(self.task.product), Nearest(MOST_REFINED + 1)
        for block in self.blocks():
            lost = int((block.own == NO_ANSWER).sum())
            tokens, own = block.tokens[block.own >= 0], block.own[block.own >= 0]
            certain, possible = certain + lost, possible + lost
            if len(own) and self.answers > 1:
                found = self.leads_of(tokens, own)
                singles -= self._settle(found, tokens, own, singles)
                settled = found.settled(self.margin)
                certain += int(settled.wrong.sum())
                possible += int((~settled.right).sum())
                lowest.take(found.least[settled.right], tokens[settled.right])
                # NaN, where nothing is known, stays.
                most = float(np.maximum(most, found.most.max()))
                sampler.take(self.inputs.named(tokens), found, float(self.margin))
            progress(block.done, self.task.product)
        return Counted(WrongCount(certain, possible), lowest, most, sampler.sample())

    def least_lead(self, progress: Progress) -> float | None:
        """Return a lower bound of the lead of every input that is right, None if there is none.

        The inputs with the least bounds in doubles are evaluated again in balls: the bound is a few
        units in the last place below the truth, unless more inputs than these are as near to it.
        """
        lowest = self.counted(progress).lowest
        if lowest.inputs is None or not len(lowest.inputs):
            return None
        tokens, own = lowest.inputs, self.inputs.columns(lowest.inputs)
        bounds = [float(number) for number in lowest.numbers]
        for place in range(min(len(bounds), MOST_REFINED)):
            sequence = self.inputs.named(tokens[place]).tolist()
            least, _ = self._single(sequence, int(own[place]), BITS[-1])
            bounds[place] = max(bounds[place], least)
        return min(bounds)

    def radius_there(self, progress: Progress) -> float:
        """Return what the checker's last pass is off by on the inputs of the least leads, at most.

        An estimate; infinite where it does not tell.
        """
        lowest = self.counted(progress).lowest
        if lowest.inputs is None or not len(lowest.inputs):
            return np.inf
        estimate = Estimate(self.model, self.inputs.named(lowest.inputs))
        radius = estimate.of(self.witness(progress).passes[-1]).radius
        return float(np.max(radius, initial=0.0))

    def answered(self) -> int:
        """Return how many inputs have a label among the answers."""
        return sum(int((block.own >= 0).sum()) for block in self.blocks())

    def reach(self) -> int | None:
        """Return a whole number above every lead, None where a lead is not bounded in doubles."""
        most = self.counted(silent).most
        return max(int(np.ceil(most)) + 1, 1) if np.isfinite(most) else None

    @property
    def operations(self) -> int:
        """Multiplications of one input, prefixes not shared."""
        numbers = sum(x.shape[0] * x.shape[1] for x in self.weights.tensors.values())
        return 2 * numbers * self.weights.shape.n_ctx

    def witness(self, progress: Progress) -> Chosen:
        """Return the passes of fixed point that suffice for the checker."""
        sample = self.counted(progress).sample
        return choose(Estimate(self.model, sample.inputs), sample)

    def blocks(self) -> Iterator[Labelled]:
        """Yield the inputs that have a label, in lexicographic order, as many as a block holds."""
        tokens: list[Tokens] = []
        columns: list[NDArray[np.int64]] = []
        done, held = 0, 0
        for part in self.inputs.blocks(max(self.rows, LABELLED if self.task.rule.partial else 1)):
            own, done = self.inputs.columns(part), done + len(part)
            labelled = own >= NO_ANSWER if not self.task.rule.partial else own != -1
            tokens.append(part[labelled])
            columns.append(own[labelled])
            held += len(tokens[-1])
            if held >= self.rows or done == self.task.product:
                yield from self._cut(np.concatenate(tokens), np.concatenate(columns), done)
                tokens, columns, held = [], [], 0

    def _cut(self, tokens: Tokens, own: NDArray[np.int64], done: int) -> Iterator[Labelled]:
        """Yield blocks of one size at most; the last tells how far it is."""
        for start in range(0, max(len(own), 1), self.rows):
            part = slice(start, start + self.rows)
            yield Labelled(tokens[part], own[part], done)

    @property
    def answers(self) -> int:
        """Number of answers that compete."""
        return len(self.task.answers)

    @cached_property
    def rows(self) -> int:
        """Inputs of a block: keys and values of their whole paths are kept."""
        shape = self.weights.shape
        path = 4 * shape.n_ctx * shape.n_heads * shape.d_head
        widest = 6 * (shape.d_model + shape.d_mlp + shape.d_vocab_out)
        return max(BLOCK // (path + widest), 16)

    def leads_of(self, tokens: Tokens, own: NDArray[np.int64]) -> Leads:
        """Return bounds of the leads of labels in these columns, of sorted inputs (N, k)."""
        answers = self.task.answers
        with np.errstate(all="ignore"):
            found = logits(self.model, self.inputs.named(tokens))
            kept = slice(answers.start, answers.stop)
            return leads(Uncertain(found.middle[:, kept], found.radius[:, kept]), own)

    def _settle(
        self,
        found: Leads,
        tokens: Tokens,
        own: NDArray[np.int64],
        most: int,
        margin: Fraction | None = None,
    ) -> int:
        """Write better bounds of open leads, so many at most, where balls of some precision settle.

        Returns how many were tried.
        """
        margin = self.margin if margin is None else margin
        settled = found.settled(margin)
        tried = np.flatnonzero(~(settled.right | settled.wrong))[:most]
        for place in tried:
            sequence = self.inputs.named(tokens[place]).tolist()
            for bits in BITS:
                ends = self._single(sequence, int(own[place]), bits)
                found.least[place], found.most[place] = ends
                decided = Leads(*(np.array([end]) for end in ends)).settled(margin)
                if decided.right[0] or decided.wrong[0]:
                    break
        return len(tried)

    def _single(self, sequence: list[int], own: int, bits: int) -> tuple[float, float]:
        """Return doubles around the lead of one input, by the definition of the model."""
        first = self.task.answers.start
        try:
            balls = evaluate(self.weights, sequence, bits)
        except ValueError:
            return -np.inf, np.inf
        with flint.ctx.workprec(bits):
            gaps = [balls[first + own] - balls[j] for j in self.task.answers if j != first + own]
            least = min(_double(gap.lower(), -np.inf) for gap in gaps)
            return least, min(_double(gap.upper(), np.inf) for gap in gaps)

    def decided(self, inputs: Tokens, margin: Fraction | None = None) -> Settled:
        """Decide single inputs (N, k), not too many; those without a label stay open.

        Another margin than the problem's may be given, below 0 too.
        """
        margin = self.margin if margin is None else margin
        tokens = inputs - self.inputs.firsts
        order = np.lexsort(tokens.T[::-1])
        own = self.inputs.columns(tokens)
        right = (own >= 0) & (self.answers == 1)
        wrong = own == NO_ANSWER
        asked = order[(own[order] >= 0) & ~right[order]]
        for start in range(0, len(asked), self.rows):
            part = asked[start : start + self.rows]
            found = self.leads_of(tokens[part], own[part])
            self._settle(found, tokens[part], own[part], MOST_SINGLE, margin)
            settled = found.settled(margin)
            right[part], wrong[part] = settled.right, settled.wrong
        return Settled(right, wrong)

    def leads(self) -> Iterator[Evaluated]:
        """Yield the inputs with a label among the answers, their leads and errors, in blocks."""
        for block in self.blocks():
            asked = block.own >= 0
            if not asked.any():
                continue
            found = self.leads_of(block.tokens[asked], block.own[asked])
            middle, errors = (found.least + found.most) / 2, (found.most - found.least) / 2
            known = np.isfinite(middle) & np.isfinite(errors)
            leads = np.where(known, middle, np.nan)
            yield Evaluated(self.inputs.named(block.tokens[asked]), leads, errors)


def _double(ball: flint.arb, outward: float) -> float:
    """Return a double at a ball of no width, or next to it in this direction."""
    near = float(ball)
    if np.isnan(near):
        return outward
    exactly = np.isfinite(near) and bool(exact(*_parts(near)) == ball)
    return near if exactly else float(np.nextafter(near, outward))


def _parts(number: float) -> tuple[int, int]:
    numerator, denominator = number.as_integer_ratio()
    return numerator, 1 - denominator.bit_length()
