"""The kernel: two files in, one theorem out. This file is the whole of what others may call.

`check` is the only function that makes a `Theorem`, and its last line is the only place where it
does. Anything that is not established raises `Rejected` or `Declined`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from json import dumps
from typing import Any

from arithmetic.tally import Tally
from files.claims import Claim, Counts, Pins, read_claim, require_model, require_pins
from files.tensors import digest, read_tensors, stated_parts
from files.verdict import Declined, Rejected, Theorem, decline_unless
from files.witness import demand_empty
from parts.architecture import FACTORS, HEADS, LAYERS, ONE_HEAD, PROGRAM, Model
from strategies import (
    brute_force,
    cells,
    cubic,
    enumeration,
    exact,
    ladder,
    onesided,
    remainder,
    split,
    subcubic,
)
from strategies import layered_enumeration as layered

TallyOf = Callable[[int], Tally]
ANY_TASK, MAXIMUM = "any task", "max-of-k, over all tokens and outputs"


@dataclass(frozen=True)
class Strategy:
    """How a strategy proves a claim, what it needs of the model, and which tasks it serves.

    `read` returns the claim's witness, or refuses it. `count`, of what is needed, witness, claim
    and tally, returns how many inputs are right in the real semantics, at least and at most.
    """

    read: Callable[[Claim], Any]
    count: Callable[[Any, Any, Claim, Tally], Counts]
    needs: str = ONE_HEAD
    serves: str = ANY_TASK


_SUBCUBIC = Strategy(subcubic.read, subcubic.count_right, FACTORS, MAXIMUM)
STRATEGIES: dict[str, Strategy] = {
    "brute-force": Strategy(demand_empty, brute_force.count_right),
    "exact": Strategy(demand_empty, exact.count_right),
    "enumerate": Strategy(enumeration.read, enumeration.count_right, PROGRAM),
    "remainder": Strategy(remainder.read, remainder.count_right, PROGRAM),
    "cells": Strategy(cells.read, cells.count_right, PROGRAM),
    "one-sided": Strategy(onesided.read, onesided.count_right, PROGRAM),
    "split": Strategy(split.read_split, split.count_right, HEADS),
    "cubic": Strategy(demand_empty, cubic.count_right, serves=MAXIMUM),
    **dict.fromkeys(ladder.NAMES, Strategy(ladder.read, ladder.count_right)),
    **dict.fromkeys(subcubic.NAMES, _SUBCUBIC),
}
# Other rows of a name, for architectures that do not give what the first one needs.
OTHERS: dict[str, tuple[Strategy, ...]] = {
    "exact": (Strategy(split.read_exact, split.count_right, HEADS),),
    "enumerate": (Strategy(layered.read, layered.count_right, LAYERS),),
}


def check(weights: bytes, certificate: bytes, pins: Pins, tally_of: TallyOf = Tally) -> Theorem:
    """Return the theorem that the certificate proves about these weights.

    Recomputes the strategy's bounds with this folder's own arithmetic, within the certificate's
    budget, and demands that they reach the claim: no tolerance. Raises `Declined` or `Rejected`.
    `tally_of` makes the tally of a budget.
    """
    claim, model = read(weights, certificate, pins)
    tally = tally_of(claim.operations)
    at_least, at_most = tally.share(("counts",), 2, lambda: _established(model, claim, tally))
    if at_least < claim.correct_at_least or claim.correct_at_most < at_most:
        sentence = f"the check establishes at least {at_least} and at most {at_most} correct."
        counts = {"correct_at_least": at_least, "correct_at_most": at_most, "tally": tally.spent}
        raise Rejected("count", sentence, **counts)
    statement = (claim.question, claim.words, claim.sha256, claim.semantics, claim.margin_text)
    claimed = (claim.total, claim.correct_at_least, claim.correct_at_most, claim.operations)
    return Theorem(*statement, *claimed, tally.spent)


def read(weights: bytes, certificate: bytes, pins: Pins) -> tuple[Claim, Model]:
    """Return the claim and the model that it is about, pins and statement compared."""
    claim = read_claim(certificate, pins.max_operations)
    decline_unless(claim.strategy in STRATEGIES, "unsupported", f"no {claim.strategy[:80]!a}.")
    tensors = read_tensors(weights)
    same = stated_parts(weights) in (None, dumps(claim.parts, separators=(",", ":")))
    decline_unless(same, "unsupported", "weights: the file's metadata state other parts.")
    model = claim.architecture.read(tensors, claim.parts, claim.sizes)
    require_model(claim, digest(tensors), model.shape._asdict())
    require_pins(claim, pins)
    return claim, model


def shifted(model: Model, claim: Claim, tally: Tally) -> tuple[Claim, Claim]:
    """Return claims of the real function whose counts enclose the claim's, below and above.

    T12: the gaps of the float32 program are within eps of the real ones, so that the real counts at
    margin + eps and at margin - eps enclose its count.
    """
    if claim.semantics == "real":
        return claim, claim
    deviation = claim.architecture.deviation
    if deviation is None:
        raise Declined("unsupported", f"{claim.semantics} is not served for {claim.words}.")
    eps = deviation(model, tally)
    ends = (Fraction(*claim.margin) + x for x in (eps, -eps))
    below, above = (claim._replace(margin=end.as_integer_ratio()) for end in ends)
    return below, above


def strategy_of(claim: Claim) -> Strategy:
    """Return the claim's strategy: of the rows of its name the one that the architecture serves."""
    rows = (STRATEGIES[claim.strategy], *OTHERS.get(claim.strategy, ()))
    return next((row for row in rows if row.needs in claim.architecture.gives), rows[0])


def given(model: Model, claim: Claim, tally: Tally) -> Any:
    """Return what the strategy needs of the model, at the claim's margin."""
    made = claim.architecture.gives[strategy_of(claim).needs]
    return made(model, claim.margin, claim.task, tally)


def _require_served(claim: Claim) -> None:
    """Decline an architecture or a task that the strategy does not serve."""
    strategy = strategy_of(claim)
    sentence = f"{claim.strategy} needs {strategy.needs}, which {claim.words} does not give."
    decline_unless(strategy.needs in claim.architecture.gives, "unsupported", sentence)
    places, tokens, outputs = (claim.sizes[x] for x in ("n_ctx", "d_vocab", "d_vocab_out"))
    # A name without brackets is about every token, position and output.
    maximum = claim.question == f"max-of-{places}" and tokens == outputs
    sentence = f"{claim.strategy} serves max-of-{places} alone, not {claim.question[:200]}."
    decline_unless(maximum or strategy.serves == ANY_TASK, "unsupported", sentence)


def _established(model: Model, claim: Claim, tally: Tally) -> Counts:
    """Return how many inputs are right, at least and at most, in the claim's semantics.

    An upper end that claims nothing is free.
    """
    strategy = strategy_of(claim)
    below, above = shifted(model, claim, tally)
    _require_served(claim)
    witness = strategy.read(claim)

    def counts(end: Claim) -> Counts:
        return strategy.count(given(model, end, tally), witness, end, tally)

    at_least, at_most = counts(below)
    if below != above:
        at_most = claim.total if claim.correct_at_most == claim.total else counts(above)[1]
    return at_least, at_most
