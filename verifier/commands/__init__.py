"""The command line: one module for each thing a user wants to do."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import click

from ballproof.verifier.commands.attribute import attribute
from ballproof.verifier.commands.audit import audit
from ballproof.verifier.commands.audit_claims import audit_claims
from ballproof.verifier.commands.check import check
from ballproof.verifier.commands.console import Terminal
from ballproof.verifier.commands.demo import demo
from ballproof.verifier.commands.frontier import frontier_command
from ballproof.verifier.commands.inspect import evaluate, info
from ballproof.verifier.commands.obtain import import_model
from ballproof.verifier.commands.prove import prove
from ballproof.verifier.commands.quantise import quantise
from ballproof.verifier.commands.report import report
from ballproof.verifier.commands.show import show
from ballproof.verifier.commands.strategies import strategies
from ballproof.verifier.commands.sweep import sweep
from ballproof.verifier.commands.train import train
from ballproof.verifier.proving.checking import INTERRUPTED, USAGE

EPILOG = (
    "Exit codes: 0 done or VERIFIED, 1 REJECTED, 2 DECLINED or a model that cannot be used, "
    f"{USAGE} usage or unreadable file, 70 internal error, {INTERRUPTED} interrupted."
)


def _version() -> str:
    try:
        return version("ballproof")
    except PackageNotFoundError:
        return "not installed"


@click.group(
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


for _command in (
    demo,
    train,
    import_model,
    info,
    evaluate,
    strategies,
    prove,
    show,
    check,
    audit,
    audit_claims,
    frontier_command,
    quantise,
    attribute,
    sweep,
    report,
):
    ballproof.add_command(_command)
