"""Cases that a checker must verify: every statement here is true, and shown by its strategy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import count
from random import Random
from typing import Any

from arena_case import (
    COUNT,
    VERIFIED,
    Case,
    Fields,
    changed,
    claim,
    fields,
    proof,
    tally,
    text,
    truth,
)
from arena_models import MODEL_ABOUT, toy, weights
from arena_witnesses import exact_weights, good, good_ladder
from support.certify import checker_eps, encoded, shapes, task_of, verdict
from support.ladders import LADDERS, only, pool, wild_ladder
from support.oracle import count_correct
from support.witnesses import SUBCUBIC, wild

TWO_SIDED = ("exact", "brute-force")
STRATEGIES = (*TWO_SIDED, "enumerate", "cubic", *LADDERS, *SUBCUBIC)
BY_MARGIN = ("exact", "enumerate", "cubic", "grid", "subcubic/max-diff/chord/max-diff-exact")
MARGINS = ("1/3", "1", "7/1000000007", "100", "1/" + "9" * 199, "9" * 200)
FLOAT_MODELS = ("trained", "small", "ties", "near-ties", "one-position", "one-token", "absorbing")


def accept_cases() -> Iterator[Case]:
    """Yield all cases of the category."""
    for maker in (strategies, models, tasks, margins, floats, spellings, weaker, pinned):
        yield from maker()
    for maker in (witnesses, large):
        yield from maker()


def good_witness(name: str, strategy: str) -> dict[str, Any]:
    """Return the witness that the corpus uses for a strategy and a shared model."""
    if strategy == "enumerate":
        return {"passes": 2}
    if strategy in LADDERS:
        return good_ladder(strategy, toy(name))
    return good(strategy, toy(name)) if strategy in SUBCUBIC else {}


@cache
def _strongest(name: str, strategy: str, margin: str, semantics: str) -> Fields:
    cert = fields(name, strategy, margin=margin, witness=good_witness(name, strategy))
    return at_the_bound(weights(name), changed_semantics(cert, semantics))


def strongest(
    name: str, strategy: str, *, margin: str = "0", semantics: str = "real"
) -> dict[str, Any]:
    """Return the certificate that claims all that the strategy shows with the corpus's witness."""
    return _strongest(name, strategy, margin, semantics)


def changed_semantics(cert: Fields, semantics: str) -> Fields:
    """Return the certificate with these semantics."""
    return cert if semantics == "real" else claim(cert, semantics=semantics)


def at_the_bound(model: bytes, cert: Fields) -> Fields:
    """Return a certificate with the counts that the reference checker establishes for it."""
    total = cert["claim"]["total"]
    nothing = cert | {"claim": cert["claim"] | {"correct_at_least": total, "correct_at_most": "0"}}
    ends = []
    for least, most in ((total, total), ("0", "0")):
        asked = nothing["claim"] | {"correct_at_least": least, "correct_at_most": most}
        found = verdict(model, encoded(cert | {"claim": asked}))
        ends.append(
            found.established or dict.fromkeys(("correct_at_least", "correct_at_most"), least)
        )
    counts = {"correct_at_least": str(ends[0]["correct_at_least"])}
    counts["correct_at_most"] = str(ends[1]["correct_at_most"])
    return cert | {"claim": cert["claim"] | counts}


def slug(strategy: str) -> str:
    """Return a strategy as a part of a file's name."""
    return strategy.replace("/", ".")


def accepted(name: str, about: str, model: str, cert: Fields | bytes, *arguments: str) -> Case:
    """Return a case that must be verified."""
    data = cert if isinstance(cert, bytes) else text(cert)
    return Case(name, about, model, data, VERIFIED, arguments)


def strategies() -> Iterator[Case]:
    for strategy in STRATEGIES:
        cert = strongest("small", strategy)
        about = "All that the strategy shows with this witness."
        yield accepted(f"strategy.{slug(strategy)}", about, "small", cert)


# Large, or much the same as another.
BRIEFLY = ("sign-trap", "repacked", "as-float64", "zero-biases", "subnormal")


