"""Published models of modular addition and groups: exact counts, least leads, times.

    python benchmarks/public_models.py FOLDER [--out docs/results/public-models.md]

FOLDER holds the files as their authors published them, none of which is part of this project. Each
is imported, proved by `enumerate` and checked in a process of its own; seconds are of processor
time, the checker's of plain Python.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ballproof.models.task_choice import choose_task
from ballproof.models.weights import load_weights
from ballproof.verifier.counting.goal import silent
from ballproof.verifier.counting.problem import pose

TURNED = "[side=y(x);order=sympy]"
UNIVERSALITY = "Chughtai, Chan, Nanda 2023 (arXiv 2302.03025)"
PIZZA = "Zhong, Liu, Tegmark, Andreas 2023 (arXiv 2306.17844)"


class Published(NamedTuple):
    """A file, its source, the task, and how it is imported."""

    file: str
    source: str
    task: str
    options: tuple[str, ...]


def _groups(name: str, task: str) -> Published:
    return Published(f"groups-{name}.pt", UNIVERSALITY, task, ("--map", "groups"))


def _pizza(name: str, *options: str) -> Published:
    return Published(f"pizza-{name}.pt", PIZZA, "add-mod-59", ("--map", "pizza", *options))


MODELS = (
    _groups("C113_MLP_seed1", "add-mod-113"),
    _groups("C113_T_seed1", "add-mod-113"),
    _groups("D59_T_seed1", "product-in-d59"),
    _groups("A5_MLP_seed1", f"product-in-a5{TURNED}"),
    _groups("A5_T_seed3", f"product-in-a5{TURNED}"),
    _groups("S5_MLP_seed42", f"product-in-s5{TURNED}"),
    _groups("S5_MLP_hidden_dim_64_seed1", f"product-in-s5{TURNED}"),
    _groups("S5_MLP_hidden_dim_32_seed1", f"product-in-s5{TURNED}"),
    _pizza("l8k1hzciux", "--config", "{folder}/pizza-l8k1hzciux.json"),
    _pizza("p99zdpze5l", "--config", "{folder}/pizza-p99zdpze5l.json"),
    _pizza("linear-7r4zst7evs"),
    Published(
        "grokking-low-precision.pth",
        "Nanda, Chan, Lieberum, Smith, Steinhardt 2023 (arXiv 2301.05217)",
        "add-mod-113",
        ("--map", "grokking"),
    ),
    Published(
        "puzzle-max-of-5-seed42.pt",
        "a public puzzle of mechanistic interpretability",
        "max-of-5[positions=10..10,0..9,11..11,0..9,11..11,0..9,11..11,0..9,11..11,0..9,12..12;"
        "reads=1,3,5,7,9]",
        ("--map", "puzzle"),
    ),
)

HEAD = """# Published models

Models that other people trained and published, imported as they are and evaluated on every input by
`enumerate`: both ends are exact. Made by `python benchmarks/public_models.py FOLDER`; the files are
not part of this project; the digest says which tensors are meant. The least lead is the smallest
logit of the label less the largest other one, over all inputs, in floats of the first pass. Seconds
are of processor time (of all threads), the checker's in plain Python on one core.

| file | task | right | of | least lead | operations | prove, s | check, s |
|---|---|---|---|---|---|---|---|
"""


def main() -> int:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows, commands = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for model in MODELS:
            if not (arguments.folder / model.file).exists():
                print(f"missing: {model.file}", file=sys.stderr)
                continue
            row, command = _measured(model, arguments.folder, Path(scratch))
            rows.append(row)
            commands.append(command)
            print(row, flush=True)
    page = HEAD + "\n".join(rows) + "\n\n" + "\n".join(commands)
    if arguments.out:
        arguments.out.write_text(page)
    return 0


def _measured(model: Published, folder: Path, scratch: Path) -> tuple[str, str]:
    """Return the row of a model, and the paragraph with its source, digest and commands."""
    weights, certificate = scratch / "model.safetensors", scratch / "certificate.json"
    given = [option.format(folder=folder) for option in model.options]
    _run("import", str(folder / model.file), *given, "--task", model.task, "--out", str(weights))
    prove = ("prove", str(weights), "--strategy", "enumerate", "--out", str(certificate))
    proven, _ = _run(*prove, "--json")
    verdict, seconds = _run("check", str(weights), str(certificate), "--json")
    if verdict["correct_at_least"] != verdict["correct_at_most"]:
        raise RuntimeError(f"{model.file} is not counted exactly")
    proving, lead = _evaluated(weights)
    row = (
        f"| `{model.file}` | {proven['task']} | {verdict['correct_at_least']} | {verdict['total']} "
        f"| {lead:.4g} | {int(verdict['tally']):,} | {proving:.1f} | {seconds:.1f} |"
    )
    shown = " ".join(option.format(folder="FOLDER") for option in model.options)
    asked = f"--task '{model.task}' --out m.safetensors"
    paragraph = (
        f"`{model.file}`, {model.source}; sha256 `{verdict['sha256']}`\n\n"
        f"    ballproof import FOLDER/{model.file} {shown} {asked}\n"
        "    ballproof prove m.safetensors --strategy enumerate --out m.json\n"
    )
    return row, paragraph


def _run(*arguments: str) -> tuple[dict[str, str], float]:
    """Return what a command prints as JSON, and its seconds of processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "ballproof", *arguments]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(output) if "--json" in arguments else {}, seconds


def _evaluated(path: Path) -> tuple[float, float]:
    """Return the prover's seconds of processor time for the count, and the least lead."""
    started = time.process_time()
    weights = load_weights(path)
    problem = pose(weights, Fraction(0), task=choose_task(weights).task)
    problem.enumeration.passes(silent, math.inf)
    seconds = time.process_time() - started
    leads = (found.leads for found in problem.enumeration.leads() if len(found.leads))
    return seconds, min(float(np.min(each)) for each in leads)


if __name__ == "__main__":
    sys.exit(main())
