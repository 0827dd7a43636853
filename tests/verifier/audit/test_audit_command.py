"""`ballproof audit` as a user meets it: exit codes, text, JSON, and the page."""

import json
import re

import pytest
from support.audited import subject, written
from support.certify import trained_toy

from ballproof.verifier.audit import run as running
from ballproof.verifier.audit.page import audit_page
from ballproof.verifier.audit.run import Audit
from ballproof.verifier.audit.sections import Section
from ballproof.verifier.audit.subject import Finding
from ballproof.verifier.commands.main import main


def call(capsys, *arguments):
    capsys.readouterr()
    code = main(["audit", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.fixture
def files(tmp_path):
    return written(tmp_path, trained_toy(), "exact")


def test_a_sound_certificate_ends_with_no_findings_and_0(files, capsys, tmp_path):
    page = tmp_path / "audit.html"
    arguments = (files.model, files.certificate, "--effort", 1)
    code, out, _ = call(capsys, *arguments, "--only", "hunt", "--only", "tamper", "--html", page)
    assert code == 0 and "s VERIFIED" in out
    assert "Counterexample search: no counterexample" in out
    assert "Tampering: no forgery accepted" in out
    assert out.splitlines()[-1].startswith("No findings in ")
    text = page.read_text()
    assert "http" not in text and "<script" not in text and "src=" not in text
    assert "no forgery accepted" in text and "prefers-color-scheme" in text


def test_json_is_one_object_that_names_every_figure(files, capsys):
    code, out, _ = call(
        capsys, files.model, files.certificate, "--only", "hunt", "--effort", 1, "--json"
    )
    fields = json.loads(out)
    assert code == fields["exit_code"] == 0 and fields["findings"] == []
    assert fields["verdict"]["verdict"] == "VERIFIED" and "tamper" not in fields
    hunted = fields["hunt"]
    assert hunted["asked"] == hunted["tried"] == int(hunted["total"]) == 125
    assert hunted["smallest_member"]["right"] is True
    assert hunted["smallest_member"]["explanation"]["counted"] is True


def test_check_alone_asks_nothing_else(files, capsys):
    code, out, _ = call(capsys, files.model, files.certificate, "--only", "check")
    assert code == 0 and "Counterexample" not in out and "Tampering" not in out


def spoil(files, key, value):
    fields = json.loads(files.certificate.read_text())
    fields["claim"][key] = value
    files.certificate.write_text(json.dumps(fields))


def test_a_rejected_certificate_ends_with_1_and_is_not_attacked(files, capsys):
    spoil(files, "correct_at_least", "125")
    spoil(files, "correct_at_most", "125")
    code, out, _ = call(capsys, files.model, files.certificate)
    assert code == 1 and "s REJECTED count" in out and "Not run" in out
    code, out, _ = call(capsys, files.model, files.certificate, "--json")
    assert code == json.loads(out)["exit_code"] == 1


def test_a_declined_certificate_ends_with_2(files, capsys):
    files.certificate.write_text("{}x")
    code, out, _ = call(capsys, files.model, files.certificate)
    assert code == 2 and "s DECLINED syntax" in out


def test_a_finding_ends_with_1_and_is_printed_with_its_logits(files, capsys, monkeypatch):
    def lying(files, checker):
        from ballproof.verifier.audit.hunt.members import Explanation

        return lambda sequences: [
            Explanation(s, True, "q=0 m=1", "a wrong table", None, "-1", "logits")
            for s in sequences
        ]

    monkeypatch.setattr(running, "checker_members", lying)
    arguments = (files.model, files.certificate, "--only", "hunt")
    code, out, _ = call(capsys, *arguments)
    assert code == 1 and "FINDING" in out and "logit of the rival" in out
    assert "counted as right by a wrong table (class q=0 m=1)" in out
    code, out, _ = call(capsys, *arguments, "--json")
    findings = json.loads(out)["findings"]
    assert code == 1 and findings[0]["part"] == "hunt" and findings[0]["right"] is False


@pytest.mark.parametrize(
    "arguments",
    [
        *(["MODEL"], ["MODEL", "no such file"], ["no such model", "CERT"], []),
        *(["MODEL", "CERT", "--only", "x"], ["MODEL", "CERT", "--effort", "0"]),
        ["MODEL", "CERT", "--html", "no such folder/x.html"],
    ],
    ids=str,
)
def test_wrong_usage_ends_with_64_and_a_sentence(files, capsys, arguments):
    known = {"MODEL": files.model, "CERT": files.certificate}
    code, out, err = call(capsys, *(known.get(word, word) for word in arguments))
    assert code == 64 and out == "" and err and "Traceback" not in err


def test_help_has_examples(capsys):
    code, out, _ = call(capsys, "--help")
    assert code == 0 and out.count("ballproof audit ") >= 3 and "tamper" in out


def test_the_page_shows_hostile_text_as_text(tmp_path):
    one = subject(tmp_path, trained_toy(), "exact")
    hostile = "<script>alert(1)</script>"
    finding = Finding("hunt", hostile, {"logits": {hostile: hostile}})
    section = Section(hostile, hostile, False, (), (), (finding,))
    done = Audit(one.verdict, [section], findings=[finding])
    page = audit_page(hostile, hostile, done).decode()
    assert "<script" not in page and page.count("&lt;script&gt;") >= 5


def test_the_page_of_a_refusal_says_why(tmp_path, files):
    spoil(files, "total", "126")
    verdict = files.control()
    done = Audit(verdict, [], not_run=["hunt"])
    page = audit_page("m", "c", done).decode()
    assert re.search(r"s REJECTED statement", page) and "not run" in page


@pytest.mark.parametrize("strategy", ["exact", "ladder"])
def test_of_another_task_what_serves_it_is_run_and_the_rest_is_named(tmp_path, capsys, strategy):
    model, proof = trained_toy().write(tmp_path / "toy.safetensors"), tmp_path / "proof.json"
    task = ["--task", "min-of-3", "--strategy", strategy, "--out", str(proof)]
    assert main(["prove", str(model), *task]) == 0
    code, out, _ = call(capsys, model, proof, "--seconds", 5)
    assert code == 0 and "Tampering: no forgery accepted" in out
    assert "Not run: tightness, hunt; they serve max-of-3 only" in out
