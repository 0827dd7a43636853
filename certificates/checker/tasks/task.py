"""The task of a claim: rule, domain, positions read and answers, as the certificate states them."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

from files.strictjson import require_keys, small, string
from files.verdict import Declined, decline_unless
from tasks.acceptors import Acceptor, accepted
from tasks.argmax import Argmax
from tasks.maximum import Maximum
from tasks.minimum import Minimum
from tasks.rank import Rank
from tasks.rule import Rule

# rule: its parameters, integers from 1, and what makes it of them
RULES: dict[str, tuple[tuple[str, ...], Callable[..., Rule]]] = {
    "max": ((), Maximum),
    "min": ((), Minimum),
    "rank": (("rank",), Rank),
    "argmax": (("rank",), Argmax),
}
MAX_TOKENS, MAX_POSITIONS, MAX_RANK = 2**28, 2**16, 8


class Task(NamedTuple):
    """The question that the statement is about.

    Inputs are the sequences with a token of `positions[i]` at each position, the query's last. The
    label of an input is what the rule says of the tokens at the positions `reads`, ascending. It is
    right if the logit of its label exceeds those of all other `answers`; if the label is no answer,
    it is wrong.
    """

    rule: Rule
    positions: tuple[range, ...]
    reads: tuple[int, ...]
    answers: range

    @property
    def total(self) -> int:
        """The number of inputs."""
        return prod(map(len, self.positions))

    @property
    def labels(self) -> range:
        """A range with every label that an input has, answer or not."""
        read = [self.positions[position] for position in self.reads]
        tokens = range(min(r.start for r in read), max(r.stop for r in read))
        return self.rule.labels(tokens, len(self.reads))

    def acceptors(self) -> Iterator[Acceptor]:
        """Yield the acceptor of each label: their classes partition the inputs (T13).

        The sizes of all classes have to add up to the number of inputs: no class is lost.
        """
        counted = 0
        for label in self.labels:
            acceptor = accepted(self.rule, label, self.positions, self.reads)
            counted += acceptor.size
            if acceptor.starts:
                yield acceptor
        if counted != self.total:
            raise ArithmeticError(f"the classes hold {counted} of {self.total} inputs")

    def name(self, d_vocab: int, d_vocab_out: int) -> str:
        """Return the task in words; what differs from the whole of the model stands in brackets."""
        everywhere, read = range(d_vocab), len(self.reads)
        usual = range(read) if isinstance(self.rule, Argmax) else range(d_vocab_out)
        parts = []
        if any(tokens != everywhere for tokens in self.positions):
            parts.append("positions=" + ",".join(map(_ends, self.positions)))
        if read != len(self.positions):
            parts.append("reads=" + ",".join(map(str, self.reads)))
        if self.answers != usual:
            parts.append("answers=" + _ends(self.answers))
        return f"{self.rule.name}-of-{read}" + (f"[{';'.join(parts)}]" if parts else "")


def _ends(tokens: range) -> str:
    return f"{tokens[0]}..{tokens[-1]}"


def read_task(value: Any) -> Task:
    """Return the task that `claim.task` states, or decline it."""
    kind = string(value.get("rule") if isinstance(value, dict) else None, "claim.task.rule")
    if kind not in RULES:
        raise Declined("unsupported", f"claim.task.rule: no {kind[:80]!a}.")
    parameters, made = RULES[kind]
    keys = ("rule", *parameters, "positions", "reads", "answers")
    fields = require_keys(value, keys, "claim.task")
    values = [small(fields[key], 1, MAX_RANK, f"claim.task.{key}") for key in parameters]
    positions = _list(fields["positions"], "claim.task.positions")
    ranges = tuple(_range(item, "claim.task.positions") for item in positions)
    last = len(ranges) - 1
    listed = _list(fields["reads"], "claim.task.reads")
    reads = tuple(small(item, 0, last, "claim.task.reads") for item in listed)
    rising = all(a < b for a, b in pairwise(reads))
    decline_unless(rising, "syntax", "claim.task.reads: positions ascend, each once.")
    fits = all(value <= len(reads) for value in values)
    decline_unless(fits, "unsupported", f"claim.task: fewer than {values} positions are read.")
    return Task(made(*values), ranges, reads, _range(fields["answers"], "claim.task.answers"))


def _list(value: Any, what: str) -> list[Any]:
    good = isinstance(value, list) and 1 <= len(value) <= MAX_POSITIONS
    decline_unless(good, "syntax", f"{what}: a list of 1 to {MAX_POSITIONS} items is expected.")
    return list(value)


def _range(value: Any, what: str) -> range:
    """Return first..past-1 of [first, past], which is not empty."""
    good = isinstance(value, list) and len(value) == 2
    decline_unless(good, "syntax", f"{what}: [first, past] is expected.")
    first = small(value[0], 0, MAX_TOKENS - 1, what)
    return range(first, small(value[1], first + 1, MAX_TOKENS, what))
