"""`ballproof info` and `ballproof evaluate`: look at a model, or at one input."""

from __future__ import annotations

import re
from typing import Any

import click
import flint
import numpy as np

from ballproof.models.catalogue import record_of
from ballproof.models.comparison import assumptions
from ballproof.models.forward import evaluate as forward
from ballproof.models.task_choice import Choice, choose_task
from ballproof.models.tasks import Task
from ballproof.models.weights import Weights
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import (
    asked_task,
    json_option,
    load_model,
    model_argument,
    pass_terminal,
    task_option,
)
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.counting.signs import wrong
from ballproof.verifier.report.numbers import json_count
from ballproof.verifier.strategies.subcubic.directions import query_key_table

FIRST_BITS, LAST_BITS = 128, 16_384
SHOWN = 5
BRACKETS = {("[", "]"), ("(", ")")}


@click.command()
@model_argument
@task_option
@json_option
@pass_terminal
def info(terminal: Terminal, model: str, task_name: str | None, as_json: bool) -> None:
    """Say what MODEL is: architecture, sizes, task, digest, biases, what the zoo knows of it.

    \b
    Examples:
      ballproof info max-of-4-seed-123
      ballproof info model.safetensors --task 'add-mod-59[coefficients=1,-1]'
    """
    weights = load_model(model)
    facts = _facts(weights, model, choose_task(weights, task_name))
    if weights.architecture.factors is not None:
        facts["sigma1 / sigma2"] = _singular_ratio(weights)
    if as_json:
        terminal.json(facts)
    else:
        terminal.result(*(f"{key.replace('_', ' '):<18}{value}" for key, value in facts.items()))


def _facts(weights: Weights, model: str, choice: Choice) -> dict[str, Any]:
    """Return what is known of the model: numbers where they are numbers."""
    shape, task = weights.shape, choice.task
    optional = weights.architecture.optional
    present = [n for n in optional if n in weights.tensors]
    given = [n for n in present if any(map(any, weights.tensors[n].tolist()))]
    # Positions may be absent too.
    biases = [last for n in given if (last := n.split(".")[-1]).startswith("b")]
    facts: dict[str, Any] = {
        "model": model,
        "sha256": weights.digest,
        "architecture": weights.architecture.words,
        **shape.fields(),
        "task": task.name(shape),
        "task known": choice.assumption or "yes",
        "function": weights.architecture.words,
        "compared": _compared(weights),
        "inputs": json_count(task.total),
        "non-zero biases": ", ".join(dict.fromkeys(biases)) or "none",
    }
    record = record_of(weights.digest)
    if record is not None:
        facts |= {"zoo_name": record["name"], "origin": record["origin"]}
        known = ("recipe", "remark", "sampled_accuracy", "samples")
        facts |= {name: value for name, value in record.items() if name in known}
        if "exactly_right" in record:
            facts["exactly right"] = json_count(int(record["exactly_right"]))
    return facts


def _compared(weights: Weights) -> str:
    """Return whether the function is known to be the one of the user's program."""
    if weights.compared is not None:
        return f"with a running program {weights.compared}"
    assumed = f"no; assumed: {weights.architecture.assumed}"
    return assumed if assumptions(weights) else "a model of the zoo"


def _singular_ratio(weights: Weights) -> float | None:
    """Return sigma_1 / sigma_2 of the query-key table, in floats: how close it is to rank one."""
    values = np.linalg.svd(query_key_table(pose(weights)), compute_uv=False)
    if len(values) < 2 or values[1] <= 1e-12 * values[0]:
        return None
    return float(f"{values[0] / values[1]:.6g}")


def _read_tokens(context: click.Context, parameter: click.Parameter, words: object) -> list[int]:
    """Return the tokens of 3,17,60,12, of "3 17 60 12" and of "[3, 17, 60, 12]", quoted or not."""
    text = " ".join(words) if isinstance(words, tuple) else str(words)
    bare = text.strip()
    if (bare[:1], bare[-1:]) in BRACKETS:
        bare = bare[1:-1].strip()
    # Between two tokens one comma, or spaces, or both; one comma may end the list.
    parts = re.split(r"\s*,\s*|\s+", bare.removesuffix(",").rstrip())
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise click.BadParameter(
            f"{text!r} is no sequence of tokens: write numbers from 0 on, as in 3,17,60,12 or "
            "'3 17 60 12' or '[3, 17, 60, 12]'."
        )
    return [int(part) for part in parts]


