"""`--serve`: many checks in one process, each answered as if it were the only one."""

import json
import subprocess
import sys

import pytest
from commands import TRUE, USAGE
from support.certify import CHECKER, certificate, encoded, run_checker, trained_toy
from support.toy import Recipe
from support.witnesses import constant_gaps

COMMAND = [sys.executable, "-I", "-S", str(CHECKER), "--serve"]


def serve(*lines):
    """Return exit code, the lines printed, and stderr, for these lines of input."""
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    done = subprocess.run(COMMAND, input=text, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.fixture
def requests(tmp_path):
    """Return lists of arguments: every kind of verdict, two models, several strategies."""
    toy, other = trained_toy(), Recipe("one hot", 4, 2, 4, 4, seed=2).build()
    gaps = {"gaps": constant_gaps(5, 3, 1)}
    certs = {
        "exact": certificate(toy, "exact", at_least=TRUE, at_most=TRUE),
        "false": certificate(toy, "exact", at_least=TRUE + 1),
        "cubic": certificate(toy, "cubic", at_least=0),
        "brute": certificate(toy, "brute-force", at_least=1, precision=200),
        "mixed": certificate(toy, "subcubic/max-diff/drop-average/exact", witness=gaps),
        "below": certificate(toy, "subcubic/max-diff/drop-average/exact", at_least=0, witness=gaps),
        "poor": certificate(toy, "cubic", operations=10),
        "unknown": certificate(toy, "quartic"),
        "other": certificate(other, "exact", at_least=0),
    }
    models = [toy.write(tmp_path / "toy"), other.write(tmp_path / "other")]
    for name, cert in certs.items():
        (tmp_path / name).write_bytes(encoded(cert))
    (tmp_path / "broken").write_text("{")
    paths = [str(tmp_path / name) for name in (*certs, "broken")]
    plain = [[str(model), path] for path in paths for model in models]
    return [*plain, [*plain[0], "--at-least=1"], ["--margin", "0", *plain[0]], *plain[::-1]]


def test_answers_come_in_order_and_are_those_of_single_runs(requests):
    exit_code, lines, stderr = serve(*requests)
    single = {tuple(r): run_checker(r[0], r[1], *r[2:], "--json") for r in map(tuple, requests)}
    assert [line + "\n" for line in lines] == [single[tuple(r)].stdout for r in requests]
    assert {json.loads(line)["exit_code"] for line in lines} == {0, 1, 2}
    assert (exit_code, stderr) == (2, "")


def test_the_exit_code_is_the_largest_of_all(requests):
    by_code = {}
    _, lines, _ = serve(*requests)
    for request, line in zip(requests, lines, strict=True):
        by_code.setdefault(json.loads(line)["exit_code"], request)
    for codes in ((0,), (0, 0), (1, 0), (0, 2, 1), (2, 0, 0)):
        exit_code, lines, _ = serve(*(by_code[code] for code in codes))
        assert [json.loads(line)["exit_code"] for line in lines] == list(codes)
        assert exit_code == max(codes)


def test_no_request_is_no_failure_and_no_verdict():
    assert serve() == (0, [], "")


def test_each_answer_comes_before_the_next_request_is_read(requests):
    child = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with child:
        for request in requests[:4]:
            child.stdin.write(json.dumps(request) + "\n")
            child.stdin.flush()
            assert json.loads(child.stdout.readline())["exit_code"] in {0, 1, 2}
        child.stdin.close()
        assert child.stdout.read() == ""
    assert child.returncode in {0, 1, 2}


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "bad",
    [
        *(["no such file", "none"], [], ["one"], ["--serve"], ["a", "b", "c"], ["--nonsense"]),
        *(["a", "b", "--at-least=x"], ["a\0b", "c"], ["a", "b", "--max-operations=x"]),
    ],
    ids=ascii,
)
def test_a_bad_request_ends_it_with_64_and_leaves_the_rest_unanswered(requests, bad, place):
    good = [requests[0]] * 2
    exit_code, lines, stderr = serve(*good[:place], bad, *good[place:])
    assert exit_code == USAGE
    assert [json.loads(line)["exit_code"] for line in lines] == [0] * place
    assert stderr and "Traceback" not in stderr


@pytest.mark.parametrize("bad", ["", "x", "[", "5", "null", "[1, 2]", '[null, "a"]', '"ab"'])
def test_a_line_that_is_no_list_of_strings_ends_it_with_64(requests, bad):
    exit_code, lines, stderr = serve(requests[0], bad, requests[0])
    assert exit_code == USAGE
    assert len(lines) == 1
    assert "Traceback" not in stderr


@pytest.mark.parametrize("flags", [["--serve", "x"], ["x", "--serve"], ["--serve", "--json"]])
def test_serve_stands_alone(flags):
    done = subprocess.run([*COMMAND[:-1], *flags], capture_output=True, text=True, input="")
    assert (done.returncode, done.stdout) == (USAGE, "")
