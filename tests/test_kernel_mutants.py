"""The mutants of the kernel: what is made, that a sample dies, and that the list is true."""

import subprocess
import sys

import pytest
from kernel_mutants import document
from kernel_mutants.mutants import all_mutants, mutants_of, scope_of
from kernel_mutants.sample import sample
from kernel_mutants.suite import TESTS, digest_of_tests


def changes(body):
    source = f"def f(a, b, up):\n    {body}\n"
    return {(m.before, m.after) for m in mutants_of("f.py", source)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return a >> b", "return -(-a >> b)"),
        ("return -(-a >> b)", "return a >> b"),
        ("return -(-a // b)", "return a // b"),
        ("return weighted(a, b)", "return weighted(a, b, up=False)"),
        ("return a[up]", "return a[not up]"),
        ("return a[not up]", "return a[up]"),
        ("return a + b", "return a"),
        ("return a + b", "return a - b"),
        ("return (a, b)", "return (b, a)"),
        ("return (a, b)", "return (a + 1, b)"),
        ("return f(a, b)", "return f(b, a)"),
        ("return a < b", "return a <= b"),
        ("return a == b", "return a != b"),
        ("return a and b", "return a or b"),
        ("return a and b", "return b"),
        ("return not a", "return a"),
        ("return min(a, b)", "return max(a, b)"),
        ("return sorted(a)", "return sorted(a, reverse=True)"),
        ("return a[:b]", "return a[:b + 1]"),
        ("return range(a, b)", "return range(a, b - 1)"),
        ("return [x for x in a if b]", "return [x for x in a]"),
        ("return f(a, up=True)", "return f(a, up=False)"),
        ("return 7 * a", "return 8 * a"),
        ("reject_unless(a < b, 'x', 'y')", "reject_unless(True, 'x', 'y')"),
        ("tally.charge(a)", "(dropped)"),
        ("raise Declined('limit', a)", "(dropped)"),
        ("a += b", "a -= b"),
    ],
)
def test_each_way_to_spoil_a_statement_is_tried(before, after):
    assert (before, after) in changes(before)


def test_words_annotations_and_guards_are_left_alone():
    for body in ("x: list[int] = b", "zip(strict=True)", "import a", '"""a + 1"""', 'f"{a + 1}"'):
        assert not {after for _, after in changes(body) if after != "(dropped)"}, body


def test_every_file_of_tests_has_a_digest_and_folders_of_data_belong_to_it():
    every = [str(path.relative_to(TESTS.parent)) for path in TESTS.glob("certificates/test_*.py")]
    digests = {file: digest_of_tests(file) for file in every}
    assert len(set(digests.values())) == len(every) > 60
    assert "tests/certificates/test_frozen_format.py" in digests


def test_a_sample_that_would_let_false_claims_pass_is_killed_and_the_true_kernel_passes():
    assert len(sample()) >= 30
    command = [sys.executable, "-m", "kernel_mutants", "--sample"]
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert f"{len(sample())} mutants, {len(sample())} killed" in done.stderr


def test_each_mutant_that_is_listed_is_one_of_the_kernel_and_the_page_says_which():
    assert document.unknown() == []
    assert document.PATH.read_text() == document.page(), "python -m kernel_mutants --page"


def test_a_name_is_of_one_mutant_and_outlives_a_move_to_another_file():
    names = [mutant.name for mutant in all_mutants()]
    assert len(names) == len(set(names)) > 8_000
    source = "def f(a):\n    return a + 1\n\nclass C:\n    def g(self, a):\n        return a - 1\n"
    found = [[m.name for m in mutants_of(file, source)] for file in ("x.py", "room/x.py", "y.py")]
    assert found[0] == found[1] == found[2]
    assert "f arithmetic 1" in found[0] and "C.g term 2" in found[0]


def test_a_name_tells_methods_of_classes_that_share_theirs_apart():
    scopes = {f"{scope_of(m.file, m.function)}": m.file for m in all_mutants()}
    found = {(m.file, scope_of(m.file, m.function)) for m in all_mutants()}
    assert len(found) == len(scopes)
    assert scopes["enumeration.Evaluator._exactly"] == "strategies/enumeration.py"
    assert scopes["counting/cells.Cells.arcs"] == "counting/cells.py"


def test_no_mutant_is_listed_twice_or_without_an_argument():
    names = [name for group in document.groups() for name in group["mutants"]]
    assert len(names) == len(set(names))
    assert all(len(group["argument"].split()) > 5 for group in document.groups())
