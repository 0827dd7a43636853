"""Several heads and an MLP: counts, operations, seconds, memory, by class and by evaluation.

    python benchmarks/heads.py [--out docs/results/heads.md] [MODEL ...]

Each model of the zoo is proved and then checked in a process of its own, once.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from deep import run

from ballproof.certificates.writer import encode
from ballproof.models.catalogue import resolve
from ballproof.models.task_choice import choose_task
from ballproof.models.weights import load_weights
from ballproof.verifier.counting.goal import silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.proving.pipeline import draft
from ballproof.verifier.strategies import strategy_named

MOST = 10**13
MODELS = (
    *((f"max-of-4-two-heads-seed-{seed}", "exact") for seed in range(3)),
    ("max-of-4-four-heads-seed-2", "exact"),
    ("max-of-4-mlp-64-seed-0", "exact"),
    ("max-of-4-mlp-64-seed-3", "exact"),
    ("max-of-4-two-heads-mlp-64-seed-5", "exact"),
    ("max-of-10-two-heads-seed-8", "split"),
)
HEAD = """# Several heads and an MLP

Thresholds for each head (T14), lines for each neuron (T15), then evaluation of what a class leaves
(`exact`) or grids (`split`). Made by `python benchmarks/heads.py`. Seconds are of processor time,
the prover's in numpy, the checker's in plain Python on one core; megabytes are the checker's
largest, with those of the command that starts it. Bytes are the certificate's.

| model | strategy | wrong, at most | at least | of | operations | prove | check | MB | bytes |
|---|---|---|---|---|---|---|---|---|---|
"""


def main() -> int:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    page = HEAD
    for name, strategy in MODELS:
        if asked.models and name not in asked.models:
            continue
        row = _measured(name, strategy)
        print(row, flush=True)
        page += row + "\n"
        if asked.out:
            asked.out.write_text(page)
    return 0


def _measured(name: str, strategy: str) -> str:
    """Return the row of a model."""
    path, started = resolve(name), time.process_time()
    weights = load_weights(path)
    problem = pose(weights, task=choose_task(weights, None).task)
    drafted = draft(problem, strategy_named(strategy), MOST, silent)
    data, proving = encode(drafted.claim, drafted.proof), time.process_time() - started
    with tempfile.TemporaryDirectory() as scratch:
        certificate = Path(scratch) / "certificate.json"
        certificate.write_bytes(data)
        asked = ("--json", f"--max-operations={MOST}")
        checked = run("check", str(path), str(certificate), *asked)
    verdict = json.loads(checked.output)
    if checked.code:
        return f"| `{name}` | {strategy} | {verdict['sentence']} | | | | {proving:.1f} | | | |"
    total = int(verdict["total"])
    most, least = (total - int(verdict[f"correct_at_{end}"]) for end in ("least", "most"))
    return (
        f"| `{name}` | {strategy} | {most} | {least} | {total} | {int(verdict['tally']):,} "
        f"| {proving:.1f} | {checked.seconds:.1f} | {checked.megabytes} | {len(data):,} |"
    )


if __name__ == "__main__":
    sys.exit(main())
