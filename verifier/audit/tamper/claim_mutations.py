"""Mutants of the statement and of the proof's fields: everything but the witness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from ballproof.verifier.audit.subject import Subject
from ballproof.verifier.audit.tamper.mutant import (
    CLAIM,
    MARGIN_DIGITS,
    PROOF,
    Mutant,
    mutants_of,
    wrong_types,
)
from ballproof.verifier.strategies import STRATEGIES, strategy_named
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
from ballproof.verifier.strategies.obstacles import has_needed, serves_task

MODEL, TASK = ("claim", "model"), ("claim", "task")
SIZES = (*MODEL, "sizes")
MAX_SIZE, MAX_RANK = 2**28, 8
COUNTS = ("total", "correct_at_least", "correct_at_most")
LEAVES: tuple[Path, ...] = (
    (*MODEL, "sha256"),
    SIZES,
    TASK,
    *((*TASK, key) for key in ("rule", "positions", "reads", "answers")),
    *(("claim", key) for key in ("semantics", "margin", *COUNTS)),
    *(("proof", key) for key in ("tally", "strategy", "precision", "operations")),
)
OBJECTS: tuple[Path, ...] = (("claim",), MODEL, ("proof",))
# Of a large family, so many.
OTHERS = 16


def claim_mutants(subject: Subject) -> Iterator[Mutant]:
    """Yield mutants of the statement that are refused before anything is computed."""
    fields = subject.fields
    changes = [
        Change(("format",), f"ballproof-certificate/{version}", frozenset({UNSUPPORTED}))
        for version in ("1", "3", "2 ", "02")
    ]
    leaves = (*LEAVES, *_sizes(fields))
    changes += [change for path in leaves for change in _mistyped(fields, path)]
    changes += [
        Change(path, MISSING, frozenset({SYNTAX}))
        for path in (*OBJECTS, ("format",), *leaves, (*MODEL, "parts"), ("proof", "witness"))
    ]
    changes += [
        Change((*path, "note"), "1", frozenset({SYNTAX})) for path in ((), *OBJECTS, SIZES, TASK)
    ]
    spoilt: list[Any] = [None, [], "", 0, True, [{}], "{}"]
    changes += [Change(("proof", "witness"), value, frozenset({SYNTAX})) for value in spoilt]
    yield from mutants_of(fields, CLAIM, [c for c in changes if c.path[0] != "proof"])
    yield from mutants_of(fields, PROOF, [c for c in changes if c.path[0] == "proof"])
    yield from mutants_of(fields, CLAIM, [*_digests(fields), *_shapes(fields), *_texts(subject)])
    yield from mutants_of(fields, CLAIM, [*_parts(fields), *_tasks(subject)])
    yield from mutants_of(fields, CLAIM, _disordered(subject))


def _sizes(fields: Any) -> list[Path]:
    """Return the places of the model's sizes, which its architecture names."""
    return [(*SIZES, key) for key in looked_up(fields, SIZES)]


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
    for path in _sizes(fields):
        size = looked_up(fields, path)
        # A model may have no MLP, and else no size is 0.
        least = 0 if path[-1] == "d_mlp" else 1
        others = {size - 1: STATEMENT if size > least else LIMIT, size + 1: STATEMENT}
        others |= {0: LIMIT if least else STATEMENT, -1 - size: LIMIT, MAX_SIZE + 1: LIMIT}
        changes += [Change(path, other, frozenset({answer})) for other, answer in others.items()]
    return changes


def _parts(fields: Any) -> list[Change]:
    """Return models that are not made of the parts that are served."""
    path = (*MODEL, "parts")
    parts: list[dict[str, Any]] = looked_up(fields, path)
    sizes = looked_up(fields, SIZES)
    others: list[Any] = [[], None, "embed", parts[:-1], parts[1:], parts[::-1], [*parts, None]]
    others.append([*parts, parts[-1]])
    for place, part in enumerate(parts):
        listed: list[Any] = [None, part["part"], {}, {**part, "note": 1}, {**part, "part": "mlp"}]
        for key, value in part.items():
            # Deep models may be read at any position: another one is another true statement, maybe.
            number = [] if key == "position" and "n_layers" in sizes else [2]
            spoilt = [None, True, f"{value} ", [value], *number]
            listed += [{**part, key: other} for other in spoilt]
        others += [[*parts[:place], other, *parts[place + 1 :]] for other in listed]
    # Several heads are served, and layers in sequence, as models of other sizes.
    answers = frozenset({UNSUPPORTED, SYNTAX} if "n_layers" not in sizes else {UNSUPPORTED})
    return [Change(path, other, answers) for other in others]


