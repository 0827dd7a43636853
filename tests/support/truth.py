"""What must hold of every answer of the checker on a small model, by exact enumeration.

An accepted statement is true, counts that a refusal says are established are true as well, and a
sequence that an explanation calls counted is right. The float32 program is held to T12 with the
prover's eps, which the checker does not know.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from random import Random

import numpy as np

import explain
import kernel
from ballproof.models.errors import ModelError
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.counting.float32 import deviation
from files.claims import Pins
from files.verdict import Refusal, Theorem
from support.certify import digest, split_weights
from support.claimed import (
    MOST_INPUTS,
    FalseAnswer,
    demand,
    hold_claim,
    hold_explained,
    is_plain,
)
from support.network_seeds import NetworkTruth
from support.oracle import Oracle
from support.toy import ToyModel

REASONS = {"syntax", "limit", "unsupported", "digest", "statement", "witness", "budget", "count"}
REASONS |= {"pin"}
FLOATS = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
INTEGERS = {f"{sign}{bits}": f"<{sign.lower()}{bits // 8}" for sign in "IU" for bits in (8, 16, 32)}
BUFFERS = ("blocks.0.attn.mask", "blocks.0.attn.IGNORE")


class Truth:
    """The exact counts of one model at any margin, and the sentences that contradict them."""

    def __init__(self, model: ToyModel, weights: bytes | None = None) -> None:
        self.weights = model.bytes() if weights is None else weights
        self.oracle, self.digest = Oracle(model), digest(self.weights)
        self.total = model.d_vocab**model.n_ctx
        self.task = f"max-of-{model.n_ctx}"
        self._counts: dict[Fraction, int] = {}
        try:
            self.eps = deviation(weights_from_bytes(self.weights, "toy"))
        except ModelError:
            self.eps = None

    def count(self, margin: Fraction) -> int:
        """Return how many sequences are right by more than the margin."""
        if margin not in self._counts:
            right = (self.oracle.is_correct(x, margin) for x in self.oracle.sequences())
            self._counts[margin] = sum(right)
        return self._counts[margin]

    def slack(self, semantics: str) -> Fraction:
        """Return by how much the gaps of this semantics may differ from the real ones."""
        if semantics == "real":
            return Fraction(0)
        demand(self.eps is not None, "the float32 program is accepted, and there is none")
        return self.eps

    def hold(self, semantics: str, margin: Fraction, low: int, high: int) -> None:
        """Raise FalseAnswer unless low <= right sequences <= high in this semantics."""
        eps = self.slack(semantics)
        least, most = self.count(margin + eps), self.count(margin - eps)
        demand(low <= least, f"at least {low} at {semantics} margin {margin}: they are {least}")
        free = high == self.total
        demand(free or most <= high, f"at most {high} at {semantics} margin {margin}: {most}")

    def hold_theorem(self, theorem: Theorem) -> None:
        """Raise FalseAnswer unless the printed statement is about this model, and true."""
        about = (theorem.sha256, theorem.task, theorem.total)
        demand(about == (self.digest, self.task, self.total), f"the statement is about {about}")
        demand(theorem.tally <= theorem.operations, "the tally is above the budget")
        ends = theorem.correct_at_least, theorem.correct_at_most
        self.hold(theorem.semantics, Fraction(theorem.margin), *ends)


def established(refusal: Refusal, cert: bytes) -> tuple[str, Fraction, int, int]:
    """Return semantics, margin and the counts that a refusal as `count` says are established."""
    claim, found = json.loads(cert)["claim"], refusal.established
    ends = int(found["correct_at_least"]), int(found["correct_at_most"])
    return claim["semantics"], Fraction(claim["margin"]), *ends


def ask(weights: bytes, cert: bytes, max_operations: int) -> Theorem | Refusal:
    """Return the checker's answer, readable in both forms; any other exception passes."""
    try:
        answer: Theorem | Refusal = kernel.check(weights, cert, Pins(max_operations=max_operations))
    except Refusal as refusal:
        demand(refusal.reason in REASONS, f"{refusal.reason} is no reason code")
        answer = refusal
    word = "VERIFIED" if isinstance(answer, Theorem) else answer.word
    line = answer.line()
    demand(line.startswith(f"s {word} ") and line.isprintable(), f"the verdict line is {line!a}")
    json.dumps(answer.fields())
    return answer


def hold_answer(
    truth: Truth | NetworkTruth,
    cert: bytes,
    answer: Theorem | Refusal,
    rng: Random,
    sequences: int = 2,
) -> None:
    """Raise FalseAnswer unless the answer, and what the checker then explains, is true."""
    if isinstance(answer, Refusal) and answer.reason != "count":
        return
    claim = json.loads(cert)["claim"]
    if isinstance(truth, NetworkTruth) or not is_plain(claim):
        hold_claim(truth.weights, claim, answer, truth.eps)
        if isinstance(answer, Theorem) and answer.total <= MOST_INPUTS:
            hold_explained(truth.weights, cert, rng, sequences)
        return
    if isinstance(answer, Refusal):
        truth.hold(*established(answer, cert))
        return
    truth.hold_theorem(answer)
    if sequences:
        hold_explanations(truth, cert, answer, rng, sequences)


def hold_explanations(truth: Truth, cert: bytes, theorem: Theorem, rng: Random, count: int) -> None:
    """Raise FalseAnswer unless random sequences that are explained as counted are right."""
    v, k = truth.oracle.d_vocab, truth.oracle.n_ctx
    asked = [tuple(rng.randrange(v) for _ in range(k)) for _ in range(count)]
    margin = Fraction(theorem.margin) + truth.slack(theorem.semantics)
    for why in explain.explanations(truth.weights, cert, Pins(), asked):
        json.dumps(why.fields())
        right = not why.counted or truth.oracle.is_correct(why.sequence, margin)
        demand(right, f"counted, but not right: {why.line()}")


def read_toy(weights: bytes) -> ToyModel | None:
    """Return the model of a weights file whose numbers all fit into doubles, or None.

    An own reader, of files that the checker has accepted.
    """
    header, data = split_weights(weights)
    tensors = {}
    for name in header.keys() - {"__metadata__", *BUFFERS}:
        begin, end = header[name]["data_offsets"]
        kind, part = header[name]["dtype"], data[begin:end]
        if kind == "BF16":
            halves = np.frombuffer(part, "<u2").astype("<u4") << np.uint32(16)
            numbers = halves.view("<f4")
        elif kind in FLOATS | INTEGERS:
            numbers = np.frombuffer(part, (FLOATS | INTEGERS)[kind])
        else:
            return None
        tensors[name] = numbers.astype(np.float64).reshape(header[name]["shape"])
    return ToyModel(tensors)


@contextmanager
def about(words: str) -> Iterator[None]:
    """Add words to a FalseAnswer on its way."""
    try:
        yield
    except FalseAnswer as error:
        raise FalseAnswer(f"{words}: {error}") from None
