"""Deep transformers on every input: counts, least leads, seconds, memory, beside other ways.

    python benchmarks/deep.py [FOLDER ...] [--out docs/results/deep.md] [--nodes]

Each FOLDER may hold public checkpoints, as their authors published them or converted; those that no
folder holds are left out, and so are models of the zoo that are not installed. Each is proved by
`enumerate` with its least lead and checked in a process of its own. Beside them stand figures that
others published, and what a plain evaluation in rational numbers takes for all inputs, by a sample.
With --nodes, random models of several widths are checked as well: microseconds for a prefix.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import plain_rationals

from ballproof.certificates.writer import encode
from ballproof.models.catalogue import resolve
from ballproof.models.task_choice import choose_task
from ballproof.models.tasks import Task, task_named
from ballproof.models.weights import Weights, load_weights
from ballproof.verifier.counting.deep.model import arrays_of
from ballproof.verifier.counting.goal import silent
from ballproof.verifier.counting.inputs import NO_LABEL, Inputs
from ballproof.verifier.counting.problem import Problem, pose
from ballproof.verifier.proving.least_lead import decimal, raising
from ballproof.verifier.proving.pipeline import draft
from ballproof.verifier.strategies import strategy_named

SAMPLE = 2
# Of four positions of ten tokens.
PREFIXES = 11_110
MOST = 10**14
# A process counts the memory of the one that it was forked from: one that is small starts it.
SMALL = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
sys.stderr.write(f"\\n{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}\\n")
sys.exit(code)
"""
VCIRC = "about 2 h on six cores, least lead >= 8.09507430139504 (vcirc)"


class Deep(NamedTuple):
    """A model: its file's name or its name in the zoo, its task, how it is imported, if it is.

    `published` is what others say of the same count.
    """

    name: str
    task: str | None
    options: tuple[str, ...] = ()
    published: str = ""


def _brackets(n: int) -> Deep:
    spans = ",".join(["0..0", *["3..4"] * n, "2..2"])
    reads = ",".join(map(str, range(1, n + 1)))
    task = f"balanced-{n}[open=3;close=4;labels=0,1;positions={spans};reads={reads}]"
    return Deep(f"brackets-40-of-{n}", task)


MODELS = (
    Deep("dyck-10", "balanced-10", ("--map", "dyck")),
    Deep("dyck-16", "balanced-16", ("--map", "dyck"), VCIRC),
    Deep("after-6-of-12-two-layers", "after-6-of-12"),
    *map(_brackets, (6, 8, 10)),
    Deep("grokking-low-precision", "add-mod-113", ("--map", "grokking")),
    Deep("pizza-h9m153uuh9", "add-mod-59", ("--map", "pizza")),
    Deep("pizza-2fsoiei4o2", "add-mod-59", ("--map", "pizza")),
    *(
        Deep(f"{stem}-seed-{seed}", None)
        for stem in ("after-6-of-12", "balanced-12", "sum-mod-10-of-4", "parity-12")
        for seed in range(2)
    ),
)

HEAD = """# Deep transformers on every input

Two layers and more, norms, GELU, sums over positions: every input of the domain, evaluated by the
tree of prefixes by `enumerate`, both ends of the count. Made by `python benchmarks/deep.py FOLDER`;
public files are not part of this project. The least lead is certified: it is the margin of the
claim, which the lead of every input that counts as right exceeds. Seconds are of processor time,
the prover's in numpy for the least lead and the count, the checker's in plain Python on one core;
megabytes are its largest, with those of the command that starts it. "Plain"
are the seconds that all inputs take by a plain evaluation in rational numbers of 96 bits
(`benchmarks/plain_rationals.py`) without any bound of its error, by a sample.

| model | task | right | of | least lead | operations | prove, s | check, s | MB | plain, s |
|---|---|---|---|---|---|---|---|---|---|
"""
# Layers, width, neurons, norm, activation.
NODES = (
    *((layers, d, None, "relu") for d in (32, 64, 128) for layers in (2, 3)),
    *((layers, d, ("layer", "1/100000"), "gelu") for d in (32, 64) for layers in (1, 2, 3)),
)
NODES_HEAD = """
## Microseconds for a prefix

Random models with ten tokens, four positions (10,000 inputs, 11,110 prefixes), four heads, as many
neurons as four times the width, the last position read: processor seconds of the check, with its
start, divided by the prefixes. An input of many tokens has little more than one prefix of its own,
one of two tokens has two; where all positions see each other an input takes as much as n prefixes.
Widths are those of the passes that the witness states: inputs that the first leaves open go on.

| layers | width | parts | passes | us for a prefix | inputs in 60 s |
|---|---|---|---|---|---|
"""


def main() -> int:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--nodes", action="store_true", help="measure random models as well")
    arguments = parser.parse_args()
    page, notes = HEAD, ""
    with tempfile.TemporaryDirectory() as scratch:
        for model in MODELS:
            path = _found(model, arguments.folders, Path(scratch))
            if path is None:
                print(f"missing: {model.name}", file=sys.stderr)
                continue
            row = _measured(model, path, Path(scratch))
            print(row, flush=True)
            page += row + "\n"
            notes += f"\n`{model.name}`: published {model.published}\n" if model.published else ""
        page += notes
        if arguments.nodes:
            page += NODES_HEAD
            for row in _nodes(Path(scratch)):
                print(row, flush=True)
                page += row + "\n"
    if arguments.out:
        arguments.out.write_text(page)
    return 0


