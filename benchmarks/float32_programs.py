"""Hold the float32 program of zoo models against T12, and certify the program beside the function.

    python benchmarks/float32_programs.py 'max-of-4-seed-1*' max-of-10-seed-50

For each model: eps; the most that any of the programs moved a gap; the flips among sequences that
nearly tie; and what `exact` (`ladder` where inputs cannot be listed) certifies of the function and
of the program. With torch installed its programs run too.
"""

from __future__ import annotations

import sys

from ballproof.models.catalogue import resolve_all
from ballproof.models.weights import Weights, load_weights
from ballproof.verifier.audit.float32.programs import programs
from ballproof.verifier.audit.float32.torch_program import torch_programs
from ballproof.verifier.audit.float32.trial import Float32Audit, audit_float32
from ballproof.verifier.counting.goal import silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.proving.checking import DEFAULT_MAX_OPERATIONS
from ballproof.verifier.proving.extras import MissingExtraError
from ballproof.verifier.proving.pipeline import draft, verify
from ballproof.verifier.proving.shares import share
from ballproof.verifier.strategies import strategies_matching
from ballproof.verifier.strategies.base import EXHAUSTIVE_LIMIT

COLUMNS = (
    *("model", "eps", "largest move", "of eps", "sequences", "nearest tie", "flips"),
    *("largest lead flipped", "function: at least", "program: at least", "program: at most"),
)


def main(patterns: list[str]) -> int:
    """Print the table; return 1 if a program left the bound."""
    print("# The float32 program of models of the zoo\n")
    print(f"Made by `python benchmarks/float32_programs.py {' '.join(patterns)}`.\n")
    found, names = 0, ""
    rows = []
    for path in (path for pattern in patterns for path in resolve_all(pattern)):
        name = path.stem
        print(name, file=sys.stderr, flush=True)
        weights = load_weights(path)
        chosen = [*programs(weights)]
        try:
            chosen += torch_programs(weights)
        except MissingExtraError as error:
            print(error, file=sys.stderr)
        names = ", ".join(program.name for program in chosen)
        audited = audit_float32(weights, chosen, effort=3)
        found += len(audited.findings)
        rows.append(_row(name, audited, _certified(weights)))
    print(f"Programs: {names}. A flip is a sequence that a program names right and the function")
    print("wrong, or the other way round, counted over all programs. Bounds are certified.\n")
    print(f"| {' | '.join(COLUMNS)} |")
    print("|---" * len(COLUMNS) + "|")
    print("\n".join(rows))
    print(f"\nGaps that moved by more than eps: {found}.")
    return int(found > 0)


def _certified(weights: Weights) -> list[str]:
    """Return the certified counts: of the function, and of the program at both ends."""
    claims = []
    for semantics in ("real", "float32"):
        problem = pose(weights, semantics=semantics)
        name = "exact" if problem.total <= min(EXHAUSTIVE_LIMIT, 2**26) else "ladder"
        strategy = strategies_matching(name)[0]
        claims.append(verify(draft(problem, strategy, DEFAULT_MAX_OPERATIONS, silent)).claim)
    real, program = claims
    low = f"{program.correct_at_least} ({share(program.correct_at_least, program.total)})"
    high = str(program.correct_at_most) if program.correct_at_most < program.total else "-"
    return [f"{real.correct_at_least} ({share(real.correct_at_least, real.total)})", low, high]


def _row(name: str, audited: Float32Audit, counts: list[str]) -> str:
    most = max(run.deviation for run in audited.runs)
    flips = sum(len(run.flips) for run in audited.runs)
    largest = max((run.largest_flip or 0.0 for run in audited.runs), default=0.0)
    cells = [
        name,
        f"{float(audited.eps):.4f}",
        f"{most:.2g}",
        f"{most / float(audited.eps):.2%}",
        str(audited.sequences),
        f"{audited.nearest:.2g}",
        str(flips),
        f"{largest:.2g}" if flips else "-",
        *counts,
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
