"""Cases that a checker must refuse: well-formed, but another's claim, or false, or not shown."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import prod

from accept_cases import (
    STRATEGIES,
    TASKS,
    TWO_SIDED,
    at_the_bound,
    good_witness,
    slug,
    strongest,
    tie,
)
from arena_case import (
    BUDGET,
    COUNT,
    DIGEST,
    PIN,
    STATEMENT,
    UNSUPPORTED,
    WITNESS,
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
from arena_models import toy, weights
from support.certify import digest, shapes, task_of
from support.ladders import LADDERS, only, pool
from support.oracle import count_correct
from support.witnesses import SUBCUBIC, constant_gaps, dyadic
from witness_faults import Fault, ladder_faults, subcubic_faults

OTHERS = ("zero-biases", "as-float64", "subnormal", "sibling")
ONE_EACH = (
    "exact",
    "brute-force",
    "enumerate",
    "cubic",
    *LADDERS,
    SUBCUBIC[0],
    SUBCUBIC[17],
    SUBCUBIC[-1],
)


def reject_cases() -> Iterator[Case]:
    """Yield all cases of the category."""
    for maker in (drift, other_weights, semantics, pins, counts, tasks, false_claims, trap):
        yield from maker()
    for maker in (margins, swaps, budgets, empty_and_foreign_witnesses, faults):
        yield from maker()


def refused(
    name: str,
    about: str,
    model: str,
    cert: Fields,
    answer: tuple[int, str | None],
    *arguments: str,
    **flags: bool,
) -> Case:
    """Return a case that must be refused with this answer."""
    return Case(name, about, model, text(cert), answer, arguments, **flags)


def drift() -> Iterator[Case]:
    cert = strongest("trained", "exact")
    for key, value in shapes(weights("trained")).items():
        for other in (value - 1, value + 1, 2**28):
            about = f"{key} is not that of the weights."
            changed_cert = claim(cert, **{key: other})
            yield refused(f"drift.{key}.{other}", about, "trained", changed_cert, STATEMENT)
    task = task_of({"d_vocab": 3, "n_ctx": 5, "d_vocab_out": 3})
    exchanged = claim(cert, d_vocab=3, n_ctx=5, d_vocab_out=3, task=task, total="243")
    about = "Vocabulary and context exchanged, task and total to match."
    yield refused("drift.exchanged", about, "trained", exchanged, STATEMENT)
    for name, parts in {
        "fewer-positions": {"positions": [[0, 5]] * 2, "reads": [0, 1]},
        "more-positions": {"positions": [[0, 5]] * 4, "reads": [0, 1, 2, 3]},
        "token-beyond": {"positions": [[0, 5], [0, 5], [1, 6]]},
        "answer-beyond": {"answers": [0, 6]},
        "answers-beyond": {"answers": [5, 9]},
        "other-total": {"positions": [[0, 4], [0, 5], [0, 5]]},
    }.items():
        other = claim(cert, task=cert["claim"]["task"] | parts)
        about = "A task that does not fit the weights or the total."
        yield refused(f"drift.task.{name}", about, "trained", other, STATEMENT)
    for total in ("124", "126", "0", "243", "15625", "9" * 2000):
        about = "The total is not v^k."
        name = f"drift.total.{total[:6]}"
        yield refused(name, about, "trained", claim(cert, total=total), STATEMENT)
    for least, most in (
        ("109", "108"),
        ("126", "126"),
        ("0", "126"),
        ("125", "0"),
        ("108", "9" * 2000),
    ):
        twisted = fields("trained", at_least=0, at_most=125)
        twisted = _ends(twisted, least, most)
        about = "correct_at_least <= correct_at_most <= total does not hold."
        yield refused(f"drift.order.{least}-{most[:4]}", about, "trained", twisted, STATEMENT)


def _ends(cert: Fields, least: str, most: str) -> Fields:
    return cert | {"claim": cert["claim"] | {"correct_at_least": least, "correct_at_most": most}}


def other_weights() -> Iterator[Case]:
    for other in OTHERS:
        for strategy in ("exact", "cubic", SUBCUBIC[0]):
            cert = strongest(other, strategy)
            about = f"The certificate of {other}, a model of the same shape."
            name = f"digest.{other}.{slug(strategy)}"
            yield refused(name, about, "trained", cert, DIGEST)
    cert = strongest("trained", "exact")
    sha256 = digest(weights("trained"))
    last = format(int(sha256[-1], 16) ^ 1, "x")
    for name, value in {
        "last-bit": sha256[:-1] + last,
        "zeros": "0" * 64,
        "reversed": sha256[::-1],
        "of-nothing": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }.items():
        about = "The digest is not that of the weights."
        yield refused(f"digest.{name}", about, "trained", claim(cert, sha256=value), DIGEST)
    yield refused("digest.other-model", "Another model's shape too.", "small", cert, DIGEST)


def semantics() -> Iterator[Case]:
    cert = strongest("trained", "exact")
    for index, other in enumerate(("float64", "Real", "", "real ", "float", "bfloat16", "FLOAT32")):
        about = "Semantics that this version does not know."
        yield refused(
            f"semantics.{index}", about, "trained", claim(cert, semantics=other), UNSUPPORTED
        )
    for name in ("near-ties", "absorbing"):
        for strategy in TWO_SIDED:
            cert = claim(strongest(name, strategy), semantics="float32")
            about = "The counts in real arithmetic, claimed of the float32 program."
            yield refused(f"float32.{name}.{strategy}", about, name, cert, COUNT)
    for name in ("flushed", "from-the-left"):
        for strategy in TWO_SIDED:
            cert = claim(strongest(name, strategy), semantics="float32")
            about = "True in real arithmetic; a float32 program gets one of the two wrong."
            yield refused(f"float32.{name}.{strategy}", about, name, cert, COUNT)
    for name in ("float64", "subnormal", "extreme"):
        cert = claim(strongest(name, "exact"), semantics="float32")
        about = "A number of the weights is neither zero nor a normal number of float32."
        yield refused(f"float32.weights.{name}", about, name, cert, UNSUPPORTED)
    for strategy in ("exact", "cubic", "ladder", SUBCUBIC[0]):
        for end, step in (("correct_at_least", 1), ("correct_at_most", -1)):
            cert = strongest("near-ties", strategy, semantics="float32")
            if end == "correct_at_most" and strategy in ("cubic", SUBCUBIC[0]):
                continue
            beyond = str(int(cert["claim"][end]) + step)
            about = "One more than the strategy shows of the float32 program."
            name = f"float32.{slug(strategy)}.{end}"
            yield refused(name, about, "near-ties", claim(cert, **{end: beyond}), COUNT)


def pins() -> Iterator[Case]:
    cert = strongest("trained", "exact")
    low = int(cert["claim"]["correct_at_least"])
    for name, arguments in {
        "task": ("--task", "max-of-4"),
        "task-case": ("--task", "MAX-OF-3"),
        "task-empty": ("--task", ""),
        "task-spelling": ("--task", "max-of-03"),
        "task-domain": ("--task", "max-of-3[positions=0..4,0..4,0..4]"),
        "semantics": ("--semantics", "float32"),
        "margin": ("--margin", "1/3"),
        "margin-tiny": ("--margin", "0." + "0" * 500 + "1"),
        "at-least": ("--at-least", f"{low + 1}/125"),
        "at-least-one": ("--at-least", "1"),
        "at-least-hair": ("--at-least", f"{low * 10**900 + 1}/{125 * 10**900}"),
        "second-of-two": ("--margin", "0", "--task", "max-of-5"),
    }.items():
        about = "A true claim, but not the one that the caller demands."
        yield refused(f"pin.{name}", about, "trained", cert, PIN, *arguments)
    about = "The caller allows less than the budget."
    yield refused(
        "pin.budget", about, "trained", cert, (2, "limit"), "--max-operations", "999999999"
    )


def counts() -> Iterator[Case]:
    """One more than the strategy shows, at either end. Another method might show some of these."""
    for strategy in ONE_EACH:
        cert = strongest("small", strategy)
        ends = {"correct_at_least": 1}
        if strategy in (*TWO_SIDED, "enumerate", *LADDERS):
            ends["correct_at_most"] = -1
        for end, step in ends.items():
            count = int(cert["claim"][end]) + step
            beyond = _ends(
                cert,
                str(count) if step > 0 else "0",
                str(count) if step < 0 else "64",
            )
            untrue = count > truth("small") if step > 0 else count < truth("small")
            about = "One more than the strategy shows with this witness."
            name = f"count.{slug(strategy)}.{end}"
            yield refused(name, about, "small", beyond, COUNT, false=untrue)


def tasks() -> Iterator[Case]:
    """The claim of one task under another, and tasks that a strategy does not serve."""
    sizes = shapes(weights("small"))
    for name, (rule, parts) in TASKS.items():
        task = task_of(sizes, rule, **parts)
        total = prod(past - first for first, past in task["positions"])
        for strategy in ("cubic", SUBCUBIC[0]):
            cert = _ends(strongest("small", strategy), "0", str(total))
            other = cert | {"claim": cert["claim"] | {"task": task, "total": str(total)}}
            about = "The strategy serves the largest of all tokens only."
            case = f"task.{name}.{slug(strategy)}"
            yield refused(case, about, "small", other, UNSUPPORTED)
        cert = fields("small", "exact", at_least=0, at_most=0, task=task)
        strong = at_the_bound(weights("small"), cert)
        right = int(strong["claim"]["correct_at_least"])
        ends = {"above": (right + 1, total), "below": (0, right - 1)}
        for end, (least, most) in ends.items():
            if 0 <= least <= most <= total and most >= 0:
                for strategy in (*TWO_SIDED, "enumerate"):
                    beyond = proof(strong, strategy=strategy) if strategy != "exact" else strong
                    if strategy == "enumerate":
                        beyond = proof(beyond, witness={"passes": 2})
                    beyond = _ends(beyond, str(least), str(most))
                    about = "One input more or less than the model gets right of this task."
                    case = f"task.{name}.{end}.{strategy}"
                    yield refused(case, about, "small", beyond, COUNT, false=True)
    cert = strongest("trained", "exact")
    for rule in ("min", "argmax"):
        task = task_of(shapes(weights("trained")), rule)
        other = claim(cert, task=task)
        about = "The counts of the largest token, claimed of another rule."
        yield refused(f"task.swapped.{rule}", about, "trained", other, COUNT, false=True)


def false_claims() -> Iterator[Case]:
    for strategy in STRATEGIES:
        cert = _ends(strongest("small", strategy), str(truth("small") + 1), "64")
        about = "One input more than the model gets right."
        yield refused(f"false.{slug(strategy)}", about, "small", cert, COUNT, false=True)
    for name in ("ties", "near-ties", "duplicated", "zeros", "extreme", "sharp", "sign-trap"):
        total = shapes(weights(name))["d_vocab"] ** shapes(weights(name))["n_ctx"]
        for strategy in ("exact", "cubic"):
            above = fields(name, strategy, at_least=truth(name) + 1, at_most=total)
            about = "One input more than the model gets right; ties are wrong."
            yield refused(f"false.{name}.{strategy}", about, name, above, COUNT, false=True)
        if truth(name):
            below = fields(name, at_least=0, at_most=truth(name) - 1)
            about = "At most one input less than the model gets right."
            yield refused(f"false.{name}.upper", about, name, below, COUNT, false=True)
    for name in ("one-token", "one-of-all", "one-hot", "one-position"):
        below = fields(name, at_least=0, at_most=truth(name) - 1)
        about = "At most one input less than the model gets right: it gets all."
        yield refused(f"false.{name}.upper", about, name, below, COUNT, false=True)


def trap() -> Iterator[Case]:
    """A linear bound with the wrong sign counts 32 inputs of the trap right; there are 31."""
    for direct in ("mean-query", "max-diff", "max-diff-exact"):
        for anchor in (Fraction(0), Fraction(1, 2), Fraction(1)):
            witness = {"gaps": constant_gaps(16, 2, 1), "a_star": [[dyadic(anchor)]] * 16}
            strategy = f"subcubic/{direct}/mean+diff/exact"
            cert = fields("sign-trap", strategy, at_least=32, at_most=256, witness=witness)
            about = "32 of 256: what the bound gives with the sign of its slope dropped."
            name = f"trap.{direct}.{anchor.numerator}-{anchor.denominator}"
            yield refused(name, about, "sign-trap", cert, COUNT, false=True)
    chord = {"gaps": constant_gaps(16, 2, 1), "chord": [[[dyadic(0), dyadic(1)]]] * 16}
    strategy = "subcubic/max-diff-exact/chord/exact"
    cert = fields("sign-trap", strategy, at_least=32, at_most=256, witness=chord)
    yield refused("trap.chord", "The same claim by a chord.", "sign-trap", cert, COUNT, false=True)
    everything = fields("sign-trap", "exact", at_least=256, at_most=256)
    yield refused("trap.all", "Every input.", "sign-trap", everything, COUNT, false=True)


def margins() -> Iterator[Case]:
    for margin in ("1/3", "1", "100"):
        for strategy in TWO_SIDED:
            cert = claim(strongest("trained", strategy), margin=margin)
            about = "The counts at margin 0 claimed at a larger one."
            name = f"margin.{margin.replace('/', '-')}.{strategy}"
            yield refused(name, about, "trained", cert, COUNT, false=True)
    cert = claim(strongest("trained", "exact", margin="1"), margin="0")
    about = "The counts at margin 1 claimed at 0: the upper end is too low."
    yield refused("margin.dropped", about, "trained", cert, COUNT, false=True)
    just_right = count_correct(toy("one-hot"), tie() - Fraction(1, 2**100))
    for strategy in TWO_SIDED:
        tied = fields("one-hot", strategy, margin=str(tie()), at_least=just_right, at_most=64)
        about = "A gap that equals the margin is counted as right."
        yield refused(f"margin.tie.{strategy}", about, "one-hot", tied, COUNT, false=True)
    for index, margin in enumerate(("-1", "-1/3")):
        about = "A margin is not negative."
        cert = claim(strongest("trained", "exact"), margin=margin)
        yield refused(f"margin.negative.{index}", about, "trained", cert, UNSUPPORTED)


def swaps() -> Iterator[Case]:
    """The proof of one claim under another."""
    small, trained = strongest("small", SUBCUBIC[17]), strongest("trained", SUBCUBIC[17])
    about = "The witness of a model of another vocabulary."
    swapped = trained | {"proof": small["proof"]}
    yield refused("swap.model.subcubic", about, "trained", swapped, WITNESS)
    for strategy in LADDERS:
        # One with a token more: a witness for fewer tokens gives labels up.
        swapped = strongest("small", strategy) | {"proof": strongest("trained", strategy)["proof"]}
        yield refused(f"swap.model.{strategy}", about, "small", swapped, WITNESS)
    sibling = strongest("sibling", "exact")
    renamed = claim(sibling, sha256=digest(weights("trained")))
    about = "A sibling's counts under this model's digest."
    yield refused("swap.counts", about, "trained", renamed, COUNT, false=True)
    exact = strongest("small", "exact")
    for strategy in ("cubic", "ladder", "grid", *SUBCUBIC[::13]):
        weak = strongest("small", strategy)["proof"]
        if strategy in LADDERS:
            weak = proof({"proof": weak}, witness={"labels": []})["proof"]
        about = "The claim of `exact` with the proof of a strategy that shows less."
        yield refused(
            f"swap.strategy.{slug(strategy)}", about, "small", exact | {"proof": weak}, COUNT
        )
    for strategy in SUBCUBIC[5::29]:
        for other in SUBCUBIC[9::41]:
            swapped = proof(strongest("small", strategy), strategy=other)
            if set(good_witness("small", strategy)) == set(good_witness("small", other)):
                continue
            about = "The witness of another strategy, with other keys."
            name = f"swap.witness.{slug(strategy)}.{slug(other)}"
            yield refused(name, about, "small", swapped, WITNESS)


def budgets() -> Iterator[Case]:
    for strategy in ONE_EACH:
        for kind in ("real", "float32") if strategy not in LADDERS[1:] else ("real",):
            cert = strongest("small", strategy, semantics=kind)
            enough = tally(weights("small"), cert)
            less = proof(cert, operations=str(enough - 1))
            about = "One operation less than the reference checker takes."
            name = f"budget.{slug(strategy)}.{kind}"
            yield refused(name, about, "small", less, BUDGET, tally=True)
        none = proof(strongest("small", strategy), operations="0")
        about = "A budget of nothing."
        yield refused(f"budget.zero.{slug(strategy)}", about, "small", none, BUDGET)


def empty_and_foreign_witnesses() -> Iterator[Case]:
    for strategy in ("exact", "brute-force", "cubic"):
        for index, extra in enumerate(({"gaps": []}, {"": {}}, {"labels": []})):
            cert = proof(strongest("small", strategy), witness=extra)
            about = "A strategy that takes the empty witness is given another."
            yield refused(f"witness.{strategy}.{index}", about, "small", cert, WITNESS)
    for strategy in ("enumerate", *LADDERS, SUBCUBIC[0], SUBCUBIC[-1]):
        cert = proof(strongest("small", strategy), witness={})
        about = "The empty witness where one is needed."
        yield refused(f"witness.empty.{slug(strategy)}", about, "small", cert, WITNESS)
    for index, name in enumerate(
        ("Exact", "exact ", "", "subcubic", "subcubic/exact/exact/exact", "subcubic/", "trust-me")
    ):
        cert = proof(strongest("small", "exact"), strategy=name)
        yield refused(f"strategy.{index}", "No such strategy.", "small", cert, UNSUPPORTED)


def faults() -> Iterator[Case]:
    """Every key of every kind of witness, out of its domain."""
    for strategy, wrong in subcubic_faults():
        yield _fault(strongest("small", strategy), strategy, wrong)
    for strategy, wrong in ladder_faults():
        yield _fault(bare_ladder(strategy), strategy, wrong)


def bare_ladder(strategy: str) -> Fields:
    """Return a good certificate that claims nothing, with one pool that shows nothing."""
    witness = only(3, pool(0, 2))
    return fields("small", strategy, at_least=0, at_most=64, witness=witness)


def _fault(cert: Fields, strategy: str, wrong: Fault) -> Case:
    spoilt = changed(cert, ("proof", "witness", *wrong.path), wrong.value)
    name = f"witness.{slug(strategy)}.{wrong.key}.{wrong.name}"
    return refused(name, f"{wrong.key}: {wrong.about}.", "small", spoilt, WITNESS)
