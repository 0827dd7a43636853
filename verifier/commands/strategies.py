"""`ballproof strategies`: what there is to choose from."""

from __future__ import annotations

import click

from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.parameters import json_option, pass_terminal
from ballproof.verifier.proving.searches import SEARCHES
from ballproof.verifier.strategies import groups, strategies_matching
from ballproof.verifier.strategies.base import Strategy


@click.command()
@click.argument("pattern", default="all")
@json_option
@pass_terminal
def strategies(terminal: Terminal, pattern: str, as_json: bool) -> None:
    """List the strategies that PATTERN fits (default: all; study: the study's), group by group.

    Each line says what is done with the scores, the direct path and the attention. Names of the
    family are subcubic/<direct path>/<attention>/<score error>; the attention handling `chord` is
    ours, the other 102 strategies are the study's. In the order of work v is the vocabulary, k the
    context length and d the residual width.
    """
    chosen = strategies_matching(pattern)
    if as_json:
        terminal.json([_fields(strategy) for strategy in chosen])
        return
    for group in groups():
        members = [strategy for strategy in chosen if strategy.group == group]
        if members:
            terminal.result("", f"{group.name} ({len(members)}): {group.explanation}")
            terminal.result(*_lines(members))
    if pattern == "all":
        terminal.result("", "searches: prove --strategy takes these as well")
        terminal.result(*(f"  {search.name:<8}  {search.summary}" for search in SEARCHES))


def _fields(strategy: Strategy) -> dict[str, str]:
    fields = ("name", "complexity", "summary")
    return {"group": strategy.group.name} | {name: getattr(strategy, name) for name in fields}


def _lines(members: list[Strategy]) -> list[str]:
    name, work = (max(len(getattr(s, field)) for s in members) for field in ("name", "complexity"))
    return [f"  {s.name:<{name}}  {s.complexity:<{work}}  {s.summary}" for s in members]
