"""The checker's source: standard library and itself only, small, and no check in an `assert`."""

import ast
import json
import shutil
import sys
from functools import cache

import pytest
from support.certify import CHECKER, certificate, encoded, run_checker, trained_toy

import trusts
from files.claims import SEMANTICS
from kernel import OTHERS, STRATEGIES
from parts.architectures import ARCHITECTURES, IN_SEQUENCE
from strategies.ladder import ROOMS as LADDER_ROOMS
from tasks.task import RULES
from trusts import closure, code_lines

ROWS = {row.read.__module__: row for rows in ARCHITECTURES.values() for row in rows}.values()
ONE_HEAD_PARTS = ("embed", "positions", "attention", "readout")
COMPACT = ["remainder", "cells", "one-sided"]
SUBCUBIC = [name for name in STRATEGIES if name.startswith("subcubic/")]
PROVED = ["brute-force", "exact", "cubic", "ladder", *SUBCUBIC[:1], "enumerate", *COMPACT]
FILES = sorted(CHECKER.rglob("*.py"))
NAMES = {path.relative_to(CHECKER).parts[0].removesuffix(".py") for path in FILES}
ROOMS = {path.name for path in CHECKER.iterdir() if path.is_dir()} - {"__pycache__"}
MAX_LINES_OF_A_CLAIM, MAX_LINES_OF_A_FILE, MAX_LINES_OF_A_FUNCTION = 1700, 300, 60
# One head, tokens in order, and no pools: what most claims are.
MAX_LINES_OF_A_COUNT, ORDERED = 1500, ("max", "min", "rank", "argmax")
# Several heads and neurons take T7, T13, T14 and T15, and evaluation for what they leave.
MAX_LINES_OF_HEADS = 2500
# Layers in sequence have the most theorems, and norms, activations and prefixes of their own.
MAX_LINES_OF_LAYERS = 2650
# A layer with a final norm is read as layers, and counted as several heads.
MAX_LINES_OF_A_FINAL_NORM = 2750
FLOAT32 = "parts/float32.py"
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CHECKER)))


@pytest.fixture(scope="module", autouse=True)
def each_file_is_parsed_once():
    """Hundreds of claims rest on the same files."""
    with pytest.MonkeyPatch.context() as patch:
        made = trusts._imports
        patch.setattr(trusts, "_imports", cache(lambda source: tuple(made(source))))
        patch.setattr(trusts, "code_lines", cache(code_lines))
        yield


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_the_folder_holds_python_files_only():
    others = {path for path in CHECKER.rglob("*") if path.is_file()} - set(FILES)
    assert all(path.parent.name == "__pycache__" for path in others)
    assert {"__main__", "kernel", "files", "strategies"} <= NAMES


def test_each_folder_says_in_a_sentence_what_it_holds_and_nothing_else():
    for room in ROOMS:
        tree = ast.parse((CHECKER / room / "__init__.py").read_text())
        assert len(tree.body) == 1 and ast.get_docstring(tree).endswith(".")
        assert room not in sys.stdlib_module_names


def test_what_explains_or_words_a_verdict_decides_none():
    shown = {"__main__", "explain", "trusts", "session"}
    for path in FILES:
        used = {name.split(".")[0] for name in imports(ast.parse(path.read_text()))}
        assert path.stem == "__main__" or not used & shown


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


@each_file
def test_a_file_is_small_enough_to_be_read(path):
    assert len(code_lines(path.read_text())) <= MAX_LINES_OF_A_FILE


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("semantics", SEMANTICS)
@pytest.mark.parametrize("architecture", ROWS, ids=lambda row: row.read.__module__)
@pytest.mark.parametrize("strategy", PROVED)
def test_what_a_claim_rests_on_is_small_enough_to_be_read(strategy, architecture, semantics, rule):
    row = STRATEGIES[strategy]
    float32 = semantics == "float32"
    served = row.needs in architecture.gives and (architecture.deviation or not float32)
    # Those of one head alone have no neurons.
    if not served or (strategy in COMPACT and architecture.deviation):
        pytest.skip("such a claim is declined")
    program = architecture.deviation if float32 else None
    used = [row.count, RULES[rule][1], architecture.read, architecture.gives[row.needs], program]
    rooms = [room.__module__ for room in LADDER_ROOMS] if strategy == "ladder" else [None]
    for room in rooms:
        require_short([each.__module__ for each in used if each] + [room] * bool(room), row)
        assert (FLOAT32 in closure([each.__module__ for each in used if each])) == float32


