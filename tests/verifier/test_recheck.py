"""`check --all`: a whole folder, each certificate against the model that it names."""

import json
import re

import pytest
from support.certify import certificate, digest, encoded, established, run_checker, trained_toy
from support.toy import Recipe

from ballproof.verifier.commands.main import main
from ballproof.verifier.proving.recheck import check_files, exit_code

TOY, OTHER = trained_toy(), Recipe("one hot", 4, 2, 4, 4, seed=2).build()
TRUE, _ = established(TOY, "exact")
CERTIFICATES = {
    "a/exact.json": certificate(TOY, "exact", at_least=TRUE, at_most=TRUE),
    "a/b/other.json": certificate(OTHER, "cubic", at_least=0),
    "z/margin.json": certificate(TOY, "cubic", at_least=0, margin="1/3"),
    "false.json": certificate(TOY, "exact", at_least=TRUE + 1),
    "poor.json": certificate(TOY, "cubic", operations=10),
    "unknown.json": certificate(TOY, "quartic"),
}
GOOD = ("a/exact.json", "a/b/other.json", "z/margin.json")
UNREADABLE = {
    "broken.json": b"{",
    "empty.json": b"",
    "list.json": b"[1]",
    "deep.json": b"[" * 10**5,
}


@pytest.fixture
def models(tmp_path):
    return [TOY.write(tmp_path / "toy.safetensors"), OTHER.write(tmp_path / "other.safetensors")]


@pytest.fixture
def folder(tmp_path):
    """Return a function that fills a folder with some of the certificates."""

    def fill(*names):
        for name in names:
            path = tmp_path / "folder" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = CERTIFICATES.get(name)
            path.write_bytes(encoded(content) if content else UNREADABLE[name])
        return tmp_path / "folder"

    return fill


def check_all(capsys, folder, models, *flags):
    capsys.readouterr()
    code = main(["check", "--all", str(folder), "--models", *map(str, models), *flags])
    return code, *capsys.readouterr()


def test_each_line_is_the_verdict_line_of_a_single_check(folder, models, capsys):
    where = folder(*CERTIFICATES)
    code, out, _ = check_all(capsys, where, models)
    *lines, summary = out.splitlines()
    assert sorted(line.split(": ", 1)[0] for line in lines) == sorted(CERTIFICATES)
    for line in lines:
        name, verdict = line.split(": ", 1)
        model = models[name == "a/b/other.json"]
        assert verdict == run_checker(model, where / name).last_line
    assert summary == "6 certificates: 3 verified, 2 rejected, 1 declined"
    assert code == 1


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (GOOD, 0),
        ((*GOOD, "unknown.json"), 2),
        ((*GOOD, "unknown.json", "poor.json"), 1),
        ((*GOOD, "false.json"), 1),
        ((*GOOD, *UNREADABLE), 2),
    ],
)
def test_the_exit_code_is_the_worst_that_was_said(folder, models, capsys, names, code):
    assert check_all(capsys, folder(*names), models)[0] == code


def test_a_certificate_of_a_model_that_was_not_given_is_declined(folder, models, capsys):
    code, out, _ = check_all(capsys, folder(*GOOD), models[:1])
    assert code == 2
    (line,) = [line for line in out.splitlines() if line.startswith("a/b/other.json")]
    assert "s DECLINED model none of the models given has the digest sha256:" in line


def test_pins_hold_for_every_certificate(folder, models, capsys):
    where = folder(*GOOD)
    assert check_all(capsys, where, models, "--at-least", "0.01")[0] == 1
    code, out, _ = check_all(capsys, where, models, "--task", "max-of-3")
    assert (code, len(re.findall("REJECTED pin", out))) == (1, 1)
    assert check_all(capsys, where, models, "--max-operations", "1000")[0] == 2


def test_machines_get_one_object(folder, models, capsys):
    code, out, _ = check_all(capsys, folder("a/exact.json", "false.json"), models, "--json")
    answer = json.loads(out)
    assert code == 1
    assert answer["summary"] == {"verified": 1, "rejected": 1}
    verified, rejected = answer["certificates"]
    assert verified["correct_at_least"] == str(TRUE)
    assert rejected["reason"] == "count"


def test_a_file_that_vanishes_has_no_verdict_and_the_others_have_theirs(folder, models):
    where = folder(*GOOD)
    digests = {digest(path.read_bytes()): path for path in models}
    files = [where / name for name in GOOD]
    files[1].unlink()
    answers = {answer.path: answer for answer in check_files(files, digests, [], 1)}
    assert [answers[path].exit_code for path in files] == [0, 70, 0]
    assert answers[files[1]].line.startswith("no verdict: the checker ended")


def test_those_of_one_model_and_then_of_one_strategy_follow_each_other(folder, models):
    where = folder("a/exact.json", "a/b/other.json", "false.json")
    digests = {digest(path.read_bytes()): path for path in models}
    cubic = certificate(trained_toy(), "cubic", at_least=0)
    for name in ("0.json", "z.json"):
        (where / name).write_bytes(encoded(cubic))
    (where / "broken.json").write_bytes(b"{")
    answers = check_files(sorted(where.rglob("*.json")), digests, [], 1)
    names = [answer.path.name for answer in answers]
    assert names[0] == "broken.json"
    assert abs(names.index("0.json") - names.index("z.json")) == 1
    assert abs(names.index("exact.json") - names.index("false.json")) == 1
    assert names.index("other.json") in (1, len(names) - 1)


@pytest.mark.parametrize(
    ("codes", "worst"),
    [([], 0), ([0, 0], 0), ([0, 2], 2), ([2, 1, 0], 1), ([1, 70], 70), ([2, 70, 0], 70)],
)
def test_no_verdict_is_worse_than_any(codes, worst):
    assert exit_code(codes) == worst


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--all", "EMPTY", "--models", "TOY"], "holds no certificate"),
        (["--all", "EMPTY", "--models"], "at least one model"),
        (["--all", "nowhere", "--models", "TOY"], "nowhere"),
        (["--all", "FULL", "--models", "no-such-model"], "no-such-model"),
        (["TOY"], "Name a MODEL and a CERTIFICATE"),
        (["TOY", "a", "b"], "Name a MODEL and a CERTIFICATE"),
        (["--models", "TOY", "a"], "go with --all"),
        ([], "Name a MODEL and a CERTIFICATE"),
    ],
)
def test_a_wrong_call_is_a_usage_error(tmp_path, models, capsys, words, sentence):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "x.json").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x.json").touch()
    places = {name.upper(): str(tmp_path / name) for name in ("empty", "full")}
    places["TOY"] = str(models[0])
    assert main(["check", *(places.get(word, word) for word in words)]) == 64
    assert sentence in capsys.readouterr().err
