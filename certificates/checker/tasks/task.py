"""The task of a claim: rule, domain, positions read and answers, as the certificate states them."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

from files.strictjson import require_keys, small, string
from files.verdict import Declined, decline_unless
from tasks import after, balanced, first_picks, groups, listed, modular, rank
from tasks.argmax import Argmax
from tasks.maximum import Maximum
from tasks.minimum import Minimum
from tasks.rule import Partial, Rule, State

# Reads a parameter of a rule, or declines it: the value, the tokens of each position read, a name.
Reader = Callable[[Any, Sequence[range], str], Any]
# rule: its parameters, and what makes it of them
RULES: dict[str, tuple[dict[str, Reader], Callable[..., Rule]]] = {
    "max": ({}, Maximum),
    "min": ({}, Minimum),
    "rank": ({"rank": rank.rank}, rank.Rank),
    "argmax": ({"rank": rank.rank}, Argmax),
    "sum": ({"modulus": modular.modulus, "coefficients": modular.coefficients}, modular.Sum),
    "product": (
        {"group": groups.group, "order": groups.as_it_is, "side": groups.as_it_is},
        groups.of_parameters,
    ),
    "table": ({"labels": listed.labels}, listed.Table),
    "after": ({"distinct": after.distinct}, after.After),
    "first-picks": ({"picks": first_picks.picks}, first_picks.rule),
    "balanced": (
        {"open": balanced.bracket, "close": balanced.bracket, "labels": balanced.outcomes},
        balanced.rule,
    ),
}
MAX_TOKENS, MAX_POSITIONS, MAX_STEPS = 2**28, 2**16, 2**22


class Task(NamedTuple):
    """The question that the statement is about.

    Inputs are the sequences with a token of `positions[i]` at each position, the query's last. The
    label of an input is what the rule says of the tokens at the positions `reads`, ascending. It is
    right if the logit of its label exceeds those of all other `answers`; if the label is no answer,
    it is wrong. A sequence without a label is no input.
    """

    rule: Rule
    positions: tuple[range, ...]
    reads: tuple[int, ...]
    answers: range

    @property
    def sequences(self) -> int:
        """The number of sequences, with a label or without."""
        return prod(map(len, self.positions))

    @property
    def total(self) -> int:
        """The number of inputs."""
        rule, ways, steps = self.rule, 1, 0
        if not isinstance(rule, Partial):
            return self.sequences
        # How many choices of tokens, by place, lead to each state.
        states: dict[State, int] = {rule.opening(): 1}
        for position, tokens in enumerate(self.positions):
            if position not in self.reads:
                ways *= len(tokens)
                continue
            # A state may hold as many tokens as were read.
            steps += len(states) * len(tokens) * (position + 1)
            sentence = f"claim.task: more than {MAX_STEPS} states and tokens."
            decline_unless(steps <= MAX_STEPS, "limit", sentence)
            remaining = len(self.reads) - 1 - self.reads.index(position)
            found: dict[State, int] = {}
            for state, count in states.items():
                for token in tokens:
                    after = rule.reading(state, remaining, token)
                    if after is not None:
                        found[after] = found.get(after, 0) + count
            states = found
        return ways * sum(states.values())

    @property
    def labels(self) -> range:
        """A range with every label that an input has, answer or not."""
        read = [self.positions[position] for position in self.reads]
        tokens = range(min(r.start for r in read), max(r.stop for r in read))
        return self.rule.labels(tokens, len(self.reads))

    def name(self, d_vocab: int, d_vocab_out: int) -> str:
        """Return the task in words; what differs from the whole of the model stands in brackets."""
        usual, places = self.rule.usual(len(self.reads), d_vocab, d_vocab_out), len(self.positions)
        parts = [*usual.settings]
        if self.positions != tuple(
            usual.read if i in self.reads else usual.other for i in range(places)
        ):
            parts.append("positions=" + ",".join(map(_ends, self.positions)))
        if self.reads != tuple(range(places if usual.all_read else len(self.reads))):
            parts.append("reads=" + ",".join(map(str, self.reads)))
        if self.answers != usual.answers:
            parts.append("answers=" + _ends(self.answers))
        return usual.name + (f"[{';'.join(parts)}]" if parts else "")


def _ends(tokens: range) -> str:
    return f"{tokens[0]}..{tokens[-1]}"


def read_task(value: Any) -> Task:
    """Return the task that `claim.task` states, or decline it."""
    kind = string(value.get("rule") if isinstance(value, dict) else None, "claim.task.rule")
    if kind not in RULES:
        raise Declined("unsupported", f"claim.task.rule: no {kind[:80]!a}.")
    readers, made = RULES[kind]
    fields = require_keys(value, ("rule", *readers, "positions", "reads", "answers"), "claim.task")
    positions = _list(fields["positions"], "claim.task.positions")
    ranges = tuple(_range(item, "claim.task.positions") for item in positions)
    last = len(ranges) - 1
    listed = _list(fields["reads"], "claim.task.reads")
    reads = tuple(small(item, 0, last, "claim.task.reads") for item in listed)
    rising = all(a < b for a, b in pairwise(reads))
    decline_unless(rising, "syntax", "claim.task.reads: positions ascend, each once.")
    read = [ranges[position] for position in reads]
    values = (take(fields[key], read, f"claim.task.{key}") for key, take in readers.items())
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
