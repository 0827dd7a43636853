"""Cases about models with heads, MLPs or pairs of tokens that must be verified.

Counts are those of a literal evaluation of every input, not those of a checker.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache

from accept_cases import at_the_bound
from arena_case import VERIFIED, Case, Fields, claim, proof, tally, text
from network_models import (
    ABOUT,
    OPEN,
    PAIRS,
    added,
    ends,
    multiplied,
    network,
    stated,
    table,
    whole,
)

Answer = tuple[int, str | None]
ELEMENTS = [[0, 1, 2], [1, 0, 2], [0, 2, 1], [2, 1, 0], [1, 2, 0], [2, 0, 1]]


def network_accept_cases() -> Iterator[Case]:
    """Yield all cases of the category."""
    for maker in (models, tasks, margins, proofs):
        yield from maker()


def accepted(name: str, about: str, model: str, cert: Fields, *arguments: str) -> Case:
    """Return a case that must be verified."""
    return Case(f"network.{name}", about, model, text(cert), VERIFIED, arguments)


def refused(
    name: str, about: str, model: str | bytes, cert: Fields, answer: Answer, *arguments: str
) -> Case:
    """Return a case that must be refused with this answer."""
    return Case(f"network.{name}", about, model, text(cert), answer, arguments)


def models() -> Iterator[Case]:
    for name, about in ABOUT.items():
        if name in OPEN:
            weaker = at_the_bound(network(name).bytes(), stated(name, table(network(name))))
            yield accepted(f"model.{name}", about, name, weaker)
            continue
        found = network(name)
        yield accepted(f"model.{name}", about, name, stated(name, table(found)))
        other = table(found, seed=1)
        yield accepted(f"model.{name}.other-labels", about, name, stated(name, other))


@cache
def questions() -> dict[str, tuple[str, Fields]]:
    """Return the model and the task of each question."""
    heads, clock, cosets = network("heads"), network("clock"), network("cosets")
    three, pairs = network("fixed-query"), network("pair-sum")
    own = {"order": ELEMENTS}
    equals = {"positions": [[0, 3], [0, 3], [3, 4]], "reads": [0, 1]}
    return {
        "add": ("clock", added(clock, 3, 1, 1)),
        "subtract": ("clock", added(clock, 3, 1, -1)),
        "weighted": ("clock", added(clock, 3, 2, 5)),
        "negative": ("clock", added(clock, 3, -2, 1 - 2**20)),
        "modulus-one": ("heads", added(heads, 1, 1, 1)),
        "modulus-beyond-answers": ("heads", added(heads, 7, 1, 2)),
        "largest-modulus": ("heads", added(heads, 2**20, 1, 1)),
        "one-term": ("heads", added(heads, 4, 3, reads=[1])),
        "equals": ("fixed-query", added(three, 3, 1, 1, **equals, answers=[0, 3])),
        "equals-competes": ("fixed-query", added(three, 3, 1, 1, **equals)),
        "all-positions": ("fixed-query", added(three, 4, 1, 1, 1)),
        "outer-positions": ("fixed-query", added(three, 4, 1, 1, reads=[0, 2])),
        "s3": ("cosets", multiplied(cosets, "S3")),
        "s3-other-side": ("cosets", multiplied(cosets, "S3", "y(x)")),
        "s3-own-order": ("cosets", multiplied(cosets, "S3", **own)),
        "s3-own-order-other-side": ("cosets", multiplied(cosets, "S3", "y(x)", **own)),
        "d3": ("cosets", multiplied(cosets, "D3")),
        "c6": ("cosets", multiplied(cosets, "C6")),
        "a3": ("clock", multiplied(clock, "A3")),
        "a3-own-order": ("clock", multiplied(clock, "A3", order=ELEMENTS[:1] + ELEMENTS[4:])),
        "c3": ("clock", multiplied(clock, "C3")),
        "d2": ("pair-sum", multiplied(pairs, "D2")),
        "c4-of-three": ("fixed-query", multiplied(three, "C4")),
        "d2-of-one": ("fixed-query", multiplied(three, "D2", reads=[1])),
        "s4-in-part": ("pair-sum", multiplied(pairs, "S4")),
        "few-answers": ("pair-sum", table(pairs, answers=[1, 3])),
        "one-answer": ("pair-sum", table(pairs, answers=[2, 3])),
        "some-tokens": ("heads", table(heads, positions=[[1, 3], [2, 4]])),
        "one-query": ("heads", table(heads, positions=[[0, 4], [3, 4]])),
        "one-input": ("heads", table(heads, positions=[[2, 3], [1, 2]])),
        "largest-token": ("heads", whole(heads, "max")),
        "least-token": ("pair-sum", whole(pairs, "min")),
        "second": ("fixed-query", whole(three, "rank", rank=2)),
        "where": ("fixed-query", whole(three, "argmax", rank=1, answers=[0, 3])),
    }


def tasks() -> Iterator[Case]:
    for name, (model, task) in questions().items():
        yield accepted(f"task.{name}", "What is asked is stated.", model, stated(model, task))
    for name, pin in {
        "add": "add-mod-3",
        "subtract": "add-mod-3[coefficients=1,-1]",
        "all-positions": "sum-mod-4-of-3",
        "equals": "add-mod-3",
        "equals-competes": "add-mod-3[answers=0..3]",
        "s3": "product-in-s3",
        "s3-other-side": "product-in-s3[side=y(x)]",
        "s3-own-order": "product-in-s3[order=919c62d0ad2975d6]",
        "c4-of-three": "product-in-c4-of-3",
    }.items():
        model, task = questions()[name]
        about = "The caller demands the task by its name."
        yield accepted(f"pin.{name}", about, model, stated(model, task), "--task", pin)


def leads(name: str, task: Fields) -> list[Fraction]:
    """Return the leads of a rational network on the inputs of a table, ascending."""
    found, spans = network(name), task["positions"]
    inputs = [(a, b) for a in range(*spans[0]) for b in range(*spans[1])]
    answers, pairs = range(*task["answers"]), zip(inputs, task["labels"], strict=True)
    return sorted(found.lead(tokens, label, answers) for tokens, label in pairs)


def tied(name: str) -> tuple[Fields, Fraction]:
    """Return a task and a positive lead in it, which is a tie where it is the margin."""
    task = table(network(name))
    return task, next(lead for lead in leads(name, task) if lead > 0)


def margins() -> Iterator[Case]:
    for name in ("heads", "one-head-mlp", "half-uniform", "pair-added", "pair-deep", "cosets"):
        for index, margin in enumerate(("1/3", "1", "7/1000000007", "100")):
            cert = stated(name, table(network(name)), margin=margin)
            yield accepted(f"margin.{name}.{index}", f"A margin of {margin}.", name, cert)
    for name in ("uniform", *PAIRS):
        task, lead = tied(name)
        below = lead - lead / 2**40
        for label, margin in (("tie", lead), ("below", below)):
            about = "A margin that some lead equals: wrong, or just passes: right."
            cert = stated(name, task, margin=str(margin))
            yield accepted(f"margin.{label}.{name}", about, name, cert)
        assert ends(name, task, str(lead)) < ends(name, task, str(below))


def proofs() -> Iterator[Case]:
    """Passes, widths of lanes and budgets, at the ends of what is allowed."""
    for name in ("heads", "pair-deep"):
        task = table(network(name))
        for precision, passes in ((64, 1), (64, 4), (128, 4), (192, 1), (512, 2), (1024, 1)):
            cert = stated(name, task, precision=precision, passes=passes)
            about = "Lanes and passes within the format's limits."
            yield accepted(f"lanes.{name}.{precision}.{passes}", about, name, cert)
    for name in ("heads", "three-heads", "uniform", "pair-ties", "cosets"):
        cert = stated(name, table(network(name)))
        enough = proof(cert, operations=str(tally(network(name).bytes(), cert)))
        case = accepted(f"budget.{name}", "Exactly what the check takes.", name, enough)
        yield Case(**(vars(case) | {"tally": True}))
        total = cert["claim"]["total"]
        for least, most in (("0", total), ("0", cert["claim"]["correct_at_most"])):
            weaker = cert | {"claim": cert["claim"] | {"correct_at_least": least}}
            weaker = weaker | {"claim": weaker["claim"] | {"correct_at_most": most}}
            about = "Less is claimed than is true."
            yield accepted(f"weaker.{name}.{least}-{most}", about, name, weaker)
    cert = stated("heads", table(network("heads")))
    about = "A mask that shows everything to the last row is no tensor."
    yield accepted("mask.shown", about, "shown-mask", cert)
    half = stated("half-uniform", table(network("half-uniform")))
    yield accepted("metadata.stated", "The file states the same parts.", "stated-parts", half)
    # The mask does not matter at the last position, but it is part of the statement.
    full = claim(cert, parts=[*_full(cert)])
    yield accepted("mask.none", "The same function without a mask.", "heads", full)


def _full(cert: Fields) -> list[Fields]:
    parts: list[Fields] = cert["claim"]["model"]["parts"]
    return [part | {"mask": "none"} if "mask" in part else part for part in parts]
