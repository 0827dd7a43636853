"""The checker's source: standard library and itself only, small, and no check in an `assert`."""

import ast
import io
import shutil
import sys
import tokenize

import pytest
from support.certify import CHECKER, certificate, encoded, run_checker, trained_toy

FILES = sorted(CHECKER.glob("*.py"))
NAMES = {path.stem for path in FILES}
MAX_LINES, MAX_LINES_OF_A_FILE, MAX_LINES_OF_A_FUNCTION = 2140, 300, 60
SILENT = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    *(tokenize.ENCODING, tokenize.ENDMARKER),
}

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


def docstring_lines(tree):
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, holders) and ast.get_docstring(node) is not None:
            yield from range(node.body[0].lineno, node.body[0].end_lineno + 1)


def code_lines(path):
    """Return the numbers of the lines that hold code: no blanks, comments or docstrings."""
    source = path.read_text()
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in SILENT:
            lines.update(range(token.start[0], token.end[0] + 1))
    return lines - set(docstring_lines(ast.parse(source)))


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_the_folder_holds_python_files_only():
    others = {path.name for path in CHECKER.iterdir()} - {path.name for path in FILES}
    assert others <= {"__pycache__"}
    assert {"__main__", "kernel", "verdict"} <= NAMES


@each_file
def test_a_file_imports_the_standard_library_and_the_checker_only(path):
    for name in imports(ast.parse(path.read_text())):
        assert name.split(".")[0] in sys.stdlib_module_names | NAMES


@each_file
def test_no_file_loads_code_that_an_import_statement_does_not_show(path):
    hidden = {"__import__", "eval", "exec", "compile", "importlib", "ctypes", "pickle", "marshal"}
    tree = ast.parse(path.read_text())
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not (used | set(imports(tree))) & hidden


@each_file
def test_no_file_hides_one_of_the_standard_library(path):
    assert path.stem == "__main__" or path.stem not in sys.stdlib_module_names


@each_file
def test_no_check_rests_on_an_assertion_or_on_optimisation(path):
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.Assert)
        assert not (isinstance(node, ast.Name) and node.id == "__debug__")


@each_file
def test_no_floating_point_number_is_in_the_checker(path):
    for node in ast.walk(ast.parse(path.read_text())):
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float | complex))
        assert not (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div))
        assert not (isinstance(node, ast.Name) and node.id in {"float", "complex", "round"})


def test_a_theorem_is_made_in_one_place():
    made = [
        path.name
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "Theorem"
    ]
    assert made == ["kernel.py"]


def test_the_checker_is_small_enough_to_be_read():
    sizes = {path.name: len(code_lines(path)) for path in FILES}
    assert sum(sizes.values()) <= MAX_LINES
    assert max(sizes.values()) <= MAX_LINES_OF_A_FILE


@each_file
def test_no_function_needs_more_than_a_screen(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < MAX_LINES_OF_A_FUNCTION, node.name


@pytest.mark.parametrize("switches", [(), ("-O",), ("-OO",), ("-B",)])
def test_a_copy_in_an_empty_folder_gives_the_same_verdicts(tmp_path, switches):
    copy, model = tmp_path / "copy of the checker", trained_toy()
    copy.mkdir()
    for path in FILES:
        shutil.copy(path, copy)
    model.write(tmp_path / "model")
    for at_least, strategy in ((0, "exact"), (None, "exact"), (0, "quartic")):
        cert = tmp_path / "cert"
        cert.write_bytes(encoded(certificate(model, strategy, at_least=at_least)))
        expected = run_checker(tmp_path / "model", cert)
        found = run_checker("model", "cert", checker=copy, python_flags=switches, cwd=tmp_path)
        assert found == expected
        assert expected.exit_code == {"quartic": 2}.get(strategy, int(at_least is None))
