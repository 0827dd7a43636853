"""The README's commands are run, and what it shows of their output is compared: all but times."""

import re
import shlex
from pathlib import Path

import pytest

from ballproof.models.catalogue import zoo_names
from ballproof.verifier.commands.main import main
from ballproof.verifier.strategies import STRATEGIES

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
# Of these the study's models, of one head, have no certificates.
NOT_OF_ONE_HEAD = {"enumerate", "remainder", "one-sided", "cells", "split"}
# What takes no more than seconds is run with the fast tests.
FAST = ("add-mod-59-seed-0",)


def commands(block):
    """Yield (words, comment, lines shown) of each command of a block."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        line, *shown = part.rstrip().split("\n")
        command, _, comment = line.partition(" # ")
        yield shlex.split(command), comment.strip(), shown


def pattern(line):
    """Return what a shown line stands for: seconds vary, and two dots stand for what is cut."""
    text = re.escape(line.strip())
    text = re.sub(r"\d+\\\.\d\\ s\b", r"\\d+\\.\\d\\ s", text)
    return re.sub(r"(\\\.){2,}", ".*", text)


def output_of(words, capsys):
    """Run a command of the README, which has to end well, and return what it prints."""
    assert words[0] == "ballproof"
    capsys.readouterr()
    assert main(words[1:]) == 0, words
    return capsys.readouterr().out


def the_block_with(text):
    (block,) = [block for block in BLOCKS if text in block]
    return block


LISTED = list(commands(the_block_with("ballproof prove add-mod-59")))


def test_every_block_of_commands_is_run_here():
    first = [next(commands(block))[0][:3] for block in BLOCKS]
    assert first == [
        ["make", "demo"],
        ["ballproof", "prove", "max-of-4-seed-123"],
        ["ballproof", "prove", "add-mod-59-seed-0"],
    ]


def test_a_command_prints_what_is_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    block = list(commands(the_block_with("ballproof evaluate")))
    assert [words[1] for words, _, _ in block] == ["prove", "check", "evaluate"]
    for words, _, shown in block:
        printed = [line.strip() for line in output_of(words, capsys).splitlines()]
        lines = [line for line in shown if line.strip() not in ("", "...")]
        assert lines
        for line in lines:
            assert any(re.fullmatch(pattern(line), one) for one in printed), (line, printed)


def demo_rows():
    """Return (strategy, bound, at least, at most, operations) of the table of `make demo`."""
    (_, _, shown), *_ = commands(the_block_with("make demo"))
    rows = [line.split() for line in shown[1:]]
    assert all(row[-1] == "VERIFIED" for row in rows) and len(rows) == 5
    return [row[:5] for row in rows]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            row,
            id=row[0],
            marks=[pytest.mark.slow] if row[0] in ("brute-force", "exact", "ladder") else [],
        )
        for row in demo_rows()
    ],
)
def test_a_row_of_the_demo_is_what_its_strategy_proves(row, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    strategy, bound, least, most, operations = row
    model = "max-of-4-seed-123"
    output_of(["ballproof", "prove", model, "--strategy", strategy, "--out", "c.json"], capsys)
    verdict = output_of(["ballproof", "check", model, "c.json"], capsys)
    assert f"at least {least} of {64**4} correct (>= {bound})" in verdict
    assert f"{operations} operations" in verdict
    # Without an upper bound the demo shows the number of inputs.
    assert (f"at most {most}," in verdict) == (int(most) != 64**4)


@pytest.mark.parametrize(
    ("words", "comment"),
    [
        pytest.param(
            words,
            comment,
            id=words[2],
            marks=[] if any(name in " ".join(words) for name in FAST) else [pytest.mark.slow],
        )
        for words, comment, _ in LISTED
    ],
)
def test_a_listed_command_leaves_a_certificate_that_is_verified(
    words, comment, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    printed = output_of(words, capsys)
    (path,) = tmp_path.iterdir()
    checked = output_of(["ballproof", "check", words[2], path.name], capsys)
    assert checked.startswith("s VERIFIED")
    if wrong := re.search(r"(\d+) wrong of 64\^4", comment):
        assert f"at least {64**4 - int(wrong[1])} of {64**4} inputs" in printed
    if inputs := re.search(r"(\d+)\^(\d+) inputs", comment):
        assert f" of {int(inputs[1]) ** int(inputs[2])} " in checked


def test_the_numbers_of_models_and_strategies_are_those_there_are():
    said = re.search(r"All (\d+)\s+models of the study by (\d+) strategies", README)
    models, strategies = said.groups()
    # `max-of-4-seed-*` are the models that the study trained by the same recipe.
    ours = [name for name in zoo_names() if re.fullmatch(r"max-of-4-seed-\d+", name)]
    assert int(models) == len(ours)
    one_head = [one for one in STRATEGIES if one.name not in NOT_OF_ONE_HEAD]
    assert int(strategies) == len(one_head)