def _found(model: Deep, folders: list[Path], scratch: Path) -> Path | None:
    """Return a weights file of the model: as it is, imported, or of the zoo; None if none is."""
    for folder in folders:
        for ending in (".safetensors", ".pt", ".pth"):
            file = folder / f"{model.name}{ending}"
            if not file.exists():
                continue
            if ending == ".safetensors":
                return file
            out = scratch / f"{model.name}.safetensors"
            asked = ("--task", model.task or "", "--out", str(out))
            if run("import", str(file), *model.options, *asked).code == 0:
                return out
    try:
        return resolve(model.name)
    except (OSError, ValueError):
        return None


def _measured(model: Deep, path: Path, scratch: Path) -> str:
    """Return the row of a model: each certificate is checked once, as a user would."""
    started = time.process_time()
    weights = load_weights(path)
    problem = pose(weights, task=choose_task(weights, model.task).task)
    certificate, checks, proving = scratch / "certificate.json", [], []

    def proven(raised: Problem) -> Any:
        drafted = draft(raised, strategy_named("enumerate"), MOST, silent)
        certificate.write_bytes(encode(drafted.claim, drafted.proof))
        proving.append(time.process_time() - started)
        checks.append(
            run("check", str(path), str(certificate), f"--max-operations={MOST}", "--json")
        )
        # A margin that the checker's radius is in the way of is lowered by a digit.
        return SimpleNamespace(note=None if checks[-1].code == 0 else checks[-1].output)

    raising(problem, silent).proven(proven)
    checked, verdict = checks[-1], json.loads(checks[-1].output)
    if checked.code:
        return f"| `{model.name}` | {verdict['sentence']} | | | | | | | | |"
    counts = sorted({int(verdict["correct_at_least"]), int(verdict["correct_at_most"])})
    lead = decimal(Fraction(verdict["margin"]))
    plain = _plain_seconds(weights, problem.task)
    return (
        f"| `{model.name}` | {verdict['task'].split('[')[0]} | {' to '.join(map(str, counts))} "
        f"| {verdict['total']} | {lead} | {int(verdict['tally']):,} | {proving[0]:.1f} "
        f"| {checked.seconds:.1f} | {checked.megabytes} | {plain} |"
    )


def _plain_seconds(weights: Weights, task: Task) -> str:
    """Return what all inputs take in rational numbers, from a few of them."""
    inputs = Inputs(task)
    for block in inputs.blocks(4_096):
        labelled = block[inputs.columns(block) != NO_LABEL][::64][:SAMPLE]
        if len(labelled):
            break
    arrays = arrays_of(weights)
    started = time.process_time()
    try:
        for tokens in inputs.named(labelled).tolist():
            plain_rationals.logits(weights.architecture.parts, arrays, tokens)
    except NotImplementedError:
        return "-"
    each = (time.process_time() - started) / len(labelled)
    return f"{each * task.total:,.0f}"


class Done(NamedTuple):
    """A command's exit code, output, last line of errors, processor seconds and peak megabytes."""

    code: int
    output: str
    said: str
    seconds: float
    megabytes: int


def run(*arguments: str) -> Done:
    """Run a command of ballproof; the seconds and the memory are its children's as well."""
    command = [sys.executable, "-c", SMALL, sys.executable, "-m", "ballproof", *arguments]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    *lines, peak = [line for line in texts[1].splitlines() if line]
    seconds = usage.ru_utime + usage.ru_stime
    return Done(process.returncode, texts[0], (lines or [""])[-1], seconds, int(peak) // 1024)


def _nodes(scratch: Path) -> Iterator[str]:
    """Yield the rows of random models, each checked once."""
    path, certificate = scratch / "random.safetensors", scratch / "random.json"
    for layers, d, norm, activation in NODES:
        _random(path, layers, d, norm, activation)
        weights = load_weights(path)
        problem = pose(weights, task=task_named("max-of-4", weights.shape))
        drafted = draft(problem, strategy_named("enumerate"), MOST, silent)
        certificate.write_bytes(encode(drafted.claim, drafted.proof))
        checked = run("check", str(path), str(certificate), f"--max-operations={MOST}")
        passes = drafted.proof.witness["passes"]
        widths = ", ".join(str(one["width"]) for one in passes)
        each = checked.seconds / PREFIXES
        parts = activation if norm is None else f"{norm[0]} norms, {activation}"
        said = "" if checked.code == 0 else f" ({checked.output.strip()[-60:]})"
        yield (
            f"| {layers} | {d} | {parts} | {widths}{said} | {each * 1e6:.0f} "
            f"| {int(60 / each * 10_000 / PREFIXES):,} |"
        )


def _random(path: Path, layers: int, d: int, norm: tuple[str, str] | None, activation: str) -> None:
    """Write a model with random weights, such that scores are of order 1."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from support.deep_models import arrays_for, parts_of, weights_of

    parts: list[dict[str, Any]] = parts_of(layers, norm=norm, activation=activation, heads=4)
    rng, sizes = np.random.default_rng(0), {"v": 10, "n": 4, "heads": 4, "o": 10}
    arrays = arrays_for(parts, rng, d**-0.5, d=d, h=d // 4, m=4 * d, **sizes)
    path.write_bytes(weights_of(parts, arrays).data)


if __name__ == "__main__":
    sys.exit(main())
