"""Small tables in HTML: how a notebook shows a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape

from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.counting.goal import Progress, silent


def card(title: str, facts: Mapping[str, object]) -> str:
    """Return a heading and a row for each fact that there is one of."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'>{escape(str(value))}</td></tr>"
        for name, value in facts.items()
        if value not in (None, "")
    )
    return f"<div><strong>{escape(title)}</strong><table>{rows}</table></div>"


@contextmanager
def shown(label: str, progress: bool) -> Iterator[Progress]:
    """Give what reports (done, all): a bar on standard error where it is asked for."""
    if not progress:
        yield silent
        return
    with Terminal().bar(label) as report:
        yield report
