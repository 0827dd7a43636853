"""`main` of the command, called in this process: each argument, exit code and printed line."""

import importlib.util
import io
import json
import sys

import pytest
from commands import INTERNAL, INTERRUPTED, MODEL, TRUE, USAGE
from support.certify import CHECKER, certificate, digest, encoded, verdict

from parts.attention_only import WORDS

SPEC = importlib.util.spec_from_file_location("checker_main", CHECKER / "__main__.py")
COMMAND = importlib.util.module_from_spec(SPEC)
sys.modules["checker_main"] = COMMAND
SPEC.loader.exec_module(COMMAND)


class Answer:
    """How a call of `main` ended."""

    def __init__(self, capsys, *arguments):
        try:
            self.code = COMMAND.main(list(map(str, arguments)))
        except SystemExit as stop:
            self.code = stop.code
        self.out, self.err = capsys.readouterr()
        self.lines = self.out.splitlines()


@pytest.fixture
def run(files, capsys):
    """Return a function that runs the command on the toy and a certificate, with these flags."""

    def call(*flags, strategy="exact", **options):
        return Answer(capsys, *files(strategy, **options), *flags)

    return call


def test_the_line_that_is_printed_is_that_of_the_verdict(run, files):
    for code, options in enumerate(({}, {"at_least": 125, "at_most": 125}, {"precision": 1})):
        model, cert = (path.read_bytes() for path in files(**options))
        found = run(**options)
        assert (found.code, found.err) == (code, "")
        try:
            expected = COMMAND.check(model, cert, COMMAND.Pins())
        except COMMAND.Refusal as refusal:
            expected = refusal
        assert found.out == expected.line() + "\n"
        answer = json.loads(run("--json", **options).out)
        assert answer == expected.fields()
        assert answer["exit_code"] == code


def test_a_verified_line_says_model_semantics_margin_counts_share_and_budget(run):
    found = run(at_least=107, at_most=110, margin="0", operations=654321)
    share = f"{107 * 10**5 // 125:05d}"
    assert found.out == (
        f"s VERIFIED max-of-3 of {WORDS} sha256:{digest(MODEL.bytes())} real margin 0: "
        f"at least 107 of 125 correct (>= 0.{share}), at most 110, 654321 operations\n"
    )
    assert "at most" not in run(at_most=125).out
    assert ", at most 124" in run(at_most=124).out


def test_a_share_is_rounded_down_to_five_decimals(run):
    for at_least, share in ((0, "0.00000"), (1, "0.00800"), (33, "0.26400"), (108, "0.86400")):
        assert f"(>= {share})" in run(at_least=at_least, at_most=125).out


@pytest.mark.parametrize("text", ["108/125", "0.864", "216/250", "0", "00.8640", "864/1000"])
def test_a_share_that_is_claimed_may_be_demanded(run, text):
    assert run("--at-least", text).code == 0


@pytest.mark.parametrize("text", ["109/125", "0.8641", "1", "2"])
def test_a_share_that_is_not_claimed_is_rejected(run, text):
    found = run("--at-least", text)
    assert (found.code, found.out[:16]) == (1, "s REJECTED pin o")


@pytest.mark.parametrize(
    "flags",
    [
        *(["--at-least", x] for x in ("", "x", "1/0", "1/00", "-1", ".5", "1.", "1/2/3", "1e1")),
        *(["--at-least", "9" * 1001], ["--at-least", "0." + "9" * 1001]),
        *(["--at-least", "1/" + "9" * 1001], ["--at", "1"], ["--max", "1"], ["--js"], ["more"]),
        *(["--explain", x] for x in ("", "x", "1,", "1.0,2,3", "1;2;3")),
        *(["--max-operations", "x"], ["--margin", "x"], ["--json=1"], ["--serve"]),
    ],
    ids=lambda flags: " ".join(flags)[:30],
)
def test_a_bad_argument_is_64_with_usage_and_the_fault_on_standard_error(run, flags):
    found = run(*flags)
    assert (found.code, found.out) == (USAGE, "")
    assert found.err.startswith("usage: checker ")
    assert found.err.splitlines()[-1].startswith("checker: ")
    if len(flags) == 2:
        assert "argument " in found.err or "unrecognized" in found.err