def require_short(modules, row):
    files = closure(modules)
    row = row.count.__module__
    # The ladder has the most theorems, T12 and T18 are one more each, a product needs its group;
    # a model of one head is read as such before it is one of several.
    more = [FLOAT32, "tasks/groups.py", "counting/merged.py"]
    more += ["parts/attention_only.py"] if "parts/one_head_program.py" in files else []
    assert sum(files.values()) - sum(files.get(x, 0) for x in more) <= MAX_LINES_OF_A_CLAIM
    assert {"kernel.py", row.replace(".", "/") + ".py", "files/verdict.py"} <= files.keys()
    assert not files.keys() & {"__main__.py", "explain.py", "trusts.py"}


def files_of(row, rule, architecture):
    """Return the files that a claim rests on, with their lines, by the rows of its tables."""
    used = [row.count, RULES[rule][1], architecture.read, architecture.gives[row.needs]]
    return closure(each.__module__ for each in used)


@pytest.mark.parametrize("rule", ORDERED)
@pytest.mark.parametrize("strategy", ["brute-force", "exact", "cubic", *SUBCUBIC[:1]])
def test_what_a_count_of_one_head_rests_on_is_read_in_an_afternoon(strategy, rule):
    files = files_of(STRATEGIES[strategy], rule, ARCHITECTURES[ONE_HEAD_PARTS][0])
    assert sum(files.values()) <= MAX_LINES_OF_A_COUNT
    assert not files.keys() & {"strategies/ladder.py", "parts/one_layer.py", "parts/layers.py"}


@pytest.mark.parametrize("rule", RULES)
def test_what_a_claim_about_a_final_norm_rests_on_is_named_and_bounded(rule):
    files = files_of(OTHERS["exact"][0], rule, ARCHITECTURES[IN_SEQUENCE][0])
    assert sum(files.values()) <= MAX_LINES_OF_A_FINAL_NORM
    assert "parts/final_norm.py" in files and "counting/network.py" not in files


@pytest.mark.parametrize("rule", RULES)
def test_what_a_claim_about_layers_rests_on_is_named_and_bounded(rule):
    files = files_of(OTHERS["enumerate"][0], rule, ARCHITECTURES[IN_SEQUENCE][0])
    assert sum(files.values()) <= MAX_LINES_OF_LAYERS
    assert not files.keys() & {"parts/one_layer.py", "counting/fixed_point.py", "explain.py"}


@pytest.mark.parametrize("rule", RULES)
def test_what_a_claim_about_several_heads_rests_on_is_named_and_bounded(rule):
    files = files_of(OTHERS["exact"][0], rule, ARCHITECTURES["embed", "attention", "readout"][0])
    assert sum(files.values()) - files.get("tasks/groups.py", 0) <= MAX_LINES_OF_HEADS
    assert not files.keys() & {"strategies/ladder.py", "counting/network.py", "explain.py"}


def test_the_checker_names_what_a_claim_rests_on_beside_its_verdict(tmp_path):
    model = trained_toy()
    model.write(tmp_path / "model")
    for strategy in ("exact", "cubic"):
        (tmp_path / "cert").write_bytes(encoded(certificate(model, strategy, at_least=0)))
        run = run_checker(tmp_path / "model", tmp_path / "cert", "--trusts", "--json")
        found = json.loads(run.stdout)
        assert (run.exit_code, found["verdict"]) == (0, "VERIFIED")
        assert found["trusts"] == closure(
            [STRATEGIES[strategy].count.__module__, "tasks.maximum", "parts.attention_only"]
        )
        lines = run_checker(tmp_path / "model", tmp_path / "cert", "--trusts").stdout.splitlines()
        assert lines[-2] == f"t {sum(found['trusts'].values())} lines in all"
        assert lines[-1].startswith("s VERIFIED")


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
        (copy / path.relative_to(CHECKER)).parent.mkdir(exist_ok=True)
        shutil.copy(path, copy / path.relative_to(CHECKER))
    model.write(tmp_path / "model")
    for at_least, strategy in ((0, "exact"), (None, "exact"), (0, "quartic")):
        cert = tmp_path / "cert"
        cert.write_bytes(encoded(certificate(model, strategy, at_least=at_least)))
        expected = run_checker(tmp_path / "model", cert)
        found = run_checker("model", "cert", checker=copy, python_flags=switches, cwd=tmp_path)
        assert found == expected
        assert expected.exit_code == {"quartic": 2}.get(strategy, int(at_least is None))
