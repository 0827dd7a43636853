"""Make certificates for any weights file, and run the checker on them, in process or as a command.

Digest and shapes are worked out here from the file's bytes, not by the checker's own reader.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from arithmetic.tally import Tally
from files.claims import Pins
from files.tensors import read_tensors
from files.verdict import Refusal, Theorem
from kernel import check
from parts.attention_only import read_model, tables
from parts.float32 import deviation
from parts.tables import Tables
from support.oracle import count_correct
from support.toy import Recipe, ToyModel
from tasks.task import read_task

CHECKER = Path(__file__).resolve().parents[2] / "certificates" / "checker"
DATA = Path(__file__).resolve().parents[1] / "data"
STRATEGIES = ("brute-force", "exact", "cubic")
TWO_SIDED = ("brute-force", "exact")
PARTS = [
    {"part": "embed"},
    {"part": "positions"},
    {"part": "attention", "heads": 1, "mask": "causal", "scale": "1/sqrt(d_head)"},
    {"part": "readout", "position": "last"},
]
BUFFERS = ("blocks.0.attn.mask", "blocks.0.attn.IGNORE")
# All four sizes differ, and both ends of the count and the margin leave room to lie.
TRAINED = Recipe("trained", v=5, k=3, d=4, h=2, biases=frozenset({"b_U"}), seed=18)


def trained_toy() -> ToyModel:
    return TRAINED.build()


def mean_diff_sign() -> ToyModel:
    return ToyModel.read(DATA / "mean-diff-sign.safetensors")


def weights_bytes(model: ToyModel | Path | bytes) -> bytes:
    """Return the bytes of a safetensors file, given as such, as a toy, or by its path."""
    if isinstance(model, ToyModel):
        return model.bytes()
    return model.read_bytes() if isinstance(model, Path) else model


def split_weights(weights: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header and the data of a safetensors file."""
    end = 8 + int.from_bytes(weights[:8], "little")
    return json.loads(weights[8:end]), weights[end:]


def join_weights(header: dict[str, Any] | bytes, data: bytes) -> bytes:
    """Return a safetensors file of this header, as an object or as raw text, and these data."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def digest(weights: bytes) -> str:
    """Return the SHA-256 of the tensors by name: name, dtype, shape, length and bytes of each."""
    header, data = split_weights(weights)
    total = hashlib.sha256()
    for name in sorted(header.keys() - {"__metadata__", *BUFFERS}):
        start, end = header[name]["data_offsets"]
        fields = (name, header[name]["dtype"], ",".join(map(str, header[name]["shape"])))
        total.update("".join(f"{field}\0" for field in fields).encode())
        total.update((end - start).to_bytes(8, "little"))
        total.update(data[start:end])
    return total.hexdigest()


def shapes(weights: bytes) -> dict[str, int]:
    """Return d_vocab, n_ctx, d_model, d_head and d_vocab_out."""
    header, _ = split_weights(weights)
    d_vocab, d_model = header["embed.W_E"]["shape"]
    return {
        "d_vocab": d_vocab,
        "n_ctx": header["pos_embed.W_pos"]["shape"][0],
        "d_model": d_model,
        "d_head": header["blocks.0.attn.W_Q"]["shape"][2],
        "d_vocab_out": header["unembed.W_U"]["shape"][1],
    }


def task_of(sizes: dict[str, int], rule: str = "max", **fields: Any) -> dict[str, Any]:
    """Return a task on the whole of a model as a certificate states it; fields replace parts."""
    v, k, out = sizes["d_vocab"], sizes["n_ctx"], sizes["d_vocab_out"]
    ranked = {"rank": 1} if rule in ("rank", "argmax") else {}
    answers = [0, k if rule == "argmax" else out]
    whole = {"positions": [[0, v]] * k, "reads": list(range(k)), "answers": answers}
    return {"rule": rule, **ranked, **whole, **fields}


def certificate(
    model: ToyModel | Path | bytes,
    strategy: str,
    *,
    at_least: int | None = None,
    at_most: int | None = None,
    precision: int = 64,
    margin: str = "0",
    operations: int = 10**9,
    witness: dict[str, Any] | None = None,
    task: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a certificate; where no count is given it claims the most, every input right."""
    weights = weights_bytes(model)
    sizes = shapes(weights)
    task = task or task_of(sizes)
    total = prod(past - first for first, past in task["positions"])
    return {
        "format": "ballproof-certificate/2",
        "claim": {
            "model": {"sha256": digest(weights), "parts": PARTS, "sizes": sizes},
            "task": task,
            "semantics": "real",
            "margin": margin,
            "total": str(total),
            "correct_at_least": str(total if at_least is None else at_least),
            "correct_at_most": str(total if at_most is None else at_most),
        },
        "proof": {
            "tally": 1,
            "strategy": strategy,
            "precision": precision,
            "operations": str(operations),
            "witness": witness or {},
        },
    }


