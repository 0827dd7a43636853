"""What the shortest ladder for 0.99 uses, of the easiest model, the middling and the hardest.

    python benchmarks/three_proofs.py --out docs --models EASIEST MIDDLING HARDEST > page.md

Easy and hard by the operations of `exact`, which settles every input. The words and pictures are
those of `ballproof show CERT --model MODEL --plot FILE`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import ballproof as bp
from ballproof.models.catalogue import zoo_path
from ballproof.models.weights import load_weights
from ballproof.verifier.counting.goal import silent
from ballproof.verifier.counting.problem import pose
from ballproof.verifier.report.ladder_picture import draw_classes, words
from ballproof.verifier.strategies.ladder.uses import ladder_use

AT_LEAST = "0.99"
HEAD = """# Three proofs, looked at

Made by `benchmarks/three_proofs.py`. Of the 151 models of max-of-4 in the zoo, these are the one
whose inputs `exact` settles with the fewest operations, the one in the middle, and the one that
takes the most. Each has a ladder for 0.99 of all inputs, the shortest that the search finds,
verified by the checker:

    ballproof prove MODEL --strategy ladder --at-least 0.99 --out short.json
    ballproof show short.json --model MODEL --plot classes.svg

A class is all inputs with one label (the largest token) and one last token, the query. The left
picture says what becomes of a class: it is cleared where the worst case of every rival is below 0
(T3), in a table that holds for several queries (T8) or for its own alone; it is counted where
some rival survives that, input by input in cells of tokens (T4, T7); or it is given up, and all
its inputs count as possibly wrong. The right one says how many tokens the finest table tells
apart; all others stand in a cell with their neighbours, and the proof knows nothing of them but
the extremes over the cell.
"""
FOOT = """
## What they have in common, and what not

Three tokens told apart are the label and the two below it; all smaller ones share a cell. For
half of the easiest model's inputs that is the whole explanation: whatever smaller tokens stand
there, and whichever last token of its pool comes last, no rival wins. What is given up has small
labels in the main (below 32 are the labels of 178 of the 184 classes, of 132 of 146, and of 22 of
23), and few inputs have those: m is the largest token of (m+1)^4 - m^4 inputs.

The hardest model gets 0.99190 of its inputs right, so that a proof of 0.99 may give away 0.0019.
Pools of several last tokens clear 442 of its classes, against 1,364 and 925; the others need a
table each, mostly with seven tokens apart, and more than half have to be counted. That is what
makes its proof ten times as long.
"""


def main() -> int:
    """Prove, describe and draw each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--models", nargs=3, required=True, metavar="MODEL")
    asked = parser.parse_args()
    print(HEAD)
    names = ("The easiest", "The middling", "The hardest")
    for title, name in zip(names, asked.models, strict=True):
        print("\n".join(_described(title, name, asked.out)))
    print(FOOT)
    return 0


def _described(title: str, name: str, folder: Path) -> list[str]:
    proof = bp.prove(name, strategy="ladder", at_least=AT_LEAST)
    content = json.loads(proof.certificate)
    problem = pose(load_weights(zoo_path(name)))
    use = ladder_use(problem, content["proof"]["witness"], silent)
    picture = f"three-proofs-{name.rpartition('-')[2]}.svg"
    (folder / picture).write_bytes(draw_classes(use, name, "svg"))
    claim, length = content["claim"], int(content["proof"]["operations"])
    least = f"{int(claim['correct_at_least']):,} of {int(claim['total']):,}"
    return [
        f"## {title}: {name}",
        "",
        f"At least {least} inputs are right, by a check of {length:,} operations.",
        "",
        "```",
        *words(use),
        "```",
        "",
        f"![classes of {name}]({picture})",
        "",
    ]


if __name__ == "__main__":
    raise SystemExit(main())