@click.command()
@model_argument
@click.argument("tokens", metavar="TOKENS", nargs=-1, required=True, callback=_read_tokens)
@task_option
@json_option
@pass_terminal
def evaluate(
    terminal: Terminal, model: str, tokens: list[int], task_name: str | None, as_json: bool
) -> None:
    """Evaluate MODEL on one input, rigorously: TOKENS as in 3,17,60,12 or "[3, 17, 60, 12]".

    The logits are those of the task's answers: only they compete. They are enclosures of the real
    function's values, and the verdict is exact: right, or wrong, as every tie is. What stays open
    with many bits, a tie of exponentials of several heads, is undecided.

    \b
    Examples:
      ballproof evaluate max-of-4-seed-123 3,17,60,12
      ballproof evaluate add-mod-59-seed-0 3,17,59
    """
    weights = load_model(model)
    try:
        logits = _logits(weights, tokens)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="TOKENS") from None
    task = asked_task(terminal, weights, task_name)
    _require_labelled(task, tokens)
    label, verdict = task.label(tokens), _verdict(weights, task, tokens)
    ranked = _ranked(logits, task.answers)
    if as_json:
        rows = [{"answer": j, "logit": logits[j].str(20)} for j in ranked]
        facts = {"task": task.name(weights.shape), "tokens": tokens, "label": label}
        terminal.json({**facts, "verdict": verdict, "logits": rows})
        return
    no_answer = "" if label in task.answers else ", which is no answer of the task"
    terminal.result(f"label {label}{no_answer}: {verdict}")
    shown = ranked[:SHOWN] + [j for j in ranked[SHOWN:] if j == label]
    terminal.result(*(f"  logit of {j:<4} {logits[j].str(15)}" for j in shown))


def _require_labelled(task: Task, tokens: list[int]) -> None:
    for position, (token, allowed) in enumerate(zip(tokens, task.positions, strict=True)):
        if token not in allowed:
            raise click.BadParameter(
                f"The token {token} at position {position} is outside the task's domain, which "
                f"allows {allowed.start} to {allowed.stop - 1} there.",
                param_hint="TOKENS",
            )
    if task.label(tokens) is None:
        raise click.BadParameter("The task has no label for this input.", param_hint="TOKENS")


def _verdict(weights: Weights, task: Task, tokens: list[int]) -> str:
    """Return whether the input is right, exactly; columns are those of the task's answers."""
    if weights.architecture.tables is None:
        return _verdict_by_enclosures(weights, task, tokens)
    problem = pose(weights, task=task)
    own = problem.label_column(tokens)
    rivals = [column for column in range(problem.answers) if column != own]
    is_wrong = wrong(problem, tokens, rivals)
    return {True: "wrong", False: "right", None: "undecided"}[is_wrong]


def _verdict_by_enclosures(weights: Weights, task: Task, tokens: list[int]) -> str:
    """Return whether the input is right, by enclosures of the logits with more and more bits.

    They are points in the end where the model has no exponentials, so that its ties are told.
    """
    label, bits = task.label(tokens), FIRST_BITS
    if label is None or label not in task.answers:
        return "wrong"
    while bits <= LAST_BITS:
        with flint.ctx.workprec(bits):
            logits = forward(weights, tokens, bits)
            leads = [logits[label] - logits[j] for j in task.answers if j != label]
        if any(lead <= 0 for lead in leads):
            return "wrong"
        if all(lead > 0 for lead in leads):
            return "right"
        bits *= 4
    return "undecided"


def _logits(weights: Weights, tokens: list[int]) -> list[flint.arb]:
    """Return enclosures, with more bits where few give no finite ones."""
    bits = FIRST_BITS
    while True:
        try:
            return forward(weights, tokens, bits)
        except ValueError:
            if bits >= LAST_BITS or len(tokens) != weights.shape.n_ctx:
                raise
            bits *= 4


def _ranked(logits: list[flint.arb], answers: range) -> list[int]:
    """Return the answers, largest midpoint first: an order for display only."""
    keys = {answer: logits[answer].mid().fmpq() for answer in answers}
    return sorted(answers, key=keys.__getitem__, reverse=True)