def models() -> Iterator[Case]:
    for name, about in MODEL_ABOUT.items():
        for strategy in ("exact", "brute-force", "cubic", "ladder"):
            if strategy in ("ladder", "brute-force") and name in BRIEFLY:
                continue
            cert = strongest(name, strategy)
            yield accepted(f"model.{name}.{strategy}", about, name, cert)
        if name not in (*BRIEFLY, "long"):
            cert = strongest(name, "enumerate")
            yield accepted(f"model.{name}.enumerate", about, name, cert)
        if name not in {"one-token", "one-of-all"}:
            strategy = "subcubic/max-diff-exact/mean+diff/exact"
            cert = strongest(name, strategy)
            yield accepted(f"model.{name}.subcubic", about, name, cert)
    about = "The same tensors in another file: the digest is of the tensors."
    yield accepted(
        "model.repacked.same-certificate", about, "repacked", strongest("trained", "exact")
    )
    for strategy in ("grid", *SUBCUBIC[::37]):
        for name in ("one-token", "one-position"):
            name_of_case = f"model.{name}.{slug(strategy)}"
            yield accepted(name_of_case, MODEL_ABOUT[name], name, strongest(name, strategy))


# Other questions to the model `small` (v = 4, k = 3): rule and what is not the whole.
TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "min": ("min", {}),
    "rank-2": ("rank", {"rank": 2}),
    "rank-3": ("rank", {"rank": 3}),
    "argmax": ("argmax", {}),
    "argmax-2": ("argmax", {"rank": 2}),
    "fixed-query": ("max", {"positions": [[0, 4], [0, 4], [3, 4]], "reads": [0, 1]}),
    "restricted": ("min", {"positions": [[1, 4], [0, 2], [0, 4]]}),
    "one-input": ("max", {"positions": [[1, 2], [2, 3], [0, 1]]}),
    "few-answers": ("max", {"answers": [1, 4]}),
    "one-answer": ("max", {"answers": [2, 3]}),
    "query-alone": ("max", {"reads": [2]}),
    "sum": ("sum", {"modulus": 4, "coefficients": [1, 1, 1]}),
    "weighted-sum": ("sum", {"modulus": 5, "coefficients": [2, -3], "reads": [0, 2]}),
    "klein-four": ("product", {"group": "D2", "order": "lexicographic", "side": "x(y)"}),
    "s3-other-side": (
        "product",
        {"group": "S3", "order": "lexicographic", "side": "y(x)", "reads": [0, 1]},
    ),
    "table": (
        "table",
        {"labels": [3, 1, 4, 1, 0, 2, 2, 0, 1, 3, 3, 1, 0, 0, 2, 3], "reads": [1, 2]},
    ),
}


def tasks() -> Iterator[Case]:
    """Tasks beyond the largest of all tokens: the counts are those of both ends."""
    sizes = shapes(weights("small"))
    for name, (rule, parts) in TASKS.items():
        task = task_of(sizes, rule, **parts)
        for strategy in (*TWO_SIDED, "enumerate"):
            witness = good_witness("small", strategy)
            cert = fields("small", strategy, at_least=0, at_most=0, task=task, witness=witness)
            strong = at_the_bound(weights("small"), cert)
            yield accepted(f"task.{name}.{strategy}", "Another task.", "small", strong)
        cert = fields("small", "ladder", at_least=0, at_most=0, task=task, witness={"labels": []})
        about = "Another task, by a ladder without pools."
        strong = at_the_bound(weights("small"), cert)
        yield accepted(f"task.{name}.given-up", about, "small", strong)


def margins() -> Iterator[Case]:
    for index, margin in enumerate(MARGINS):
        for name in ("trained", "small"):
            for strategy in BY_MARGIN:
                if (name, strategy) == ("trained", "grid") or (
                    len(margin) > 1000 and name == "small"
                ):
                    continue  # Long files that show nothing new.
                cert = strongest(name, strategy, margin=margin)
                about = f"A margin of {margin[:20]}{'..' if len(margin) > 20 else ''}."
                yield accepted(f"margin.{index}.{name}.{slug(strategy)}", about, name, cert)
    gap = tie()
    for label, margin in (("tie", gap), ("below", gap - Fraction(1, 2**100))):
        for strategy in TWO_SIDED:
            about = (
                f"A margin that some gap {'equals: wrong' if label == 'tie' else 'just passes'}."
            )
            true = count_correct(toy("one-hot"), margin)
            cert = fields("one-hot", strategy, margin=str(margin), at_least=true, at_most=true)
            yield accepted(f"margin.{label}.{strategy}", about, "one-hot", cert)


