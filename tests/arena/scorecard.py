"""What a case of the arena expects, what a command answered, and how that is scored.

Needs the standard library alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

ARENA = Path(__file__).resolve().parent
CATEGORIES = ("accept", "reject", "no_crash")
WORDS = {0: "VERIFIED", 1: "REJECTED", 2: "DECLINED"}
NO_CRASH = (*WORDS, 64)


@dataclass(frozen=True)
class Case:
    """One line of a manifest, with the category that it stands in."""

    category: str
    name: str
    model: str
    certificate: str
    exit_code: int
    reason: str | None
    arguments: tuple[str, ...] = ()
    false: bool = False
    tally: bool = False
    about: str = ""


@dataclass(frozen=True)
class Answer:
    """How a command ended: its exit code, None if it ran out of time, and its last line."""

    exit_code: int | None
    last_line: str = ""

    @property
    def verdict(self) -> list[str]:
        """Return the words of the verdict line, or none."""
        words = self.last_line.split(" ")
        return words if words[0] == "s" and words[1:2] and words[1] in WORDS.values() else []


def read_cases(folder: Path, categories: Sequence[str] = CATEGORIES) -> list[Case]:
    """Return the cases of all manifests, in their order."""
    cases = []
    for category in categories:
        manifest = json.loads((folder / category / "manifest.json").read_text(encoding="utf-8"))
        for entry in manifest["cases"]:
            entry = {"certificate": f"{category}/{entry['name']}.cert"} | entry
            entry["arguments"] = tuple(entry.get("arguments", ()))
            cases.append(Case(category, **entry))
    return cases


@dataclass(frozen=True)
class Result:
    """A case, the answer that it got, and the statement that a verified one must print."""

    case: Case
    answer: Answer
    expected_line: str | None = None

    @property
    def code_is_right(self) -> bool:
        """Say whether the exit code is the one of the manifest."""
        return self.answer.exit_code == self.case.exit_code

    def is_right(self, compares: Compares) -> bool:
        """Say whether the exit code is right, and whatever else is compared."""
        expected, verdict = self.case.exit_code, self.answer.verdict
        if not self.code_is_right:
            return False
        if expected == 0:
            return not compares.statements or self.answer.last_line == self.expected_line
        if expected in WORDS:
            wanted = [WORDS[expected], self.case.reason]
            return not compares.reasons or verdict[1:3] == wanted
        return not verdict

    @property
    def is_unsound(self) -> bool:
        """Say whether a claim was verified that is false of its model."""
        return self.answer.exit_code == 0 and self.case.false

    @property
    def is_accepted(self) -> bool:
        """Say whether something was verified that must not be."""
        return self.answer.exit_code == 0 and self.case.exit_code != 0

    @property
    def is_crash(self) -> bool:
        """Say whether the command ended in a way that is no answer."""
        return self.answer.exit_code is not None and self.answer.exit_code not in NO_CRASH


class Compares(NamedTuple):
    """What is compared beside the exit code: only what the command prints in some case."""

    reasons: bool
    statements: bool

    @classmethod
    def of(cls, results: Iterable[Result]) -> Compares:
        """Return what the answers let one compare."""
        verdicts = [result.answer.verdict for result in results]
        return cls(
            any(words[1] != "VERIFIED" and words[2:] for words in verdicts if words),
            any(words[1] == "VERIFIED" for words in verdicts if words),
        )

    def sentence(self) -> str:
        """Say what the score rests on."""
        names = {"reasons": self.reasons, "the statements of verified claims": self.statements}
        seen = [name for name, compared in names.items() if compared]
        unseen = [name for name, compared in names.items() if not compared]
        silent = f"; the command printed no {' and no '.join(unseen)}" if unseen else ""
        silent = silent.replace("no the statements", "no statements")
        return " and ".join(["exit codes", *seen] if seen else ["exit codes alone"]) + silent


def score(results: Sequence[Result]) -> dict[str, Any]:
    """Return the figures of a run, by category and in all, and the answers that are wrong."""
    compares = Compares.of(results)
    judged = [(result, result.is_right(compares)) for result in results]
    present = [name for name in CATEGORIES if any(r.case.category == name for r in results)]
    table = {name: _figures([x for x in judged if x[0].case.category == name]) for name in present}
    wrong = [_wrong(result) for result, right in judged if not right]
    return {"scored_on": compares.sentence(), **table, "all": _figures(judged), "wrong": wrong}


def _figures(judged: Sequence[tuple[Result, bool]]) -> dict[str, int]:
    results = [result for result, _ in judged]
    return {
        "cases": len(judged),
        "right": sum(right for _, right in judged),
        "exit_code_right": sum(r.code_is_right for r in results),
        "accepted_in_error": sum(r.is_accepted for r in results),
        "false_claims_accepted": sum(r.is_unsound for r in results),
        "crashes": sum(r.is_crash for r in results),
        "timeouts": sum(r.answer.exit_code is None for r in results),
        "wrong_but_for_the_tally": sum(r.case.tally for r, right in judged if not right),
    }


def _wrong(result: Result) -> dict[str, Any]:
    case, answer = result.case, result.answer
    expected = [case.exit_code, case.reason]
    return {
        "case": f"{case.category}/{case.name}",
        "about": case.about,
        "expected": expected,
        "exit_code": answer.exit_code,
        "last_line": answer.last_line[:200],
    }


def table(figures: dict[str, Any], most: int = 40) -> Iterator[str]:
    """Yield the lines of the report."""
    for wrong in figures["wrong"][:most]:
        expected = " ".join(str(x) for x in wrong["expected"] if x is not None)
        got = "no answer in time" if wrong["exit_code"] is None else wrong["exit_code"]
        line = ascii(wrong["last_line"][:60])[1:-1]
        yield f"WRONG {wrong['case']}: expected {expected}, got {got} {line}".rstrip()
    if len(figures["wrong"]) > most:
        yield f"... and {len(figures['wrong']) - most} more, all of them with --json"
    titles = ("cases", "right", "exit code", "accepted", "false", "crash", "timeout", "tally")
    yield f"{'':10}" + "".join(f"{title:>11}" for title in titles)
    for name in (*CATEGORIES, "all"):
        if name in figures:
            yield f"{name:10}" + "".join(f"{number:>11}" for number in figures[name].values())
    yield f"scored on {figures['scored_on']}"
