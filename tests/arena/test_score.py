"""The runner gives each command the score that follows from the manifests, ours a full one."""

import importlib.util
import io
import json
import subprocess
import sys
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace

import pytest
from score import Files, main, play, run
from scorecard import CATEGORIES, Answer, Result, read_cases, score
from support.certify import CHECKER

from session import Session

CHECK = [sys.executable, "-I", "-S", str(CHECKER)]


@pytest.fixture(scope="session")
def all_cases(arena):
    return read_cases(arena)


@pytest.fixture(scope="session")
def small(all_cases):
    """Return the cases without large files."""
    return [case for case in all_cases if not f"{case.model}{case.certificate}".count("large:")]


@pytest.fixture(scope="session")
def entries(arena):
    """Return the entries of the manifests, read without the scorecard."""

    def read(category):
        return json.loads((arena / category / "manifest.json").read_text())["cases"]

    return {category: read(category) for category in CATEGORIES}


@pytest.fixture(scope="session")
def entries_with(entries):
    """Return a function: how many cases of each category have some values, and of all."""

    def counted(**wanted):
        found = Counter()
        for category, listed in entries.items():
            found[category] = sum(all(e.get(k) == v for k, v in wanted.items()) for e in listed)
        return {**found, "all": sum(found.values())}

    return counted


def shell(script):
    """Return a command that runs a shell script and ignores the two files."""
    return ["sh", "-c", script, "checker"]


@pytest.fixture
def scored(arena, capsys):
    """Return a function that runs the runner: its exit code and the figures that it prints."""

    def play_all(*arguments):
        exit_code = main(["--json", "--jobs", "4", *arguments], arena)
        return exit_code, json.loads(capsys.readouterr().out)

    return play_all


def rights(figures):
    return {name: figures[name]["right"] for name in (*CATEGORIES, "all")}


@pytest.fixture(scope="module")
def in_process():
    """Return a function that asks the reference checker in this process."""
    spec = importlib.util.spec_from_file_location("checker_main", CHECKER / "__main__.py")
    checker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checker)

    def ask(arguments, session=None):
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(io.StringIO()):
            try:
                exit_code = checker.main(arguments, session)
            except SystemExit as error:
                exit_code = error.code
        return Answer(exit_code, (out.getvalue().splitlines() or [""])[-1])

    return ask


def test_the_reference_checker_is_right_on_every_case(arena, small, in_process):
    figures = score(play(arena, small, in_process))
    assert figures["wrong"] == []
    assert figures["all"]["right"] == figures["all"]["exit_code_right"] == len(small) > 2600
    assert figures["scored_on"] == "exit codes and reasons and the statements of verified claims"


def test_one_session_is_right_on_every_case_asked_twice(arena, small, in_process):
    # By model, as a folder is checked: what a case makes, others of the same weights may take.
    session = Session()
    cases = [case for case in sorted(small, key=lambda case: case.model) for _ in range(2)]
    figures = score(play(arena, cases, lambda arguments: in_process(arguments, session)))
    assert figures["wrong"] == []
    assert figures["all"]["exit_code_right"] == len(cases)


@pytest.mark.parametrize("text", ["spelling.b", "usage", "surrogate.t", "trap.chord", "work.walk"])
def test_the_runner_agrees_over_real_processes(arena, text):
    command = [sys.executable, str(arena / "score.py"), "--only", text, "--", *CHECK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "WRONG" not in done.stdout and "scored on exit codes" in done.stdout
    assert "cases" in done.stderr


@pytest.mark.slow
def test_the_reference_checker_is_right_on_large_files_and_in_time(scored, all_cases, small):
    exit_code, figures = scored("--only", "large.", "--", *CHECK)
    assert exit_code == 0, figures["wrong"]
    assert figures["all"]["right"] == len(all_cases) - len(small) > 10


@pytest.fixture
def always(all_cases):
    """Return a function: the figures of a command that gives one answer to every case."""

    def one_answer(exit_code, line=""):
        return score([Result(case, Answer(exit_code, line), "no such line") for case in all_cases])

    return one_answer


@pytest.mark.parametrize("line", ["s VERIFIED all is well", ""])
def test_always_accept_gets_the_accepted_cases_and_is_found_unsound(
    line, always, entries, entries_with
):
    figures, expected = always(0, line), entries_with(exit_code=0)
    codes = {name: figures[name]["exit_code_right"] for name in expected}
    assert codes == expected and expected["all"] == len(entries["accept"])
    # Its statement is wrong everywhere; without a statement only the exit code can be compared.
    assert rights(figures) == (dict.fromkeys(expected, 0) if line else expected)
    assert figures["all"]["false_claims_accepted"] == entries_with(false=True)["all"] > 180
    accepted = {name: figures[name]["accepted_in_error"] for name in expected}
    assert accepted == {name: figures[name]["cases"] - expected[name] for name in expected}
    assert figures["all"]["crashes"] == figures["all"]["timeouts"] == 0
    assert figures["scored_on"].startswith("exit codes and the" if line else "exit codes alone")


@pytest.mark.parametrize(
    ("exit_code", "word", "reason"), [(1, "REJECTED", "count"), (2, "DECLINED", "syntax")]
)
def test_always_refusing_gets_the_cases_of_its_reason(
    exit_code, word, reason, always, entries_with
):
    figures = always(exit_code, f"s {word} {reason} No.")
    expected = entries_with(exit_code=exit_code, reason=reason)
    assert rights(figures) == expected and expected["all"] > 100
    assert figures["accept"]["right"] == figures["all"]["accepted_in_error"] == 0
    assert "and reasons" in figures["scored_on"]


@pytest.mark.parametrize("exit_code", [1, 2])
def test_always_refusing_without_a_reason_is_scored_on_exit_codes_and_told_so(
    exit_code, always, entries, entries_with
):
    figures, expected = always(exit_code), entries_with(exit_code=exit_code)
    assert rights(figures) == expected and expected["all"] > 300
    assert figures["scored_on"].startswith("exit codes alone; the command printed no reasons")
    assert figures["all"]["accepted_in_error"] == figures["all"]["false_claims_accepted"] == 0
    assert figures["all"]["cases"] == sum(map(len, entries.values()))
    assert figures["all"]["cases"] == figures["all"]["right"] + len(figures["wrong"])


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("echo", {"exit_code": 0}),
        ("exit 1", {"exit_code": 1}),
        ("echo s DECLINED unsupported No.; exit 2", {"exit_code": 2, "reason": "unsupported"}),
    ],
)
def test_commands_that_always_say_the_same_get_their_score_as_processes(
    scored, entries, entries_with, script, wanted
):
    status, figures = scored("--category", "reject", "--", *shell(script))
    assert status == 1
    assert figures["all"] == figures["reject"]
    assert figures["reject"]["cases"] == len(entries["reject"])
    assert figures["reject"]["right"] == entries_with(**wanted)["reject"]
    accepted = len(entries["reject"]) if script == "echo" else 0
    assert figures["reject"]["accepted_in_error"] == accepted


