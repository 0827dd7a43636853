"""Format 2 is frozen (docs/stability.md): what 0.2.0 verified is verified, with the same words.

The files of `tests/data/format-2` are never written anew: `MODEL.STRATEGY.json` and its verdict.
"""

from pathlib import Path

import pytest

from ballproof.models.catalogue import zoo_path
from ballproof.verifier.proving.checking import VERIFIED, run_checker

STORED = sorted((Path(__file__).resolve().parents[1] / "data" / "format-2").glob("*.json"))


def test_certificates_of_four_strategies_are_stored():
    strategies = {path.name.split(".")[1] for path in STORED}
    assert strategies == {"cubic", "subcubic", "ladder", "enumerate"}


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_stored_certificate_is_verified_with_the_words_of_its_release(path):
    run = run_checker(zoo_path(path.name.split(".")[0]), path)
    assert (run.exit_code, run.output) == (VERIFIED, path.with_suffix(".txt").read_text())
