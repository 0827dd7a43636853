"""The hunt against kernels with a bug: a false certificate that they verify is found out."""

import shutil
from random import Random

import pytest
from support.certify import CHECKER, certificate, encoded
from support.oracle import count_correct
from support.toy import Recipe
from support.witnesses import plausible

from ballproof.verifier.audit.hunt.members import checker_members
from ballproof.verifier.audit.hunt.search import hunt
from ballproof.verifier.audit.subject import Files, subject_of
from ballproof.verifier.proving import checking
from ballproof.verifier.proving.checking import CheckerProcess

BUGS = {
    "the wrong side of an attention deviation": (
        "strategies/subcubic.py",
        "max((a - s) * most, (a - s) * least)",
        "(a - s) * least",
        "subcubic/max-diff-exact/drop-average/exact",
    ),
    "the best rival instead of the worst": (
        "strategies/cubic.py",
        "max(row[:maximum] + row[maximum + 1 :])",
        "min(row[:maximum] + row[maximum + 1 :])",
        "cubic",
    ),
    "the lower tables instead of the upper ones": (
        "counting/branch.py",
        "entry[2] + entry[0].most[depth] >= 0",
        "entry[1] + entry[0].least[depth] >= 0",
        "exact",
    ),
}
MODELS = [Recipe(f, 4, 3, 4, 3, seed=seed) for f in ("trained", "gaussian") for seed in (0, 1, 4)]


@pytest.fixture(params=BUGS)
def broken(request, tmp_path, monkeypatch):
    """Put a kernel with a bug in the place of the checker; return the strategy that it spoils."""
    module, right, wrong, strategy = BUGS[request.param]
    copy = shutil.copytree(CHECKER, tmp_path / "checker")
    source = (copy / module).read_text()
    assert right in source
    (copy / module).write_text(source.replace(right, wrong))
    monkeypatch.setattr(checking, "CHECKER", copy)
    return strategy


def test_every_false_certificate_that_a_broken_kernel_verifies_is_found_out(broken, tmp_path):
    false = 0
    for seed, model in enumerate(recipe.build() for recipe in MODELS):
        witness = {} if "/" not in broken else plausible(Random(seed), broken, model)
        weights = model.write(tmp_path / "model")
        path, total = tmp_path / "certificate", model.d_vocab**model.n_ctx
        path.write_bytes(encoded(certificate(model, broken, witness=witness)))
        with CheckerProcess() as checker:
            found = checker.check_file(weights, path, [])
            counts = [int(found[f"correct_at_{end}"]) for end in ("least", "most")]
            claim = certificate(model, broken, at_least=counts[0], at_most=total, witness=witness)
            path.write_bytes(encoded(claim))
            files = Files(weights, path)
            one = subject_of(files, files.control())
            hunted = hunt(one, checker_members(files, checker), effort=1)
        if counts[0] > count_correct(model):
            false += 1
            assert hunted.findings, model.recipe
    assert false