@cache
def tie() -> Fraction:
    """Return the gap of `one-hot` on the input that repeats token 1, which is rational."""
    w = exact_weights(toy("one-hot"))
    assert not any(w["W_pos"].ravel())
    row = w["W_E"][1] @ (w["W_V"] @ w["W_O"]) + w["W_E"][1]
    logits = row @ w["W_U"]
    gap = logits[1] - max(logits[j] for j in range(len(logits)) if j != 1)
    finer = gap - Fraction(1, 2**100)
    assert count_correct(toy("one-hot"), gap) < count_correct(toy("one-hot"), finer)
    return gap


def floats() -> Iterator[Case]:
    for name in FLOAT_MODELS:
        for strategy in (*TWO_SIDED, "cubic", "ladder", "subcubic/mean-query/drop-average/svd"):
            cert = strongest(name, strategy, semantics="float32")
            about = "Semantics float32: both ends give way by the rounding errors."
            yield accepted(f"float32.{name}.{slug(strategy)}", about, name, cert)
    margin = str(checker_eps(weights("trained")))
    about = "Semantics float32 with a margin just as large as the rounding errors."
    cert = strongest("trained", "exact", margin=margin, semantics="float32")
    yield accepted("float32.margin", about, "trained", cert)
    most = claim(strongest("trained", "exact", semantics="float32"), correct_at_most="125")
    yield accepted("float32.no-upper-end", "An upper end that claims nothing.", "trained", most)