def _tasks(subject: Subject) -> list[Change]:
    """Return tasks that are none, and tasks that do not fit the weights or the total."""
    task, shape = subject.fields["claim"]["task"], subject.weights.shape
    positions, reads, answers = task["positions"], task["reads"], task["answers"]
    first, past = positions[0]
    fewer = [[first, past - 1], *positions[1:]]
    table: list[tuple[str, list[Any], Answer]] = [
        ("rule", ["", "Max", "max ", f"{task['rule']}-of-{len(reads)}"], UNSUPPORTED),
        ("positions", [[], [[0]], [[0, 1, 2]], [None], [[0, "1"]], [[0, True]]], SYNTAX),
        ("positions", [[[-1, past], *positions[1:]], [[past, past], *positions[1:]]], LIMIT),
        ("positions", [[[0, MAX_SIZE + 1], *positions[1:]]], LIMIT),
        ("positions", [[*positions, positions[-1]]], STATEMENT),
        ("positions", [[*positions[:-1], [0, shape.d_vocab + 1]]], _of_domain(task, -1)),
        ("positions", [fewer], _of_domain(task, 0, fewer=True) if past - first > 1 else LIMIT),
        ("reads", [[], [reads[0], reads[0]], [str(reads[0])], [None], [True], [[0]]], SYNTAX),
        ("reads", [[-1], [*reads, shape.n_ctx]], LIMIT),
        ("answers", [[], [0], [0, 1, 2], ["0", 1], [0, True], [None, 1]], SYNTAX),
        ("answers", [[-1, answers[1]], [answers[1], answers[1]], [0, MAX_SIZE + 1]], LIMIT),
        ("answers", [[0, shape.d_vocab_out + 1]], STATEMENT),
    ]
    if len(reads) > 1:
        table.append(("reads", [reads[::-1]], SYNTAX))
    if "rank" in task:
        beyond = LIMIT if len(reads) >= MAX_RANK else UNSUPPORTED
        table += [("rank", [0, -1, MAX_RANK + 1], LIMIT), ("rank", [len(reads) + 1], beyond)]
        table += [("rank", [MISSING, None, True, "1", [1]], SYNTAX)]
    else:
        table.append(("rank", [1, None], SYNTAX))
    others = task.keys() - {"rule", "rank", "positions", "reads", "answers"}
    table += [(key, [MISSING], SYNTAX) for key in sorted(others)]
    table += [
        (key, [None, True, {}], UNSUPPORTED if key == "side" else SYNTAX) for key in sorted(others)
    ]
    if "modulus" not in task:
        table.append(("rule", ["sum"], SYNTAX))
    return [
        Change((*TASK, key), value, frozenset({answer}))
        for key, values, answer in table
        for value in values
    ]


def _of_domain(task: Any, place: int, *, fewer: bool = False) -> Answer:
    """Return the answer to another range of tokens at a position, larger or smaller.

    A table lists a label for each input that it reads, and a group has no more elements.
    """
    if place % len(task["positions"]) not in task["reads"]:
        return STATEMENT
    if task["rule"] == "table":
        return SYNTAX
    return UNSUPPORTED if task["rule"] == "product" and not fewer else STATEMENT


def _texts(subject: Subject) -> list[Change]:
    """Return changes of semantics, margin and the spelling of counts."""
    table: list[tuple[Path, Sequence[str], Answer]] = [
        (("claim", "semantics"), ["", "Real", "real ", "float", "complex"], UNSUPPORTED),
        (("claim", "margin"), ["-1", "-1/2"], UNSUPPORTED),
        (
            ("claim", "margin"),
            ["", "0.0", "00", "-0", "0/1", "1/1", "2/4", "1/0", "1/-2", "+1", " 0", "1e-3", "NaN"],
            SYNTAX,
        ),
        (("claim", "margin"), ["9" * (MARGIN_DIGITS + 1), "9" * 2001], LIMIT),
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
    """Yield mutants of tally, strategy, precision and budget."""
    fields = subject.fields
    strategy, precision, operations = (
        ("proof", key) for key in ("strategy", "precision", "operations")
    )
    unknown = ["", "quartic", subject.strategy.upper(), f"{subject.strategy} ", "__init__"]
    unknown += ["subcubic", "subcubic/svd-query/mean+diff", "x" * 10_000]
    cheap = [Change(strategy, name, frozenset({UNSUPPORTED})) for name in unknown]
    cheap += [Change(precision, bits, frozenset({LIMIT})) for bits in (31, 1025, 0, -64, 10**9)]
    cheap += [Change(("proof", "tally"), other, frozenset({LIMIT})) for other in (0, 2, -1, 10**9)]
    above = str(subject.files.max_operations + 1)
    cheap.append(Change(operations, above, frozenset({LIMIT})))
    swaps = [Change(strategy, x.name, _swapped(subject, x)) for x in _others(subject, rng)]
    cheap += [change for change in swaps if HARMLESS not in change.expected]
    yield from mutants_of(fields, PROOF, cheap)
    computed = [change for change in swaps if HARMLESS in change.expected]
    bits = looked_up(fields, precision)
    others = {32, max(bits - 1, 32), min(bits + 1, 1024), min(2 * bits, 1024), 1024} - {bits}
    computed += [
        Change(precision, other, COMPUTED if _serves(subject, other) else OUTSIDE | {LIMIT})
        for other in sorted(others)
    ]
    yield from mutants_of(fields, PROOF, computed, cost=1.0)
    yield from _budgets(subject, operations)


def _serves(subject: Subject, bits: int) -> bool:
    witness = subject.fields["proof"]["witness"]
    return strategy_named(subject.strategy).serves_precision(witness, bits)


def _others(subject: Subject, rng: Random) -> list[Strategy]:
    """Return the other strategies, and only some of a large family."""
    families: dict[str, list[Strategy]] = {}
    for strategy in STRATEGIES:
        if strategy.name != subject.strategy:
            families.setdefault(strategy.family, []).append(strategy)
    return [one for members in families.values() for one in some(members, OTHERS, rng)]


def _swapped(subject: Subject, strategy: Strategy) -> frozenset[Answer]:
    """Return what the same proof may answer under another strategy's name."""
    problem = subject.problem
    if not (serves_task(strategy, problem) and has_needed(strategy, problem)):
        return frozenset({UNSUPPORTED})
    fits = strategy.fits(subject.fields["proof"]["witness"])
    return COMPUTED if fits else OUTSIDE


def _budgets(subject: Subject, path: Path) -> Iterator[Mutant]:
    tally = int(subject.verdict["tally"])
    for budget in sorted({tally - 1, tally // 2, tally // 100, 1, 0}):
        if 0 <= budget < tally:
            change = Change(path, str(budget), frozenset({BUDGET}))
            yield from mutants_of(subject.fields, PROOF, [change], budget / tally)
