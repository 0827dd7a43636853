"""Ask the checker about mutated certificates: no false accept, no crash, no slow answer.

    python benchmarks/mutated_certificates.py --count 100000 --out out/mutants.jsonl
    python benchmarks/mutated_certificates.py --report --summary FILE.md

Mutants number 0 .. count-1 depend on --seed and their number alone. Every line of OUT is one
answer; a run goes on where the last one stopped. Three kinds: `toy` (models of at most 125 inputs,
of which all is known), `zoo` (two models of 64 tokens), `hard` (built to be slow: the numbers below
0). Exit code 1 if an answer was false, a crash, slow (over 60 s of processor
time), or large (over 2 GiB of memory).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]
sys.path.append(str(ROOT / "certificates" / "checker"))  # Last: its modules have plain names.

from mutants.make import Mutant, Source  # noqa: E402
from mutants.report import summary  # noqa: E402
from mutants.watch import answered  # noqa: E402


def main() -> int:
    """Make and judge what is missing, then print figures; 1 if anything was found."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog=__doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--count", type=int, default=100_000, help="how many (default: 100000)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other mutants")
    parser.add_argument("--zoo", type=int, default=300, help="how many of them on the zoo's models")
    parser.add_argument("--only", choices=["toy", "zoo", "hard"], help="leave the others to others")
    parser.add_argument("--part", default="1/1", help="such as 2/3: every third, from the second")
    parser.add_argument("--out", type=Path, default=Path("out/mutants.jsonl"), help="the answers")
    parser.add_argument("--also", type=Path, nargs="*", default=[], help="answers of other runs")
    parser.add_argument("--show", type=int, metavar="NUMBER", help="write this mutant's two files")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="write figures as Markdown")
    parser.add_argument("--how", default="", help="words on the run, for the summary")
    parser.add_argument("--report", action="store_true", help="ask nothing, only count")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    source = Source(arguments.seed, arguments.count, arguments.zoo, arguments.out.parent / "zoo")
    if arguments.show is not None:
        return show(source.mutant(arguments.show), arguments.out.parent)
    if not arguments.report:
        run(source, arguments.only, arguments.part, arguments.out)
    rows = [row for path in (arguments.out, *arguments.also) for row in read(path)]
    figures, text = summary(rows, arguments.how)
    if arguments.summary:
        arguments.summary.write_text(text, encoding="utf-8")
    print(json.dumps(figures) if arguments.json else text)
    return 1 if figures["findings"] or figures["slow"] or figures["large"] else 0


def run(source: Source, only: str | None, part: str, out: Path) -> None:
    """Append the answers that are missing."""
    out.parent.mkdir(parents=True, exist_ok=True)
    done = {row["number"] for row in read(out)}
    first, step = map(int, part.split("/"))
    numbers = [n for n in source.numbers(only)[first - 1 :: step] if n not in done]
    with out.open("a", encoding="utf-8") as file:
        for row in progress(numbers, source):
            file.write(json.dumps(row) + "\n")
            file.flush()


def progress(numbers: list[int], source: Source) -> Iterator[dict[str, Any]]:
    """Yield the answer to each mutant; say now and then how many, how fast and how long yet."""
    started = said = time.monotonic()
    found = 0
    for count, number in enumerate(numbers, start=1):
        row = answered(source.mutant(number), Random(f"{source.seed}/{number}/explain"))
        found += row["finding"] is not None
        yield row
        now = time.monotonic()
        if now - said > 5 or count == len(numbers):
            said, rate = now, count / (now - started)
            left = (len(numbers) - count) / rate / 60
            words = (
                f"{count} of {len(numbers)}, {rate:.1f}/s, {left:.0f} min left, {found} findings"
            )
            print(words, file=sys.stderr, flush=True)


def read(path: Path) -> list[dict[str, Any]]:
    """Return the answers in a file; a line that a killed run left unfinished is passed over."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def show(mutant: Mutant, folder: Path) -> int:
    """Write the weights and the certificate of one mutant."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, data in (("safetensors", mutant.truth.weights), ("json", mutant.cert)):
        path = folder / f"mutant{mutant.number}.{suffix}"
        path.write_bytes(data)
        print(path)
    print(f"{mutant.kind}, {mutant.strategy}: {'; '.join(mutant.did)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
