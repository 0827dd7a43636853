"""What a release is made of: locked tools, its version in documents, hooks that fetch nothing."""

import re
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINNED = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def settings():
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def locked(name):
    return dict(PINNED.findall((ROOT / "release" / name).read_text(encoding="utf-8")))


def wanted(*texts):
    """Return the names of the requirements in these texts, one a line."""
    lines = "\n".join(texts).splitlines()
    return {re.split(r"[\[>=<]", line)[0] for line in lines if line and line[0] not in "#"}


def test_all_that_the_tests_and_the_build_need_is_locked_by_hash():
    parsed = settings()
    tools = (ROOT / "release" / "build.in").read_text(encoding="utf-8")
    needed = wanted(parsed["options"]["install_requires"], tools)
    needed |= wanted(parsed["options.extras_require"]["test"])
    assert len(needed) > 15
    assert needed <= locked("test.txt").keys()
    assert wanted(tools) <= locked("build.txt").keys()
    for name in ("test.txt", "build.txt"):
        entries = re.split(r"\n(?=\S)", (ROOT / "release" / name).read_text(encoding="utf-8"))
        pins = [entry for entry in entries if PINNED.match(entry)]
        assert len(pins) >= len(locked(name))
        assert all("--hash=sha256:" in entry for entry in pins)


def test_the_build_runs_on_the_releases_that_the_tests_run_on():
    assert locked("build.txt").items() <= locked("test.txt").items()


def test_the_changelog_begins_with_this_version_in_sections():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.split(r"\n## ", text)[1]
    assert newest.startswith(settings()["metadata"]["version"])
    sections = re.findall(r"^### (.*)$", newest, re.MULTILINE)
    allowed = ["Added", "Changed", "Fixed", "Removed"]
    assert sections == [name for name in allowed if name in sections] != []
    # Each entry stands in a section.
    assert "\n- " not in newest.split("\n### ")[0]


def test_hooks_fetch_nothing_and_run_what_the_makefile_has():
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"repo: (\S+)", text) == ["local"]
    targets = re.findall(r"entry: make (\S+)", text)
    assert targets == ["lint"]
    assert re.search(r"^lint:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_versions_of_python_that_are_classified_are_tried():
    """Each classifier names a version that the script of the installed wheel looks for."""
    classified = re.findall(r":: (3\.\d+)$", settings()["metadata"]["classifiers"], re.MULTILINE)
    tried = re.search(
        r"PYTHONS:-([0-9. ]+)", (ROOT / "tests" / "installed.sh").read_text(encoding="utf-8")
    )
    assert classified and set(classified) <= set(tried[1].split())
