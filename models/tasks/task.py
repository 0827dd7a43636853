"""Tasks: a rule, the domain, the positions that it reads and the answers that compete (T13)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ballproof.models.architectures import Shape
from ballproof.models.errors import ModelError
from ballproof.models.tasks.acceptor import Acceptor, Arc, Value, acceptors, folded
from ballproof.models.tasks.rule import ANY, Rule

# As many digits as the checker counts sequences in.
MAX_DIGITS = 2_000


@dataclass(frozen=True)
class Class:
    """The inputs of the domain with this query, the last token, and this label."""

    query: int
    label: int
    acceptor: Acceptor

    @property
    def arcs(self) -> tuple[tuple[Arc, ...], ...]:
        """Return the arcs by level: those of the token at position i are `arcs[i]`."""
        return self.acceptor.arcs

    @property
    def size(self) -> int:
        """Return the number of inputs."""
        return self.acceptor.size


@dataclass(frozen=True)
class Task:
    """A question to a model: which label has an input, a sequence of tokens?

    `positions` are the tokens that each position may hold, the query's last: their product is the
    domain. `reads` are the positions that the rule reads, ascending. `answers` are the logits that
    compete: an input is right if its label's logit is above that of every other answer. An input
    whose label is no answer is wrong; one without a label is outside the domain.
    """

    rule: Rule
    positions: tuple[range, ...]
    reads: tuple[int, ...]
    answers: range
    _made: dict[int, dict[int, Acceptor]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def label(self, sequence: Sequence[int]) -> int | None:
        """Return the right answer for an input."""
        return self.rule.label([sequence[position] for position in self.reads])

    def holds(self, sequence: Sequence[int]) -> bool:
        """Say whether the domain holds a sequence, labelled or not."""
        same = len(sequence) == len(self.positions)
        return same and all(
            token in allowed for token, allowed in zip(sequence, self.positions, strict=True)
        )

    @property
    def labels(self) -> range:
        """Return a range that holds every label, answers or not."""
        read = [self.positions[position] for position in self.reads]
        tokens = range(min(r.start for r in read), max(r.stop for r in read))
        return self.rule.labels(tokens, len(self.reads))

    def classes_of(self, label: int) -> Iterator[Class]:
        """Yield the classes of a label that are not empty, by query."""
        for query, acceptor in self.acceptors(label).items():
            yield Class(query, label, acceptor)

    def classes(self) -> Iterator[Class]:
        """Yield the classes that are not empty, by label and query: they partition the domain."""
        for label in self.labels:
            yield from self.classes_of(label)

    def acceptors(self, label: int) -> dict[int, Acceptor]:
        """Return the acceptors of a label by query, one object for equal ones; kept."""
        if label not in self._made:
            made = acceptors(self.rule, label, self.positions, self.reads)
            self._made[label] = made
        return self._made[label]

    @property
    def product(self) -> int:
        """Return the product of the positions' sizes, labelled or not.

        Raises ModelError where it may have more than MAX_DIGITS digits.
        """
        sizes = [len(allowed) for allowed in self.positions]
        if sum(size.bit_length() for size in sizes) > 3 * MAX_DIGITS:
            count = f"{max(sizes)}^{len(sizes)}"
            raise ModelError(f"{count} sequences are too many to be counted by anybody.")
        return math.prod(sizes)

    @property
    def total(self) -> int:
        """Return the number of inputs: of the product those that have a label."""
        if self.rule.partial:
            return sum(each.size for each in self.acceptors(ANY).values())
        return self.product

    def to_json(self) -> dict[str, object]:
        """Return the task as a certificate states it."""
        return {
            "rule": self.rule.name,
            **self.rule.parameters(),
            "positions": [[allowed.start, allowed.stop] for allowed in self.positions],
            "reads": list(self.reads),
            "answers": [self.answers.start, self.answers.stop],
        }

    def name(self, shape: Shape) -> str:
        """Return the name for models of these sizes, as in min-of-4.

        What differs from the defaults stands in brackets, ends included, as in
        max-of-2[positions=0..9,0..9,7..7;reads=0,1].
        """
        plain = default(self.rule, shape, self.reads)
        parts = self.rule.details()
        if self.positions != plain.positions:
            parts.append(f"positions={','.join(map(_ends, self.positions))}")
        if self.reads != self.rule.usual_reads(shape.n_ctx, len(self.reads)):
            parts.append(f"reads={','.join(map(str, self.reads))}")
        if self.answers != plain.answers:
            parts.append(f"answers={_ends(self.answers)}")
        stem = self.rule.title_for(len(self.reads), shape)
        return f"{stem}[{';'.join(parts)}]" if parts else stem


def default(rule: Rule, shape: Shape, reads: Sequence[int] | None = None) -> Task:
    """Return the usual task of a rule for models of these sizes: as a rule, on all inputs."""
    read = rule.usual_reads(shape.n_ctx) if reads is None else tuple(reads)
    answers = rule.answers(shape.d_vocab_out, len(read))
    places = range(shape.n_ctx)
    positions = tuple(rule.usual_tokens(shape.d_vocab, place in read) for place in places)
    return Task(rule, positions, read, answers)


def fold(
    class_: Class,
    one: Value,
    zero: Value,
    plus: Callable[[Value, Value], Value],
    entry: Callable[[int, Arc, Value], Value],
) -> Value:
    """Return the sum over the inputs of a class of the product of y_i(t_i), in any semiring.

    `entry(i, arc, rest)` is the sum over the arc's tokens t of y_i(t) times `rest`. The query's own
    factor is the caller's.
    """
    return folded(class_.acceptor, one, zero, plus, entry)[0][0]


def _ends(tokens: range) -> str:
    return f"{tokens.start}..{tokens.stop - 1}"
