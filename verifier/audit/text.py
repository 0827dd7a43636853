"""An audit as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from ballproof.verifier.audit.run import Audit
from ballproof.verifier.audit.sections import Grid, Section
from ballproof.verifier.proving.recheck import verdict_line

SHOWN = 20


def audit_lines(model: str, certificate: str, audit: Audit) -> Iterator[str]:
    """Yield the audit in short sections, the verdict of the whole last."""
    yield f"Audit of {certificate} against {model}"
    yield verdict_line(audit.verdict)
    for section in audit.sections:
        yield ""
        yield from _section_lines(section)
    yield ""
    if audit.not_run:
        yield f"Not run: {', '.join(audit.not_run)}; {audit.why_not}."
    yield _conclusion(audit)


def _section_lines(section: Section) -> Iterator[str]:
    yield f"{section.title}: {section.result}"
    yield from (f"  {line}" for line in section.lines)
    width = max((len(figure.label) for figure in section.figures), default=0)
    for figure in section.figures:
        yield f"  {figure.label:<{width}}  {figure.value}  ({figure.meaning})"
    for grid in section.grids:
        yield from _grid_lines(grid)
    for finding in section.findings[:SHOWN]:
        yield f"  FINDING: {finding.sentence}"
        for name, logit in finding.details.get("logits", {}).items():
            yield f"    logit of the {name}: {logit}"
    if len(section.findings) > SHOWN:
        yield f"  and {len(section.findings) - SHOWN} more findings; --json lists all"


def _grid_lines(grid: Grid) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(grid.heads, *grid.rows, strict=True)]
    yield f"  {grid.caption}:"
    for row in (grid.heads, *grid.rows):
        first, *others = row
        cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        yield "    " + "  ".join([f"{first:<{widths[0]}}", *cells])


def _conclusion(audit: Audit) -> str:
    if audit.findings:
        return f"{len(audit.findings)} FINDINGS in {audit.seconds:.0f} seconds."
    if audit.exit_code:
        return f"The certificate is {audit.verdict['verdict']}."
    return f"No findings in {audit.seconds:.0f} seconds."
