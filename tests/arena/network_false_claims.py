"""Claims about models with heads, MLPs or pairs of tokens that are not shown, nearly all false."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from arena_case import COUNT, PIN, UNSUPPORTED, Case, Fields, claim, text
from network_cases import questions, refused, tied
from network_models import ABOUT, OPEN, PAIRS, ends, network, stated, table, with_part
from support.networks import Network, right_and_open
from support.rules import definition


def network_false_claims() -> Iterator[Case]:
    """Yield all of them."""
    for maker in (counts, tasks, margins, shares, several_heads):
        yield from maker()


def judged(
    name: str, about: str, model: str, cert: Fields, true: tuple[int, int]
) -> Iterator[Case]:
    """Yield a case if the claim is not shown: it is false if it contradicts the true ends."""
    low, high = (int(cert["claim"][f"correct_at_{end}"]) for end in ("least", "most"))
    if low > true[0] or high < true[1]:
        untrue = low > true[1] or high < true[0]
        data = text(cert)
        yield Case(f"network.{name}", about, model, data, COUNT, false=untrue)


def _with(cert: Fields, least: int, most: int) -> Fields:
    return cert | {
        "claim": cert["claim"] | {"correct_at_least": str(least), "correct_at_most": str(most)}
    }


def one_off(name: str, model: str, task: Fields, **options: Any) -> Iterator[Case]:
    """Yield claims of one input more and of one less than are right."""
    true = ends(model, task, options.get("margin", "0"))
    cert = stated(model, task, **options)
    total = int(cert["claim"]["total"])
    for end, (least, most) in {"above": (true[0] + 1, total), "below": (0, true[1] - 1)}.items():
        if least <= total and most >= 0:
            about = "One input more or less than is right."
            beyond = _with(cert, least, most)
            yield from judged(f"{name}.{end}", about, model, beyond, true)


def counts() -> Iterator[Case]:
    for name in ABOUT:
        if name in OPEN:
            cert = stated(name, table(network(name)))
            about = "True, but the strategy leaves inputs open."
            yield refused(f"model.{name}.not-shown", about, name, cert, COUNT)
            continue
        yield from one_off(f"model.{name}", name, table(network(name)))
    for name in PAIRS:
        yield from one_off(f"tie.{name}", name, tied(name)[0], margin=str(tied(name)[1]))
    for name, (model, task) in questions().items():
        yield from one_off(f"task.{name}", model, task)


# The counts of one question claimed of another: sides, orders, coefficients, answers.
TAKEN_FOR = (
    *(("add", "subtract"), ("subtract", "add"), ("add", "weighted")),
    *(("s3", "s3-other-side"), ("s3-other-side", "s3"), ("s3", "s3-own-order"), ("s3", "d3")),
    *(("s3", "c6"), ("s3-own-order", "s3-own-order-other-side"), ("a3", "a3-own-order")),
    *(("equals", "equals-competes"), ("equals-competes", "equals")),
    *(("few-answers", "one-answer"), ("all-positions", "outer-positions")),
)


def tasks() -> Iterator[Case]:
    for first, second in TAKEN_FOR:
        (model, task), (other, asked) = questions()[first], questions()[second]
        assert model == other
        cert, true = stated(model, task), ends(model, asked)
        claimed = cert["claim"] | {"task": asked, "total": stated(model, asked)["claim"]["total"]}
        about = "The counts of one task, claimed of another."
        name = f"taken.{first}.{second}"
        yield from judged(name, about, model, cert | {"claim": claimed}, true)
    for name, pin in {
        "add": "add-mod-4",
        "subtract": "add-mod-3",
        "equals-competes": "add-mod-3",
        "s3": "product-in-s3[side=y(x)]",
        "s3-other-side": "product-in-s3",
        "s3-own-order": "product-in-s3",
        "d2": "product-in-c4",
    }.items():
        model, task = questions()[name]
        cert = stated(model, task)
        about = "A true claim, but not of the task that the caller demands."
        yield refused(f"pin.{name}", about, model, cert, PIN, "--task", pin)


def margins() -> Iterator[Case]:
    for name in ("heads", "no-biases", "uniform", *PAIRS, "clock", "cosets"):
        task = table(network(name))
        for index, margin in enumerate(("1/3", "1", "40")):
            cert = claim(stated(name, task), margin=margin)
            about = "The counts at margin 0 claimed at a larger one."
            true = ends(name, task, margin)
            yield from judged(f"margin.{name}.{index}", about, name, cert, true)
    for name in ("uniform", *PAIRS):
        task, lead = tied(name)
        below = str(lead - lead / 2**40)
        cert = claim(stated(name, task, margin=below), margin=str(lead))
        about = "A lead that equals the margin is counted as right."
        yield from judged(f"margin.tie.{name}", about, name, cert, ends(name, task, str(lead)))


def shares() -> Iterator[Case]:
    for name, settings in (
        ("heads", {"softmax": "1/2", "normalised": False}),
        ("heads", {"softmax": "0", "normalised": False}),
        ("half-uniform", {"softmax": "1/2", "normalised": True}),
        ("half-uniform", {"softmax": "1/3", "normalised": False}),
        ("half-normalised", {"normalised": False}),
        ("beyond-softmax", {"softmax": "0"}),
        ("uniform", {"normalised": True}),
    ):
        found = with_part(network(name).parts, "attention", **settings)
        about = "The counts of one share of softmax, claimed of another."
        yield from _other_function(f"share.{name}.{_slug(settings)}", about, name, found)


def _slug(settings: Fields) -> str:
    return "-".join(str(value).replace("/", ".") for value in settings.values())


def _other_function(name: str, about: str, model: str, other: list[Fields]) -> Iterator[Case]:
    """Yield the counts of a model claimed of its weights with other parts, by some labels."""
    found = network(model)
    for seed in range(20):
        task = table(found, seed)
        turned = replace(found, parts=other)
        true = _true(turned, task)
        cert = stated(model, task)
        model_part = cert["claim"]["model"] | {"parts": other}
        cert = cert | {"claim": cert["claim"] | {"model": model_part}}
        cases = list(judged(f"{name}.{seed}", about, model, cert, true))
        if cases:
            yield from cases
            return


def _true(found: Network, task: Fields) -> tuple[int, int]:
    return right_and_open(found, task, definition)


def several_heads() -> Iterator[Case]:
    heads, merged = network("heads"), network("merged-heads")
    for seed in range(20):
        task = table(heads, seed)
        cert = stated("merged-heads", task, ends("heads", task))
        about = "The counts of two heads, claimed of one of twice the width."
        cases = list(
            judged(f"heads.merged.{seed}", about, "merged-heads", cert, _true(merged, task))
        )
        if cases:
            yield from cases
            break
    cert = stated("heads", table(heads))
    yield refused("heads.digest", "Two heads for one.", "merged-heads", cert, UNSUPPORTED)
    one = stated("merged-heads", table(merged))
    yield refused("heads.one-for-two", "One head for two.", "heads", one, UNSUPPORTED)