@pytest.mark.parametrize("script", ["kill -SEGV $$", "exit 70", "exit 255"])
def test_a_command_that_crashes_gets_nothing(scored, script):
    status, figures = scored("--only", "witness.", "--", *shell(script))
    assert status == 1 and figures["all"]["right"] == 0
    assert figures["all"]["crashes"] == figures["all"]["cases"] > 200


def test_a_command_that_hangs_is_ended_with_its_children(scored, tmp_path):
    late = tmp_path / "late"
    script = f"(sleep 2; touch {late}) & wait"
    options = ["--only", "spelling.", "--timeout", "0.2", "--category", "accept"]
    status, figures = scored(*options, "--", *shell(script))
    assert status == 1 and figures["all"]["right"] == figures["all"]["crashes"] == 0
    assert figures["all"]["timeouts"] == figures["all"]["cases"] == 9
    subprocess.run(["sleep", "2"], check=True)
    assert not late.exists()


@pytest.fixture(scope="module")
def sample(arena, small, in_process):
    """Return the results of the reference checker on some cases of each category."""
    names = ("weaker", "trap", "cert.count", "drift")
    return play(arena, [case for case in small if case.name.startswith(names)], in_process)


def with_lines(results, old, new, exit_codes):
    """Return the score of these results with text of the last lines replaced."""

    def changed(result):
        code, line = result.answer.exit_code, result.answer.last_line
        answer = Answer(code, line.replace(old, new) if code in exit_codes else line)
        return replace(result, answer=answer)

    return score(list(map(changed, results)))


@pytest.mark.parametrize(
    ("old", "new"),
    [("syntax", "limit"), ("REJECTED", "DECLINED"), ("s DECLINED syntax", "oops"), ("s ", "S ")],
)
def test_the_right_exit_code_with_another_reason_or_word_is_wrong(sample, old, new):
    assert score(sample)["wrong"] == []
    figures = with_lines(sample, old, new, {1} if old == "s " else {1, 2})
    touched = sum(old in result.answer.last_line for result in sample if result.case.exit_code)
    assert figures["all"]["exit_code_right"] == len(sample)
    assert 0 < len(figures["wrong"]) <= touched < len(sample)


@pytest.mark.parametrize(
    ("old", "new"),
    [("at least", "At least"), ("of 125", "of 124"), (" operations", ""), ("0 ", "1 ")],
)
def test_a_verified_line_must_be_the_statement_to_the_letter(sample, old, new):
    figures = with_lines(sample, old, new, {0})
    assert figures["accept"]["cases"] > 3 and figures["accept"]["right"] == 0
    assert figures["all"]["right"] == len(sample) - figures["accept"]["cases"]


def test_a_wrong_answer_is_named_with_what_was_expected(arena, capsys):
    words = ["--only", "trap.chord", "--", *shell("echo s VERIFIED anything")]
    status = main(words, arena)
    text = capsys.readouterr().out
    assert status == 1
    assert "WRONG reject/trap.chord: expected 1 count, got 0 s VERIFIED anything" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["--only", "no such case", "--", "echo"],
        ["--", "/no/such/command"],
        ["--jobs", "0", "--", "echo"],
        ["--timeout", "-1", "--", "echo"],
        [],
    ],
)
def test_bad_arguments_are_usage_errors(arena, arguments, capsys):
    with pytest.raises(SystemExit) as error:
        main(arguments, arena)
    assert error.value.code == 64 and capsys.readouterr().out == ""


def test_a_folder_without_cases_is_a_usage_error_that_says_how_to_build_them(tmp_path, capsys):
    with pytest.raises(SystemExit) as error:
        main(["--", "echo"], tmp_path)
    assert error.value.code == 64 and "make arena" in capsys.readouterr().err


def test_the_runner_needs_python_alone(arena):
    command = [sys.executable, "-S", str(arena / "score.py"), "--only", "pin.all"]
    command += ["--", *CHECK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_arguments_follow_the_two_files(arena, all_cases, tmp_path):
    case = next(case for case in all_cases if case.name == "pin.task")
    arguments = Files(arena, tmp_path).arguments(case)
    assert arguments == [str(arena / case.model), str(arena / case.certificate), *case.arguments]
    answer = run(shell('echo "$#"'), arguments, 10)
    assert answer == Answer(0, str(len(arguments)))