@pytest.mark.parametrize("flag", ["--at-least", "--margin"])
def test_a_number_of_1000_digits_is_read_and_one_of_1001_is_not(run, flag):
    zero = "0" * 1000
    for text in (zero, f"{zero}.{zero}", f"0/{'9' * 1000}", f"0/{'0' * 500}1"):
        assert run(flag, text).code == 0
    for text in (zero + "0", f"0.{zero}0", f"0/{'9' * 1001}", f"0/1{'0' * 1000}"):
        assert run(flag, text).code == USAGE


def test_the_message_about_a_number_quotes_80_letters_of_it(run):
    found = run("--at-least", "x" * 200)
    assert repr("x" * 80) in found.err and "x" * 81 not in found.err


def test_pins_are_demanded_of_the_claim(run):
    good = ["--task", "max-of-3", "--semantics", "real", "--margin", "0.0", "--at-least", "0"]
    assert run(*good).code == 0
    for flag in ("--task=max-of-4", "--semantics=float32", "--margin=1/10"):
        assert run(flag).out.startswith("s REJECTED pin ")


def test_budgets_above_the_default_or_the_given_limit_are_declined(run):
    assert run(operations=10**11).code == 0
    assert run(operations=10**11 + 1).out.startswith("s DECLINED limit ")
    assert run("--max-operations", "1000000", operations=10**6).code == 0
    assert run("--max-operations", "999999", operations=10**6).code == 2


def test_explanations_are_printed_in_order_before_the_verdict(run):
    plain = run()
    found = run("--explain", "0,1,2", "--explain=4,4,4")
    assert found.code == 0 and found.lines[2:] == plain.lines
    assert [line.split()[:2] for line in found.lines[:2]] == [["e", "0,1,2"], ["e", "4,4,4"]]
    fields = json.loads(run("--json", "--explain", "0,1,2", "--explain=4,4,4").out)
    reasons = fields.pop("explanations")
    assert [reason["sequence"] for reason in reasons] == [[0, 1, 2], [4, 4, 4]]
    assert fields == json.loads(run("--json").out)


def test_sequences_that_are_none_of_the_models_are_declined(run):
    for tokens in ("1,2", "1,2,3,4", "1,2,5", "-1,2,3", "5,0,0"):
        found = run(f"--explain={tokens}")
        assert (found.code, found.out[:24]) == (2, "s DECLINED unsupported -")


def test_a_refusal_explains_nothing(run):
    found = run("--explain", "0,1,2", at_least=125, at_most=125)
    assert (found.code, len(found.lines)) == (1, 1)


def test_a_file_that_cannot_be_read_is_64_and_named(files, capsys, tmp_path):
    model, cert = files()
    for paths in ((tmp_path / "none", cert), (model, tmp_path / "none"), (tmp_path, cert)):
        found = Answer(capsys, *paths)
        assert (found.code, found.out) == (USAGE, "")
        assert found.err.startswith("checker: cannot read ")


def test_no_more_of_a_file_is_read_than_one_byte_above_its_limit(tmp_path, monkeypatch, capsys):
    path, sizes = tmp_path / "file", []

    def check(weights, cert, pins, tally_of):
        sizes.append((len(weights), len(cert)))
        raise COMMAND.Refusal("limit", "seen")

    monkeypatch.setattr(COMMAND, "check", check)
    monkeypatch.setattr(COMMAND, "MAX_WEIGHTS", 5)
    monkeypatch.setattr(COMMAND, "MAX_FILE", 3)
    for size in (2, 3, 4, 5, 6, 7):
        path.write_bytes(bytes(size))
        assert Answer(capsys, path, path).code == 2
    assert sizes == [(min(size, 6), min(size, 4)) for size in (2, 3, 4, 5, 6, 7)]


