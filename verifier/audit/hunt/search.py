"""The search for counterexamples: what a certificate counts as right, on the worst inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np

from ballproof.verifier.audit.hunt.candidates import Candidates
from ballproof.verifier.audit.hunt.evaluation import Evaluation, Evaluator
from ballproof.verifier.audit.hunt.floats import FloatModel, Tokens
from ballproof.verifier.audit.hunt.hunted import Hunted
from ballproof.verifier.audit.hunt.members import Ask, Explanation
from ballproof.verifier.audit.hunt.scan import scan
from ballproof.verifier.audit.stages import Stage, quietly
from ballproof.verifier.audit.subject import Finding, Subject
from ballproof.verifier.counting.goal import Progress

DEFAULT_EFFORT = 10
PART = "hunt"
# Times the effort: sequences asked about in a round, and members evaluated exactly at the end.
ASKED = 200
EVALUATED = 100
# Rounds of questions, by what the checker spends on answering one.
ROUNDS = ((10**7, 6), (10**8, 3), (10**9, 2))
PARENTS = 16

Found = tuple[int, ...]


def hunt(
    subject: Subject,
    ask: Ask,
    *,
    effort: int = DEFAULT_EFFORT,
    seed: int = 0,
    candidates: Candidates | None = None,
    stage: Stage = quietly,
) -> Hunted:
    """Search the inputs that the certificate counts as right for one that is wrong.

    Floats choose candidates, `ask` says which are members, exact arithmetic decides. The same
    seed and effort give the same search. `candidates` is an earlier scan of this model and margin.
    """
    if candidates is None:
        with stage("counterexample search: scanning inputs") as progress:
            candidates = scan(subject.weights, subject.problem.margin, effort, seed, progress)
    return _CounterexampleSearch(subject, ask, candidates, effort, seed).run(stage)


class _CounterexampleSearch:
    """Asks for members round by round, each time where smaller margins may be, then evaluates."""

    def __init__(
        self, subject: Subject, ask: Ask, candidates: Candidates, effort: int, seed: int
    ) -> None:
        self.subject, self.ask, self.candidates = subject, ask, candidates
        self.per_round, self.most_evaluated = ASKED * effort, EVALUATED * effort
        self.model = FloatModel(subject.weights, subject.problem.margin)
        self.rng = np.random.default_rng([seed, subject.problem.shape.d_vocab])
        self.answers: dict[Found, Explanation] = {}
        self.margins: dict[Found, float] = {}
        self.complete = subject.total <= 2 * self.per_round
        self.rounds = 0

    def run(self, stage: Stage) -> Hunted:
        """Return what was found."""
        with stage("counterexample search: asking the checker which inputs count") as progress:
            most = _affordable(int(self.subject.verdict["tally"]))
            for place in range(1 if self.complete else most):
                chosen = self._first() if place == 0 else self._further()
                if not chosen:
                    break
                self._learn(chosen)
                progress(place + 1, most)
        with stage("counterexample search: evaluating exactly") as progress:
            evaluations = self._evaluated(progress)
        return self._report(evaluations)

    def _learn(self, sequences: Sequence[Found]) -> None:
        """Ask about sequences that were not asked about, and keep the answers."""
        self.rounds += 1
        for answer in self.ask(sequences):
            self.answers[answer.sequence] = answer
        margins = self.model.margins(np.array(sequences, np.int64))
        self.margins |= dict(zip(sequences, margins.tolist(), strict=True))

    def _first(self) -> list[Found]:
        """Return near ties, the smallest margin of every class, and a few inputs at random."""
        v, k = self.subject.problem.shape.d_vocab, self.subject.problem.shape.n_ctx
        if self.complete:
            return list(product(range(v), repeat=k))
        near, strata = self.candidates.near, self.candidates.strata
        part = self.per_round // 4
        closest = np.argsort(np.abs(self.candidates.near_margins), kind="stable")[: 2 * part]
        classes = strata[:, -1] * v + strata.max(axis=1, initial=0)
        first = np.sort(np.unique(classes, return_index=True)[1])  # Smallest margins come first.
        random = self.rng.integers(0, v, (part, k))
        return self._new(
            [*_found(near[closest]), *_found(_spread(strata[first], part)), *_found(random)]
        )

    def _further(self) -> list[Found]:
        """Return inputs with smaller margins than any member: candidates, and beside members."""
        members = sorted(self._members(), key=lambda s: (self.margins[s], s))
        best = self.margins[members[0]] if members else np.inf
        below = self.candidates.strata[self.candidates.stratum_margins < best]
        half = self.per_round // 2
        beside = self._beside(members[:PARENTS], best)
        fresh = np.array(self._new(_found(below)), np.int64).reshape(-1, below.shape[1])
        return self._new([*_found(_spread(fresh, half)), *_found(_spread(beside, half))])

    def _beside(self, members: Sequence[Found], best: float) -> Tokens:
        """Return members with one token changed whose margin is below `best`, smallest first."""
        k, v = self.subject.problem.shape.n_ctx, self.subject.problem.shape.d_vocab
        changed = np.repeat(np.array(members, np.int64).reshape(-1, k), k * v, axis=0)
        places = np.tile(np.repeat(np.arange(k), v), len(members))
        changed[np.arange(len(changed)), places] = np.tile(np.arange(v), len(members) * k)
        fresh = np.array(self._new(_found(changed)), np.int64).reshape(-1, k)
        margins = self.model.margins(fresh)
        order = np.argsort(margins, kind="stable")
        result: Tokens = fresh[order[margins[order] < best]]
        return result

    def _new(self, sequences: Iterable[Found]) -> list[Found]:
        return [s for s in dict.fromkeys(sequences) if s not in self.answers]

    def _members(self) -> list[Found]:
        return [sequence for sequence, answer in self.answers.items() if answer.counted]

    def _evaluated(self, progress: Progress) -> list[Evaluation]:
        """Evaluate the members with the smallest margins, and all that floats do not call right."""
        by_margin = sorted(self.answers, key=lambda s: (self.margins[s], s))
        doubtful = [s for s in by_margin if self.margins[s] <= self.model.tolerance]
        members = [s for s in by_margin if self.answers[s].counted][: self.most_evaluated]
        chosen, evaluate = (
            list(dict.fromkeys([*members, *doubtful])),
            Evaluator(self.subject.problem),
        )
        evaluations = []
        for done, sequence in enumerate(chosen, start=1):
            evaluations.append(evaluate(sequence))
            progress(done, len(chosen))
        return evaluations

    def _report(self, evaluations: list[Evaluation]) -> Hunted:
        wrong = [one for one in evaluations if one.right is False]
        counted = [one for one in evaluations if self.answers[one.sequence].counted]
        smallest = min(counted, key=lambda one: one.size, default=None)
        counterexamples = [one for one in counted if one.right is False]
        return Hunted(
            self.candidates,
            self.subject.total,
            self.complete,
            self.rounds,
            len(self.answers),
            len(self._members()),
            len(evaluations),
            len(wrong),
            len(counterexamples),
            sum(one.right is None for one in evaluations),
            smallest,
            self.answers[smallest.sequence] if smallest else None,
            [*map(self._counterexample, counterexamples), *self._miscounts()],
        )

    def _counterexample(self, one: Evaluation) -> Finding:
        answer, margin = self.answers[one.sequence], self.subject.problem.margin
        sentence = (
            f"{list(one.sequence)} is counted as right by {answer.decided_by} (class "
            f"{answer.group}), but token {one.rival} is not beaten by more than {margin}."
        )
        return Finding(PART, sentence, {**one.fields(), "explanation": answer.fields()})

    def _miscounts(self) -> list[Finding]:
        """Hold the claimed numbers against whole counts, where there are any."""
        least, most = self.subject.claimed
        total, found = self.subject.total, []
        seen = self.candidates
        if self.complete and len(self._members()) < least:
            found.append(
                f"The statement says at least {least} right, but the tables show only "
                f"{len(self._members())} of all inputs right."
            )
        if seen.exhaustive and seen.wrong > total - least:
            found.append(
                f"{seen.wrong} of all inputs are wrong in floating point, beyond its error, where "
                f"the statement leaves at most {total - least}."
            )
        if seen.exhaustive and seen.wrong + seen.close < total - most:
            found.append(
                f"At most {seen.wrong + seen.close} of all inputs are wrong in floating point, "
                f"beyond its error, where the statement says at least {total - most}."
            )
        return [Finding(PART, sentence, {}) for sentence in found]


def _affordable(tally: int) -> int:
    return next((rounds for most, rounds in ROUNDS if tally <= most), 1)


def _found(tokens: Tokens) -> list[Found]:
    return [tuple(row) for row in tokens.tolist()]


def _spread(sequences: Tokens, count: int) -> Tokens:
    """Return at most `count` of the sequences, in order, evenly spaced from the first on."""
    if len(sequences) <= count:
        return sequences
    chosen: Tokens = sequences[np.arange(count) * len(sequences) // count]
    return chosen
