"""Mutants of the statement and of the proof's fields: everything but the witness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from ballproof.verifier.audit.subject import Subject
from ballproof.verifier.audit.tamper.mutant import CLAIM, PROOF, Mutant, mutants_of, wrong_types
from ballproof.verifier.strategies import STRATEGIES
from ballproof.verifier.strategies.base import Strategy
from ballproof.verifier.strategies.changes import (
    BUDGET,
    COMPUTED,
    DIGEST,
    HARMLESS,
    LIMIT,
    MISSING,
    OUTSIDE,
    STATEMENT,
    SYNTAX,
    UNSUPPORTED,
    Answer,
    Change,
    Path,
    looked_up,
)
from ballproof.verifier.strategies.faults import some

MODEL = ("claim", "model")
SIZES = ("d_vocab", "n_ctx", "d_model", "d_head")
MAX_SIZE = 2**28
COUNTS = ("total", "correct_at_least", "correct_at_most")
LEAVES: tuple[Path, ...] = (
    *((*MODEL, key) for key in ("sha256", *SIZES)),
    *(("claim", key) for key in ("task", "semantics", "margin", *COUNTS)),
    *(("proof", key) for key in ("strategy", "precision", "operations")),
)
# Of a large family, so many.
OTHERS = 16


def claim_mutants(subject: Subject) -> Iterator[Mutant]:
    """Yield mutants of the statement that are refused before anything is computed."""
    fields = subject.fields
    changes = [Change(("format",), "ballproof-certificate/2", frozenset({UNSUPPORTED}))]
    changes += [change for path in LEAVES for change in _mistyped(fields, path)]
    changes += [
        Change(path, MISSING, frozenset({SYNTAX}))
        for path in (("format",), ("claim",), MODEL, ("proof",), *LEAVES, ("proof", "witness"))
    ]
    changes += [
        Change((*path, "note"), "1", frozenset({SYNTAX}))
        for path in ((), ("claim",), MODEL, ("proof",))
    ]
    spoilt: list[Any] = [None, [], "", 0, True, [{}], "{}"]
    changes += [Change(("proof", "witness"), value, frozenset({SYNTAX})) for value in spoilt]
    yield from mutants_of(fields, CLAIM, [c for c in changes if c.path[0] != "proof"])
    yield from mutants_of(fields, PROOF, [c for c in changes if c.path[0] == "proof"])
    yield from mutants_of(fields, CLAIM, [*_digests(fields), *_shapes(fields), *_texts(subject)])
    yield from mutants_of(fields, CLAIM, _disordered(subject))


def _mistyped(fields: Any, path: Path) -> list[Change]:
    return wrong_types(path, looked_up(fields, path), SYNTAX)


def _digests(fields: Any) -> list[Change]:
    path = (*MODEL, "sha256")
    text = looked_up(fields, path)
    flipped = [
        text[:place] + f"{(int(text[place], 16) + 1) % 16:x}" + text[place + 1 :]
        for place in range(len(text))
    ]
    spoilt = ["", text[:-1], text + "0", text[:-1] + "g", "sha256:" + text, text + "\n", " " + text]
    return [Change(path, other, frozenset({DIGEST})) for other in (*flipped, "0" * 64)] + [
        Change(path, other, frozenset({SYNTAX})) for other in (*spoilt, text[:-1] + "\uff10")
    ]


def _shapes(fields: Any) -> list[Change]:
    changes = []
    for key in SIZES:
        path, size = (*MODEL, key), looked_up(fields, (*MODEL, key))
        others = {size - 1: STATEMENT if size > 1 else LIMIT, size + 1: STATEMENT}
        others |= {0: LIMIT, -size: LIMIT, MAX_SIZE + 1: LIMIT}
        changes += [Change(path, other, frozenset({answer})) for other, answer in others.items()]
    return changes


def _texts(subject: Subject) -> list[Change]:
    """Return changes of task, semantics, margin and the spelling of counts."""
    task, k = subject.fields["claim"]["task"], subject.weights.shape.n_ctx
    table: list[tuple[Path, Sequence[str], Answer]] = [
        (
            ("claim", "task"),
            [
                f"max-of-{k + 1}",
                f"min-of-{k}",
                task.upper(),
                f"{task} ",
                f" {task}",
                f"{task}\n",
                "",
            ],
            STATEMENT,
        ),
        (("claim", "semantics"), ["", "Real", "real ", "float", "complex"], UNSUPPORTED),
        (("claim", "margin"), ["-1", "-1/2"], UNSUPPORTED),
        (
            ("claim", "margin"),
            ["", "0.0", "00", "-0", "0/1", "1/1", "2/4", "1/0", "1/-2", "+1", " 0", "1e-3", "NaN"],
            SYNTAX,
        ),
        (("claim", "margin"), ["9" * 2001], LIMIT),
    ]
    for path in (*(("claim", key) for key in COUNTS), ("proof", "operations")):
        text = looked_up(subject.fields, path)
        spoilt = [
            f"+{text}",
            f"0{text}",
            f"{text} ",
            f"{text}.0",
            f"-{text}",
            f"{text}/1",
            "",
            "NaN",
        ]
        table += [(path, [*spoilt, f"0x{text}"], SYNTAX), (path, ["9" * 2001], LIMIT)]
    return [
        Change(path, value, frozenset({answer}))
        for path, values, answer in table
        for value in values
    ]


def _disordered(subject: Subject) -> list[Change]:
    """Return claims whose counts do not fit the weights, or one another."""
    claim, total = subject.fields["claim"], subject.total
    counts = [
        {"total": str(total + 1)},
        {"total": str(total - 1)},
        {"total": "0"},
        {"total": claim["correct_at_least"]} if subject.claimed[0] < total else {"total": "1" * 9},
        {"correct_at_most": str(total + 1)},
        {"correct_at_least": str(total + 1)},
        {"correct_at_least": str(subject.claimed[1] + 1)},
        {"total": str(10 * total), "correct_at_least": str(10 * total)},
    ]
    if subject.claimed[0]:
        counts.append({"correct_at_most": str(subject.claimed[0] - 1)})
    return [
        Change(("claim",), {**claim, **changed}, frozenset({STATEMENT}))
        for changed in counts
        if {**claim, **changed} != claim and (changed.get("total") != str(total))
    ]


def proof_mutants(subject: Subject, rng: Random) -> Iterator[Mutant]:
    """Yield mutants of strategy, precision and budget."""
    fields = subject.fields
    strategy, precision, operations = (
        ("proof", key) for key in ("strategy", "precision", "operations")
    )
    unknown = ["", "quartic", subject.strategy.upper(), f"{subject.strategy} ", "__init__"]
    unknown += ["subcubic", "subcubic/svd-query/mean+diff", "x" * 10_000]
    cheap = [Change(strategy, name, frozenset({UNSUPPORTED})) for name in unknown]
    cheap += [Change(precision, bits, frozenset({LIMIT})) for bits in (31, 1025, 0, -64, 10**9)]
    above = str(subject.files.max_operations + 1)
    cheap.append(Change(operations, above, frozenset({LIMIT})))
    swaps = [Change(strategy, x.name, _swapped(subject, x)) for x in _others(subject, rng)]
    cheap += [change for change in swaps if HARMLESS not in change.expected]
    yield from mutants_of(fields, PROOF, cheap)
    computed = [change for change in swaps if HARMLESS in change.expected]
    bits = looked_up(fields, precision)
    others = {32, max(bits - 1, 32), min(bits + 1, 1024), 1024} - {bits}
    computed += [Change(precision, other, COMPUTED) for other in sorted(others)]
    yield from mutants_of(fields, PROOF, computed, cost=1.0)
    yield from _budgets(subject, operations)


def _others(subject: Subject, rng: Random) -> list[Strategy]:
    """Return the other strategies, and only some of a large family."""
    families: dict[str, list[Strategy]] = {}
    for strategy in STRATEGIES:
        if strategy.name != subject.strategy:
            families.setdefault(strategy.family, []).append(strategy)
    return [one for members in families.values() for one in some(members, OTHERS, rng)]


def _swapped(subject: Subject, strategy: Strategy) -> frozenset[Answer]:
    """Return what the same proof may answer under another strategy's name."""
    fits = strategy.fits(subject.fields["proof"]["witness"])
    return COMPUTED if fits else OUTSIDE


def _budgets(subject: Subject, path: Path) -> Iterator[Mutant]:
    tally = int(subject.verdict["tally"])
    for budget in sorted({tally - 1, tally // 2, tally // 100, 1, 0}):
        if 0 <= budget < tally:
            change = Change(path, str(budget), frozenset({BUDGET}))
            yield from mutants_of(subject.fields, PROOF, [change], budget / tally)