@pytest.mark.parametrize(
    ("error", "code"),
    [(ValueError("x"), INTERNAL), (RecursionError(), INTERNAL), (KeyboardInterrupt(), INTERRUPTED)],
    ids=repr,
)
def test_any_other_exception_is_an_internal_error_without_a_verdict(run, monkeypatch, error, code):
    def check(*arguments):
        raise error

    monkeypatch.setattr(COMMAND, "check", check)
    found = run()
    assert (found.code, found.out) == (code, "")
    word = "interrupted" if code == INTERRUPTED else f"internal error: {type(error).__name__}"
    assert found.err.startswith(f"checker: {word}")


def test_memory_that_runs_out_is_declined(run, monkeypatch):
    def check(*arguments):
        raise MemoryError

    monkeypatch.setattr(COMMAND, "check", check)
    found = run()
    assert (found.code, found.err) == (2, "")
    assert found.out == "s DECLINED limit there is not enough memory.\n"


def test_a_verdict_that_cannot_be_written_is_an_internal_error(files, monkeypatch, capsys):
    class Full(io.StringIO):
        def flush(self):
            raise OSError("full")

    for stream in (Full(), None):
        monkeypatch.setattr(sys, "stdout", stream)
        assert COMMAND.main(list(map(str, files()))) == INTERNAL
        assert sys.stdout is None
    assert "internal error: OSError" in capsys.readouterr().err


@pytest.fixture
def served(files, capsys, monkeypatch, tmp_path):
    """Return a function that serves lines, each a list of arguments or raw text."""

    def call(*lines):
        text = "".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines)
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        return Answer(capsys, "--serve")

    return call


def test_requests_are_answered_in_order_and_the_largest_code_is_the_exit_code(served, tmp_path):
    requests = {}
    for code, options in enumerate(({"at_least": TRUE}, {"at_least": 125}, {"precision": 1})):
        paths = tmp_path / "model", tmp_path / str(code)
        paths[0].write_bytes(MODEL.bytes())
        paths[1].write_bytes(encoded(certificate(MODEL, "exact", **options)))
        requests[code] = list(map(str, paths))
        assert verdict(*(path.read_bytes() for path in paths)).exit_code == code
    assert served().code == 0
    for codes in ((0,), (0, 1), (1, 0), (2, 0, 1), (1, 2, 2)):
        found = served(*(requests[code] for code in codes))
        assert [json.loads(line)["exit_code"] for line in found.lines] == list(codes)
        assert (found.code, found.err) == (max(codes), "")
    for bad in ("", "5", "null", "[1, 2]", '"ab"', "[", [], ["one"], ["--serve"], ["a", "b"]):
        found = served(requests[1], bad, requests[0])
        assert (found.code, len(found.lines)) == (USAGE, 1)
        assert found.err


def test_options_of_a_request_may_end_in_two_dashes(served, files):
    found = served(["--", *map(str, files())])
    assert (found.code, json.loads(found.out)["verdict"]) == (0, "VERIFIED")


def test_nothing_is_explained_unless_it_is_asked_for(run, monkeypatch):
    def explanations(*arguments):
        raise AssertionError("nobody asked")

    monkeypatch.setattr(COMMAND, "explanations", explanations)
    assert run().code == 0
    assert run("--explain", "1,2,3").code == INTERNAL


def test_help_says_what_each_option_does(capsys):
    help_text = " ".join(Answer(capsys, "--help").out.split())
    for words in (
        *("demand this accuracy, 0.99 or 99/100", "demand this task, for instance max-of-4"),
        *("demand these semantics", "demand this margin, 0 or 1/10", "decline larger budgets"),
        *("say what decides this sequence, such as 3,17,60,12", "print the verdict as a JSON"),
        *("the weights, a safetensors file", "the certificate, a JSON file"),
    ):
        assert words in help_text


def test_the_first_request_without_a_verdict_is_the_last(served, files, monkeypatch):
    def check(*arguments):
        asked.append(arguments)
        raise RuntimeError("broken")

    asked, request = [], [*map(str, files())]
    monkeypatch.setattr(COMMAND.Session, "check", check)
    found = served(request, request)
    assert (found.code, found.out, len(asked)) == (INTERNAL, "", 1)
