"""What tests of sweeps share: tasks, rows without what differs from run to run, the command."""

import json
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

from support.toy import Recipe

from ballproof.verifier.commands.main import main
from ballproof.verifier.proving.checking import DEFAULT_MAX_OPERATIONS
from ballproof.verifier.strategies import strategies_matching
from ballproof.verifier.study.store import opened
from ballproof.verifier.study.work import Task

# Right on some inputs and wrong on others; one has no rival, one no free position.
RECIPES = (
    Recipe("trained", v=6, k=3, d=4, h=2, seed=1),
    Recipe("one hot", v=4, k=2, d=4, h=4, seed=2),
    Recipe("gaussian", v=5, k=3, d=3, h=2, biases=frozenset({"b_V", "b_U"}), seed=3),
    Recipe("trained", v=1, k=3, d=2, h=2, seed=4),
    Recipe("trained", v=7, k=1, d=4, h=2, seed=5),
)
STRATEGIES = [strategy.name for strategy in strategies_matching("subcubic/*/drop-average/svd")]
SETTINGS = {"margin": "0", "max_operations": str(DEFAULT_MAX_OPERATIONS), "version": "test"}


def task(path, strategies, **changes):
    whole = Task(
        path.stem,
        path.read_bytes(),
        tuple(strategies),
        Fraction(0),
        DEFAULT_MAX_OPERATIONS,
        pictured=True,
    )
    return replace(whole, **changes)


def timeless(rows):
    """Return rows without the seconds, by model and strategy."""
    bare = [replace(row, seconds_to_prove=None, seconds_to_check=None) for row in rows]
    return sorted(bare, key=lambda row: (row.sha256, row.strategy))


def index_of(folder):
    """Return what the index of a folder says, but for seconds and the order of models."""
    with opened(folder) as store:
        return sorted(store.models(), key=lambda row: row.sha256), timeless(store.results())


def sweep(capsys, *words):
    """Run `ballproof sweep` in this process; return the exit code, its JSON and its remarks."""
    capsys.readouterr()
    code = main(["sweep", *map(str, words), "--json"])
    printed = capsys.readouterr()
    answer = None
    with suppress(ValueError):
        answer = json.loads(printed.out)
    return code, answer, printed.err
