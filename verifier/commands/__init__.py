"""The command line: one module for each thing a user wants to do."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import click

from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.proving.checking import INTERRUPTED, USAGE

# In the order of `--help`: module and function of each command. One that is not asked for is not
# imported: that would take longer than a short proof.
COMMANDS = {
    "demo": ("demo", "demo"),
    "train": ("train", "train"),
    "import": ("obtain", "import_model"),
    "info": ("inspect", "info"),
    "evaluate": ("inspect", "evaluate"),
    "strategies": ("strategies", "strategies"),
    "prove": ("prove", "prove"),
    "show": ("show", "show"),
    "check": ("check", "check"),
    "audit": ("audit", "audit"),
    "audit-claims": ("audit_claims", "audit_claims"),
    "frontier": ("frontier", "frontier_command"),
    "quantise": ("quantise", "quantise"),
    "attribute": ("attribute", "attribute"),
    "sweep": ("sweep", "sweep"),
    "report": ("report", "report"),
}
EPILOG = (
    "Exit codes: 0 done or VERIFIED, 1 REJECTED, 2 DECLINED or a model that cannot be used, "
    f"{USAGE} usage or unreadable file, 70 internal error, {INTERRUPTED} interrupted."
)


def _version() -> str:
    try:
        return version("ballproof")
    except PackageNotFoundError:
        return "not installed"


class _Commands(click.Group):
    """The commands, imported where they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        found: click.Command = getattr(import_module(f"{__name__}.{module}"), name)
        return found


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.version_option(_version(), prog_name="ballproof")
@click.option("-q", "--quiet", is_flag=True, help="Print results only: no progress, no remarks.")
@click.pass_context
def ballproof(context: click.Context, quiet: bool) -> None:
    """Prove how many inputs a small transformer gets right, over every input there is.

    Models have one layer of attention, any number of heads, with or without an MLP, or are networks
    of two tokens; tasks are the largest of k tokens and the like, sums modulo a number, products in
    a group, and any table of labels.

    A MODEL is a safetensors file or a name from the built-in zoo, such as max-of-4-seed-123. A
    certificate is a JSON file that `ballproof check`, or the standalone checker alone, re-validates
    with nothing but Python's own integers.

    \b
    Start here:
      ballproof demo
      ballproof prove max-of-4-seed-123 --strategy exact --out exact.json
      ballproof check max-of-4-seed-123 exact.json --at-least 0.999
      ballproof prove add-mod-59-seed-0 --strategy enumerate --out sum.json
    """
    context.obj = Terminal(quiet)