def encoded(fields: object) -> bytes:
    return json.dumps(fields).encode()


class Verdict(NamedTuple):
    """What the checker answered, in process."""

    exit_code: int
    reason: str | None
    theorem: Theorem | None
    established: dict[str, int]

    @property
    def refusal(self) -> tuple[int, str | None]:
        return self.exit_code, self.reason


def verdict(weights: bytes, cert: bytes, pins: Pins = Pins()) -> Verdict:  # noqa: B008
    """Check in process; only a refusal is caught, any other exception is the checker's fault."""
    try:
        theorem = check(weights, cert, pins)
    except Refusal as refusal:
        established = {key: int(value) for key, value in refusal.established.items()}
        return Verdict(refusal.exit_code, refusal.reason, None, established)
    return Verdict(0, None, theorem, {})


def checker_tables(model: ToyModel, margin: Fraction = Fraction(0)) -> Tables:
    """Return the checker's own path tables of a model."""
    read = read_model(read_tensors(model.bytes()))
    answers = range(read.shape.d_vocab_out)
    task = read_task(task_of(shapes(model.bytes()), answers=[answers.start, answers.stop]))
    return tables(read, (margin.numerator, margin.denominator), task, Tally(10**12))


def checker_eps(model: ToyModel | Path | bytes, tally: Tally | None = None) -> Fraction:
    """Return how far the checker lets the gaps of the float32 program be from the real ones."""
    read = read_model(read_tensors(weights_bytes(model)))
    return deviation(read, Tally(10**9) if tally is None else tally)


def established(model: ToyModel, strategy: str, **options: Any) -> tuple[int, int] | Verdict:
    """Return the counts that the strategy establishes, or the verdict that kept it from counting.

    Claims first that every input is right: the checker refuses with the counts it found.
    """
    answer = verdict(model.bytes(), encoded(certificate(model, strategy, **options)))
    if answer.theorem:
        return answer.theorem.total, answer.theorem.total
    if answer.reason != "count":
        return answer
    return answer.established["correct_at_least"], answer.established["correct_at_most"]


def holds(theorem: Theorem, model: ToyModel) -> bool:
    """Say whether the printed statement is true of the model, by the oracle."""
    weights = model.bytes()
    true = count_correct(model, Fraction(theorem.margin))
    return (
        theorem.task == f"max-of-{model.n_ctx}"
        and theorem.sha256 == digest(weights)
        and theorem.semantics == "real"
        and theorem.total == model.d_vocab**model.n_ctx
        and theorem.correct_at_least <= true <= theorem.correct_at_most
    )


class Run(NamedTuple):
    """How a run of the command ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def last_line(self) -> str:
        return self.stdout.splitlines()[-1] if self.stdout else ""


def run_checker(
    model_path: Path | str,
    cert_path: Path | str,
    *flags: str,
    isolated: bool = True,
    python_flags: Sequence[str] = (),
    checker: Path = CHECKER,
    cwd: Path | None = None,
) -> Run:
    """Run the checker as a command of its own."""
    switches = [*(("-I", "-S") if isolated else ()), *python_flags]
    command = [sys.executable, *switches, str(checker), str(model_path), str(cert_path), *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=cwd)
    return Run(done.returncode, done.stdout, done.stderr)
