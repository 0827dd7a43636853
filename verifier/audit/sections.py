"""What an audit says, in sections: a sentence, figures with what they mean, and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ballproof.verifier.audit.hunt.evaluation import Evaluation
from ballproof.verifier.audit.hunt.hunted import Hunted
from ballproof.verifier.audit.precisions.levels import Precisions
from ballproof.verifier.audit.subject import Finding
from ballproof.verifier.audit.tamper.mutant import KINDS
from ballproof.verifier.audit.tamper.trial import Tampered
from ballproof.verifier.audit.tightness.slack import Tightness
from ballproof.verifier.proving.checking import VERIFIED
from ballproof.verifier.proving.shares import share


@dataclass(frozen=True)
class Figure:
    """A number with its name, and what it means in plain words."""

    label: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Grid:
    """A table: a caption, the heads of its columns, rows of text."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """One part of an audit: `result` is its outcome in a few words, `good` whether it is clean.

    `lines` are further sentences; one that starts with spaces belongs to the one before it.
    """

    title: str
    result: str
    good: bool
    figures: Sequence[Figure] = ()
    grids: Sequence[Grid] = ()
    findings: Sequence[Finding] = ()
    lines: Sequence[str] = ()


def check_section(verdict: Mapping[str, Any]) -> Section:
    """Return the section of the standalone checker."""
    good = verdict["exit_code"] == VERIFIED
    figures = []
    if good:
        low, high, total = (
            int(verdict[key]) for key in ("correct_at_least", "correct_at_most", "total")
        )
        figures = [
            Figure(
                "right at least",
                f"{low:,} of {total:,} (>= {share(low, total)})",
                "what the certificate proves about all inputs",
            ),
            Figure("right at most", f"{high:,}", "the other end; the total itself claims nothing"),
            Figure(
                "operations",
                f"{int(verdict['tally']):,}",
                "the length of the check, counted by the checker, whatever the machine",
            ),
        ]
    figures.append(Figure("seconds", f"{verdict['seconds']:.1f}", "how long this check took"))
    result = verdict["verdict"]
    if not good:
        result += f" ({verdict['reason']}): {verdict['sentence']}"
    return Section("The standalone checker", result, good, figures)


def precisions_section(found: Precisions) -> Section:
    """Return the section of the two precisions."""
    good = not found.findings
    result = "the enclosures agree" if good else f"{len(found.findings)} findings"
    return Section("Two precisions", result, good, (), (), found.findings, found.lines())


def tightness_section(found: Tightness) -> Section:
    """Return the section of the exact count and the causes of the slack."""
    good = not found.findings
    result = "what the bound lacks" if good else f"{len(found.findings)} findings"
    return Section("Tightness", result, good, (), (), found.findings, found.lines())


def hunt_section(hunted: Hunted) -> Section:
    """Return the section of the counterexample search."""
    candidates, members = hunted.candidates, hunted.members
    scope = "every input there is" if candidates.exhaustive else "random starts and local search"
    figures = [
        Figure("sequences tried", f"{candidates.tried:,}", f"in floating point: {scope}"),
        Figure(
            "asked of the checker",
            f"{hunted.asked:,}" + (", every input there is" if hunted.complete else ""),
            "near ties, the worst of each class, neighbours of members, and some at random",
        ),
        Figure("members", f"{members:,}", "of those asked, the certificate counts these as right"),
        Figure(
            "evaluated exactly", f"{hunted.evaluated:,}", "by the model's definition; ties lose"
        ),
        Figure(
            "wrong",
            f"{hunted.wrong_seen:,}, of which {hunted.wrong_counted:,} count as right",
            "any that counts as right is a counterexample; the others are rightly left out",
        ),
    ]
    if hunted.undecided:
        figures.append(
            Figure("undecided", f"{hunted.undecided:,}", "closer than any precision tried can tell")
        )
    if hunted.smallest:
        figures += _smallest(hunted, hunted.smallest)
    good = not hunted.findings
    result = "no counterexample" if good else f"{len(hunted.findings)} findings"
    return Section("Counterexample search", result, good, figures, (), hunted.findings)


def _smallest(hunted: Hunted, smallest: Evaluation) -> list[Figure]:
    reason = hunted.smallest_reason
    sequence = ",".join(map(str, smallest.sequence))
    if smallest.lead is None or reason is None:
        return [Figure("smallest lead of a member", "no rival", f"input {sequence}")]
    lead = smallest.lead.str(6, radius=False)
    return [
        Figure(
            "smallest lead of a member",
            f"{lead} logits",
            f"input {sequence}: {smallest.maximum} before rival {smallest.rival}; counted in class "
            f"{reason.group} by {reason.decided_by}"
            + ("" if reason.excess is None else f", which shows a lead of {reason.excess[1:]}"),
        )
    ]


def tamper_section(tampered: Tampered) -> Section:
    """Return the section of the mutants."""
    rows = [
        [
            kind,
            f"{tampered.tried[kind]:,}",
            f"{tampered.harmless[kind]:,}",
            f"{tampered.skipped[kind]:,}",
        ]
        for kind in KINDS
        if tampered.tried[kind] or tampered.skipped[kind]
    ]
    figures = [
        Figure(
            "mutants tried",
            f"{tampered.tried.total():,}",
            "changed certificates, each with the answers it may get, known beforehand",
        ),
        Figure(
            "harmless",
            f"{tampered.harmless.total():,}",
            "accepted with the very same statement, which is thus still proved",
        ),
        Figure(
            "skipped", f"{tampered.skipped.total():,}", "for want of time: --seconds gives more"
        ),
    ]
    figures += [Figure("remark", remark, "no finding") for remark in tampered.remarks]
    grids = [
        Grid("Mutants by what was changed", ("changed", "tried", "harmless", "skipped"), rows),
        Grid(
            "What the checker answered",
            ("answer", "mutants"),
            [[answer, f"{count:,}"] for answer, count in sorted(tampered.answers.items())],
        ),
    ]
    good = not tampered.findings
    result = "no forgery accepted" if good else f"{len(tampered.findings)} findings"
    return Section("Tampering", result, good, figures, grids, tampered.findings)