def backwards(value: Any) -> Any:
    """Return the same objects with their keys in the opposite order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return value


def spellings() -> Iterator[Case]:
    cert = strongest("trained", "subcubic/svd-query/mean+diff/svd")
    plain = text(cert)
    spaced = json.dumps(cert, indent=3).encode()
    escaped = plain.replace(b'"claim"', b'"\\u0063l\\u0061im"').replace(b'"0"', b'"\\u0030"')
    escaped = escaped.replace(b"svd-query/mean", b"svd-query\\/mean")
    for name, about, data in (
        ("indented", "White space between tokens is free.", spaced),
        ("carriage-returns", "Also CR and LF together.", spaced.replace(b"\n", b"\r\n")),
        ("tabs", "Also tabs.", json.dumps(cert, indent="\t").encode()),
        ("blank", "Also a lot of it.", plain.replace(b",", b",\n" + b" " * 40)),
        ("newline", "One line feed may follow the object.", plain + b"\n"),
        ("no-newline", "It need not.", plain),
        ("backwards", "The order of keys is free.", text(backwards(cert))),
        ("sorted", "Also in the alphabet's order.", text(cert, sort_keys=True)),
        ("escapes", "Escapes in strings are resolved, in keys as well.", escaped),
    ):
        assert data != plain or name == "no-newline"
        yield accepted(f"spelling.{name}", about, "trained", data)


def weaker() -> Iterator[Case]:
    cert = strongest("trained", "exact")
    true, total = truth("trained"), 125
    for name, about, changes in (
        ("lower", "A lower end below the truth.", {"correct_at_least": str(true - 1)}),
        ("nothing-below", "A lower end of zero.", {"correct_at_least": "0"}),
        ("higher", "An upper end above the truth.", {"correct_at_most": str(true + 1)}),
        ("nothing-above", "An upper end that claims nothing.", {"correct_at_most": str(total)}),
        (
            "nothing",
            "A claim that says nothing.",
            {"correct_at_least": "0", "correct_at_most": "125"},
        ),
    ):
        yield accepted(f"weaker.{name}", about, "trained", claim(cert, **changes))
    for strategy in (
        "exact",
        "brute-force",
        "cubic",
        "ladder",
        "moment",
        "enumerate",
        SUBCUBIC[17],
        SUBCUBIC[-1],
    ):
        strong = strongest("small", strategy)
        for bits in (32, 1024) if strategy != "enumerate" else (128, 512):
            about = f"A first working precision of {bits} bits."
            more = at_the_bound(weights("small"), proof(strong, precision=bits))
            yield accepted(f"precision.{bits}.{slug(strategy)}", about, "small", more)
        enough = proof(strong, operations=str(tally(weights("small"), strong)))
        about = "A budget of exactly what the check takes."
        case = accepted(f"budget.tally.{slug(strategy)}", about, "small", enough)
        yield Case(**(vars(case) | {"tally": True}))
    about = "The largest budget that is allowed without a flag."
    yield accepted("budget.largest", about, "trained", proof(cert, operations=str(10**11)))
    huge = proof(cert, operations="9" * 2000)
    about = "A budget of 2,000 digits, which the caller allows."
    yield accepted("budget.allowed", about, "trained", huge, "--max-operations", "9" * 2000)


def pinned() -> Iterator[Case]:
    cert = strongest("trained", "exact")
    low = cert["claim"]["correct_at_least"]
    for name, arguments in {
        "task": ("--task", "max-of-3"),
        "semantics": ("--semantics", "real"),
        "margin": ("--margin", "0"),
        "margin-decimal": ("--margin", "0.000"),
        "margin-fraction": ("--margin", "0/7"),
        "at-least": ("--at-least", f"{low}/125"),
        "at-least-decimal": ("--at-least", str(int(low) * 8 / 1000)),
        "at-least-zero": ("--at-least", "0"),
        "budget": ("--max-operations", cert["proof"]["operations"]),
        "all": ("--task", "max-of-3", "--semantics", "real", "--margin", "0", "--at-least", "1/2"),
    }.items():
        about = "The caller demands what is claimed."
        yield accepted(f"pin.{name}", about, "trained", cert, *arguments)
    third = strongest("trained", "exact", margin="1/3")
    about = "A pin is compared as a number, in any terms."
    yield accepted("pin.margin-terms", about, "trained", third, "--margin", "200/600")


def witnesses() -> Iterator[Case]:
    """Witnesses as far from a good choice as the format allows: they prove little, but truly."""
    for strategy in (*SUBCUBIC[::11], *LADDERS):
        maker = wild_ladder if strategy in LADDERS else wild
        # A wild witness may be over a limit on bits; the first that is not is taken.
        for seed in count():
            witness = maker(Random(f"{strategy} {seed}"), strategy, toy("small"))
            cert = fields("small", strategy, witness=witness)
            if verdict(weights("small"), encoded(cert)).refusal == COUNT:
                break
        about = "A wild witness within the format's limits."
        strong = at_the_bound(weights("small"), cert)
        yield accepted(f"wild.{slug(strategy)}", about, "small", strong)
    for squarings in (0, 12):
        cert = strongest("small", "subcubic/max-diff/mean+diff/svd")
        more = changed(cert, ("proof", "witness", "squarings"), squarings)
        more = at_the_bound(weights("small"), more)
        yield accepted(f"squarings.{squarings}", "An end of the range.", "small", more)
    given_up = {"labels": []}
    for strategy in LADDERS:
        cert = fields("small", strategy, witness=given_up, at_least=0, at_most=64)
        yield accepted(f"given-up.{strategy}", "A ladder without pools.", "small", cert)
        one = only(3, pool(0, 2))
        cert = fields("small", strategy, witness=one, at_least=0, at_most=64)
        yield accepted(
            f"bare.{strategy}", "A ladder of one pool that shows nothing.", "small", cert
        )


def large() -> Iterator[Case]:
    """Files that the runner makes: as large as the format allows."""
    about = "A certificate of 64 MiB, nearly all of it white space."
    name = "large:certificate-at-the-limit"
    yield Case("large.certificate", about, "trained", name, VERIFIED)
    about = "A header of 16 MiB, padded with spaces."
    yield Case("large.header", about, "large:weights-at-the-limit", "base", VERIFIED)
