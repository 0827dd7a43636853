"""The command: exit code and last line agree, the caller's demands hold, and nothing is hidden."""

import json
import os
import re
import subprocess
import sys
from fractions import Fraction

import pytest
from commands import (
    INTERNAL,
    INTERRUPTED,
    TRUE,
    USAGE,
    require_agreement,
    require_no_verdict,
)
from support.certify import (
    CHECKER,
    STRATEGIES,
    run_checker,
    verdict,
)

SENTENCE = re.compile(
    r"s VERIFIED max-of-3 of embed,positions,attention\(1-head,causal,1/sqrt\(d_head\)\),"
    r"readout\(last\) sha256:[0-9a-f]{64} real margin 0: at least (\d+) of 125 correct "
    r"\(>= (\d\.\d{5})\)(?:, at most (\d+))?, (\d+) operations"
)


def test_a_true_certificate_exits_0_and_prints_its_theorem(files):
    run = run_checker(*files(operations=654321))
    require_agreement(run, 0)
    found = SENTENCE.fullmatch(run.last_line)
    assert found
    at_least, share, at_most, operations = found.groups()
    assert (int(at_least), int(at_most), int(operations)) == (TRUE, TRUE, 654321)
    assert Fraction(share) <= Fraction(TRUE, 125) < Fraction(share) + Fraction(1, 10**5)


def test_a_claim_of_one_more_exits_1_and_says_why(files):
    run = run_checker(*files(at_least=TRUE + 1, at_most=125))
    require_agreement(run, 1, "count")
    assert str(TRUE) in run.last_line
    require_agreement(run_checker(*files(operations=10)), 1, "budget")


def test_an_unreadable_certificate_exits_2_and_says_why(files):
    model, cert = files()
    cert.write_text("{}")
    require_agreement(run_checker(model, cert), 2, "syntax")
    require_agreement(run_checker(cert, model), 2, "syntax")
    require_agreement(run_checker(*files("quartic")), 2, "unsupported")
    require_agreement(run_checker(*files(operations=10**11 + 1)), 2, "limit")


def test_the_json_verdict_says_the_same(files):
    run = run_checker(*files(), "--json")
    fields = json.loads(run.stdout)
    assert (run.exit_code, fields["exit_code"], fields["verdict"]) == (0, 0, "VERIFIED")
    assert fields["correct_at_least"] == fields["correct_at_most"] == str(TRUE)
    run = run_checker(*files(at_least=125, at_most=125), "--json")
    fields = json.loads(run.stdout)
    assert (run.exit_code, fields["exit_code"], fields["verdict"]) == (1, 1, "REJECTED")
    assert (fields["reason"], fields["correct_at_least"]) == ("count", str(TRUE))
    run = run_checker(*files("quartic"), "--json")
    fields = json.loads(run.stdout)
    assert (run.exit_code, fields["exit_code"], fields["verdict"]) == (2, 2, "DECLINED")
    assert run.stdout.count("\n") == 1


def test_a_file_that_cannot_be_read_is_a_usage_error(files, tmp_path):
    model, cert = files()
    for paths in ((tmp_path / "none", cert), (model, tmp_path / "none"), (tmp_path, cert)):
        require_no_verdict(run_checker(*paths), USAGE)
    require_no_verdict(run_checker(model, tmp_path), USAGE)
    require_no_verdict(run_checker("", ""), USAGE)


@pytest.mark.parametrize(
    "flags",
    [
        *(["--no-such-flag"], ["--at"], ["--at-least"], ["third file"], ["--json=yes"]),
        *(["--max-operations", text] for text in ("abc", "1e3", "", "1.5", "0x10", "1/2")),
        *(["--margin", text] for text in ("abc", "-1", "1/0", "1e3")),
    ],
    ids=" ".join,
)
def test_a_bad_flag_is_a_usage_error(files, flags):
    require_no_verdict(run_checker(*files(), *flags), USAGE)


@pytest.mark.parametrize(
    "text",
    [
        *("abc", "-1", "1/0", "1e3", "0.5.5", "", ".5", "1.", "+1", " 1", "1/2/3", "1/-2", "0x1"),
        *("1_0", "\u0661", "nan", "inf", "99%", "1/00", "9" * 1001),
    ],
)
def test_a_bad_number_for_at_least_is_a_usage_error(files, text):
    require_no_verdict(run_checker(*files(), f"--at-least={text}"), USAGE)


