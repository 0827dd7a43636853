"""Print what all theorems of this folder rest on; fail unless it is exactly the list of axioms.txt.

Every `Theorem` of every file of _CoqProject is asked for. A word that assumes a statement without
a proof, or turns off a check of Coq's kernel, is refused in the sources, in comments as well.
"""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REFUSED = re.compile(
    r"\b(Admitted|admit|give_up|Axioms?|Parameters?|Conjectures?|Unset\s+(?:Guard|Positivity|Universe)\s+Checking"
    r"|bypass_check|type-in-type)\b"
)


def sources() -> list[Path]:
    """The files of _CoqProject, in its order."""
    return [
        HERE / line for line in (HERE / "_CoqProject").read_text().split() if line.endswith(".v")
    ]


def theorems(files: list[Path]) -> list[str]:
    """The full names of all theorems."""
    return [
        f"Ballproof.{file.stem}.{name}"
        for file in files
        for name in re.findall(r"^\s*Theorem (\w+'?)", file.read_text(), re.MULTILINE)
    ]


def assumed(names: list[str]) -> list[str]:
    """The axioms below these theorems, as Coq's own `Print Assumptions` tells them."""
    modules = sorted({name.split(".")[1] for name in names})
    script = f"From Ballproof Require {' '.join(modules)}.\n"
    # One walk for all of them: what they share is looked at once.
    script += "Definition everything := (" + ", ".join(f"@{name}" for name in names) + ").\n"
    script += "Print Assumptions everything.\n"
    command = ["coqtop", "-q", "-quiet", "-Q", str(HERE), "Ballproof"]
    run = subprocess.run(command, input=script, capture_output=True, text=True, check=True)
    if "Error" in run.stderr + run.stdout:
        sys.exit(run.stdout + run.stderr)
    if "Axioms:" not in run.stdout:
        sys.exit(f"Coq gave no list: {run.stdout}")
    return sorted(
        set(re.findall(r"^([A-Z][\w.']*) ?(?::|$)", run.stdout, re.MULTILINE)) - {"Axioms"}
    )


def main() -> None:
    """Compare, print, and exit with 1 at any difference."""
    files = sources()
    refused = [
        f"{file.name}: {word}" for file in files for word in REFUSED.findall(file.read_text())
    ]
    if refused:
        sys.exit("not allowed in a source: " + ", ".join(refused))
    names = theorems(files)
    found = assumed(names)
    listed = (HERE / "axioms.txt").read_text().split()
    print(*found, sep="\n")
    if found != listed:
        sys.exit(f"axioms.txt lists {listed}")
    counted = f"{len(names)} theorems of {len(files)} files"
    print(f"{counted} rest on these {len(found)} axioms and on nothing else")


if __name__ == "__main__":
    main()
