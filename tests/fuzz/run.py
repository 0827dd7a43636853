"""Fuzz the checker, guided by coverage: python tests/fuzz/run.py {reader,witness} --seconds 1800.

Inputs that crash, hang or are answered wrongly are kept in OUT/TARGET/findings. Reproduce one with
python tests/fuzz/run.py TARGET --reproduce FILE, which needs no atheris.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CHECKER = ROOT / "certificates" / "checker"
MAX_LENGTH = 2**16
SLOWEST_SECONDS = 60
MISSING = "Fuzzing needs atheris: pip install '.[fuzz]'."


def main() -> None:
    """Fuzz one target, or run one input of it."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog=__doc__.split("\n", 2)[2]
    )
    parser.add_argument("target", choices=["reader", "witness"])
    parser.add_argument("--seconds", type=int, default=1800, help="how long (default: 1800)")
    parser.add_argument("--seed", type=int, default=1, help="seed of libFuzzer (default: 1)")
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"), help="default: out/fuzz")
    parser.add_argument("--reproduce", type=Path, metavar="FILE", help="run one input, and stop")
    arguments = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(HERE), str(HERE.parent)]
    sys.path.append(str(CHECKER))
    if arguments.reproduce:
        reproduce(importlib.import_module(f"target_{arguments.target}"), arguments.reproduce)
        return
    try:
        import atheris
    except ImportError:
        sys.exit(MISSING)
    files = CHECKER.rglob("[a-z]*.py")
    modules = [".".join(path.relative_to(CHECKER).with_suffix("").parts) for path in files]
    with atheris.instrument_imports(include=modules):
        target = importlib.import_module(f"target_{arguments.target}")
    fuzz(atheris, target, arguments)


def reproduce(target: ModuleType, path: Path) -> None:
    """Run one input; what is wrong with it is shown by a traceback, as to the fuzzer."""
    target.one_input(path.read_bytes())
    print(f"{path}: nothing is wrong")


def fuzz(atheris: Any, target: ModuleType, arguments: argparse.Namespace) -> None:
    """Run libFuzzer from the seeds and what earlier runs found; ends the process."""
    from support.seeds import seeds

    folder = arguments.out / arguments.target
    corpus, findings = folder / "corpus", folder / "findings"
    for place in (corpus, findings):
        place.mkdir(parents=True, exist_ok=True)
    for number, (index, seed) in enumerate(seeds(Random(0), 150)):
        (corpus / f"seed-{number:03d}").write_bytes(target.seed_input(index, seed))
    print(json.dumps({"target": arguments.target, "seconds": arguments.seconds}), flush=True)

    def mutator(data: bytes, max_size: int, seed: int) -> bytes:
        return bytes(target.mutator(data, max_size, seed, atheris.Mutate))

    flags = [f"-max_total_time={arguments.seconds}", f"-timeout={SLOWEST_SECONDS}"]
    flags += [f"-max_len={MAX_LENGTH}", f"-artifact_prefix={findings}/", f"-seed={arguments.seed}"]
    flags += ["-print_final_stats=1", "-rss_limit_mb=4096", "-len_control=0", str(corpus)]
    atheris.Setup([sys.argv[0], *flags], target.one_input, custom_mutator=mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