def test_missing_files_on_the_command_line_are_a_usage_error():
    for arguments in ([], ["only one"]):
        command = [sys.executable, "-I", "-S", str(CHECKER), *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (USAGE, "")
        assert "Traceback" not in done.stderr


def test_help_is_no_verdict_and_names_the_exit_codes():
    run = run_checker("--help", "")
    assert (run.exit_code, run.stderr) == (0, "")
    text = " ".join(run.stdout.split())
    assert "Exit code 0 means: the statement printed on the last line follows" in text
    assert "1 REJECTED, 2 DECLINED, 64 usage, 70 internal error, 130 interrupted" in text
    assert not run.stdout.startswith("s ")


DRIVER = """
import runpy, sys
sys.path.insert(0, sys.argv[1])
import kernel
def check(*arguments):
    raise {error}
kernel.check = check
sys.argv = ["checker", "/dev/null", "/dev/null"]
runpy.run_path(sys.path[0] + "/__main__.py", run_name="__main__")
"""


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        ("ValueError('x')", INTERNAL),
        ("AssertionError", INTERNAL),
        ("RecursionError", INTERNAL),
        ("OSError(2, 'x')", INTERNAL),
        ("StopIteration", INTERNAL),
        ("KeyboardInterrupt", INTERRUPTED),
    ],
)
def test_an_unexpected_exception_is_an_internal_error(error, exit_code):
    command = [sys.executable, "-c", DRIVER.format(error=error), str(CHECKER)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_memory_that_runs_out_is_a_limit():
    command = [sys.executable, "-c", DRIVER.format(error="MemoryError"), str(CHECKER)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout == "s DECLINED limit there is not enough memory.\n"


@pytest.mark.parametrize("switch", ["", "-O", "-OO", "-B", "-X dev"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_verdicts_are_the_same_however_python_is_run(files, switch, strategy):
    for options in ({"at_least": 1, "at_most": 125}, {"at_least": 125, "at_most": 125}):
        paths = files(strategy, **options)
        expected = run_checker(*paths)
        assert expected.exit_code in {0, 1}
        assert run_checker(*paths, python_flags=switch.split()) == expected
        assert run_checker(*paths, isolated=False, python_flags=switch.split()) == expected
        in_process = verdict(*(path.read_bytes() for path in paths))
        assert in_process.exit_code == expected.exit_code


@pytest.mark.parametrize("switch", ["-O", "-OO"])
def test_refusals_do_not_rest_on_assertions(files, switch):
    model, cert = files()
    bad = {"precision": 31}, {"operations": 10}, {"margin": "2/4"}, {"at_least": TRUE + 1}
    for options in bad:
        expected = run_checker(*files(**options))
        assert expected.exit_code in {1, 2}
        assert run_checker(model, cert, python_flags=[switch]) == expected


def shell(files, redirection):
    """Run the checker from a shell that redirects its output; return the exit code and stderr."""
    script = f'exec "$@" {redirection}'
    command = [sys.executable, "-I", "-S", str(CHECKER), *map(str, files)]
    done = subprocess.run(["sh", "-c", script, "sh", *command], capture_output=True, text=True)
    return done.returncode, done.stderr


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
@pytest.mark.parametrize("json_flag", [[], ["--json"]])
def test_a_verdict_that_cannot_be_printed_is_an_internal_error(files, redirection, json_flag):
    exit_code, stderr = shell([*files(), *json_flag], redirection)
    assert exit_code == INTERNAL
    assert "Traceback" not in stderr


def test_a_verdict_into_a_closed_pipe_is_no_success(files):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-I", "-S", str(CHECKER), *map(str, files())]
    with os.fdopen(writer, "wb") as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True)
    assert done.returncode == INTERNAL
    assert "Traceback" not in done.stderr


def test_an_error_message_into_a_closed_pipe_keeps_the_exit_code(files, tmp_path):
    model, _ = files()
    assert shell([model, tmp_path / "none"], "2>&-")[0] == USAGE
    assert shell(files(), "2>&-")[0] == 0
