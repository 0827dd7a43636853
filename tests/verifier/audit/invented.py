"""A strategy of one file, put into the list: the audit, the searches and the report serve it."""

import json
import sys
import tempfile
from pathlib import Path
from random import Random

sys.path.append(str(Path(__file__).resolve().parents[2]))
sys.path.append(str(Path(__file__).resolve().parents[3] / "certificates" / "checker"))

from ballproof.verifier import strategies
from ballproof.verifier.strategies.base import Bounds, Group, InAuto, Losses, Needs, Serves
from ballproof.verifier.strategies.changes import COMPUTED, OUTSIDE, Change, WitnessChanges
from ballproof.verifier.strategies.cubic_balls import CubicQuantities
from ballproof.verifier.strategies.relaxations import CLAIM, Relaxation

PATIENCE = Relaxation("patience", "it ends too early")


class Invented:
    name, complexity, summary = "invented", "v", "counts nothing"
    precision, family, steerable, of_study, two_sided = 64, "fancy", False, False, False
    needs, serves, most_inputs = Needs.TABLES, Serves.EVERY_TASK, None
    group, in_auto = Group("invented", "not the study's", 99), InAuto.ALWAYS

    def losses(self, witness, n_ctx):
        return Losses((1,), (1,), (1,))

    def unexplained_dimension(self, shape):
        return 7

    def least_operations(self, shape):
        return 1

    def search(self, problem, goal, progress):
        return {"patience": 3}

    def bound(self, problem, witness, progress):
        return Bounds(0, problem.total)

    def quantities(self, problem, witness):
        return CubicQuantities(problem)

    def fits(self, witness):
        return witness.keys() == {"patience"}

    def serves_precision(self, witness, bits):
        return True

    def changes(self, problem, witness, rng):
        path = ("proof", "witness", "patience")
        return WitnessChanges([Change(path, -1, OUTSIDE)], [Change(path, 4, COMPUTED)])

    def relaxations(self, case):
        yield CLAIM, 0
        yield PATIENCE, 2

    def given_up(self, problem, witness, progress):
        return None


strategies.STRATEGIES += (Invented(),)

from support.audited import subject  # noqa: E402 after the strategy is in the list
from support.certify import trained_toy  # noqa: E402

from ballproof.verifier.audit.precisions.recount import quantities_of  # noqa: E402
from ballproof.verifier.audit.tamper.mutant import FORGED, MOVED  # noqa: E402
from ballproof.verifier.audit.tamper.trial import all_mutants  # noqa: E402
from ballproof.verifier.audit.tightness.relaxations import tightness  # noqa: E402
from ballproof.verifier.commands.main import main  # noqa: E402
from ballproof.verifier.counting.goal import Goal  # noqa: E402
from ballproof.verifier.proving import searches  # noqa: E402
from ballproof.verifier.report import data, plot, summary  # noqa: E402
from ballproof.verifier.study.rows import ResultRow  # noqa: E402


def audited(folder: Path) -> None:
    """Audit a certificate of another strategy as if it was of this one."""
    one = subject(folder, trained_toy(), "cubic")
    swaps = {m.name: m.expected for m in all_mutants(one, Random(0)) if "invented" in m.name}
    assert swaps == {'proof.strategy = "invented"': OUTSIDE}
    one.fields["proof"] |= {"strategy": "invented", "witness": {"patience": 3}}
    assert isinstance(quantities_of(one), CubicQuantities)
    causes = [cause.fields() for cause in tightness(one).causes]
    assert {"cause": "patience", "explanation": "it ends too early"}.items() <= causes[1].items()
    kinds = {m.kind for m in all_mutants(one, Random(0)) if "patience" in m.name}
    assert {FORGED, MOVED} <= kinds
    tried = [s.name for s in searches._candidates(one.problem, Goal(), [])]
    assert "invented" in tried


def reported() -> None:
    """Find it in listings, groups and plots."""
    assert summary.GROUPS[-1] == "invented"
    assert plot._label("invented") == "ours: fancy" and "ours: fancy" in plot._labels()
    row = ResultRow("0" * 64, "invented", "invented", "VERIFIED")
    assert data._losses_of(row)(None, 4).total == 1
    assert "invented" not in [s.name for s in strategies.strategies_matching("study")]
    assert main(["strategies", "invented", "--json"]) == 0
    assert main(["strategies", "invented"]) == 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        audited(Path(folder))
    reported()
    print(json.dumps("served"))
