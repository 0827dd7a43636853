"""`ballproof strategies`: what there is to choose from."""

from __future__ import annotations

import click
from rich.table import Table

from verifier.commands.parameters import json_option, pass_terminal
from verifier.console import Terminal
from verifier.strategies import STRATEGIES


@click.command()
@json_option
@pass_terminal
def strategies(terminal: Terminal, as_json: bool) -> None:
    """List the strategies: name, order of work, and what they do.

    v is the vocabulary, k the context length.
    """
    rows = [(s.name, s.complexity, s.summary) for s in STRATEGIES]
    if as_json:
        terminal.json(
            [dict(zip(("name", "complexity", "summary"), row, strict=True)) for row in rows]
        )
        return
    table = Table("strategy", "order of work", "what it does", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    terminal.results.print(table)
