"""Mutants by number: the same seed and number make the same weights and certificate."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple

from support.certify import digest, encoded, shapes
from support.hard import Hard, hard
from support.hard_zoo import hard_on_zoo
from support.ladders import LADDERS
from support.mutations import change_claim, fix_model, mutate, written
from support.network_seeds import NetworkTruth, networks
from support.seeds import SEMANTICS, Seed, any_strategy, seed_for, small_models
from support.toy import ToyModel
from support.truth import Truth, demand

from ballproof.models.catalogue import zoo_path
from ballproof.models.weights import weights_from_bytes
from ballproof.verifier.counting.float32 import deviation

ROOT = Path(__file__).resolve().parents[2]
BUDGET = 100_000_000
RANDOM_MODELS = 40
VALID = 1_500
FOUR, TEN = "max-of-4-seed-123", "max-of-10-seed-50"
PROOFS = [
    *((FOUR, strategy, "real") for strategy in ("cubic", "ladder", "moment", "grid")),
    (FOUR, "subcubic/max-diff-exact/chord/svd", "real"),
    (FOUR, "subcubic/svd-query/drop-average/exact", "real"),
    (FOUR, "cubic", "float32"),
    *((TEN, strategy, "real") for strategy in ("cubic", "ladder", "moment")),
    (TEN, "subcubic/mean-query/mean+diff/max-diff-subproduct", "real"),
    (TEN, "cubic", "float32"),
]
LIMITS = {FOUR: 4_000_000, TEN: 15_000_000}
# How many inputs max-of-4 has right at margin 0, by `exact`; those of max-of-10 are bounded by a
# ladder of any length, from both sides.
RIGHT_OF_FOUR = 16_765_884


class Bounded(Truth):
    """What is true of a model too large to be enumerated: bounds of its right inputs at margin 0.

    At a larger margin no more are right; an upper end is compared at margin 0 only.
    """

    @cached_property
    def eps(self) -> Fraction:  # type: ignore[override]
        """How far the gaps of the float32 program may be from the real ones."""
        return deviation(weights_from_bytes(self.weights, "zoo"))

    def __init__(self, weights: bytes, least: int = 0, most: int | None = None) -> None:
        sizes = shapes(weights)
        self.weights, self.digest = weights, digest(weights)
        self.total, self.task = sizes["d_vocab"] ** sizes["n_ctx"], f"max-of-{sizes['n_ctx']}"
        self.least, self.most = least, self.total if most is None else most
        self.oracle = SimpleNamespace(d_vocab=sizes["d_vocab"], n_ctx=sizes["n_ctx"])

    def hold(self, semantics: str, margin: Any, low: int, high: int) -> None:
        """Raise FalseAnswer if these counts contradict what is known."""
        demand(low <= self.most, f"at least {low}: they are {self.most} at most")
        demand(margin > 0 or high >= self.least, f"at most {high}: they are {self.least} at least")


class Mutant(NamedTuple):
    """A certificate to ask about, what is true of its model, and what was done to it."""

    number: int
    kind: str
    strategy: str
    did: list[str]
    truth: Truth | NetworkTruth
    cert: bytes


class Source:
    """All mutants of one seed."""

    def __init__(self, seed: int, count: int, zoo: int, folder: Path) -> None:
        self.seed, self.count, self.zoo, self.folder = seed, count, min(zoo, count), folder

    def numbers(self, only: str | None) -> list[int]:
        """Return the numbers of the mutants of one kind, or of all."""
        kinds = {
            "toy": range(self.zoo, self.count),
            "zoo": range(self.zoo),
            "hard": range(-1, -1 - len(self.hard), -1),
        }
        return [n for kind, numbers in kinds.items() if only in (None, kind) for n in numbers]

    def mutant(self, number: int) -> Mutant:
        """Return the mutant of this number; below 0 the certificates that are built to be slow."""
        if number < 0:
            name, weights, cert = self.hard[-1 - number]()
            return Mutant(number, "hard", name, ["built to be slow"], Bounded(weights), cert)
        rng = Random(f"{self.seed}/{number}")
        while True:
            draw = self._zoo if number < self.zoo else self._toy
            own, other = draw(rng), draw(rng)
            fields = json.loads(json.dumps(own.fields))
            did = mutate(rng, fields, other)
            for repair, share in ((fix_model, 0.5), (change_claim, 0.3)):
                if rng.random() < share:
                    did.append(repaired(repair, rng, fields, own))
            cert, spoilt = written(rng, fields)
            if cert != encoded(own.fields):
                did = [words for words in [*did, spoilt] if words and words != "nothing"]
                kind = "zoo" if number < self.zoo else "toy"
                return Mutant(number, kind, own.fields["proof"]["strategy"], did, own.truth, cert)

    def _toy(self, rng: Random) -> Seed:
        number = rng.randrange(VALID)
        models = len(small_models(RANDOM_MODELS)) + len(networks())
        index, choice = number % models, Random(number)
        strategy, semantics = any_strategy(choice), choice.choice(SEMANTICS)
        return seed_for(index, strategy, semantics, number, RANDOM_MODELS)

    def _zoo(self, rng: Random) -> Seed:
        return rng.choice(self.proofs)

    @cached_property
    def proofs(self) -> list[Seed]:
        """Return the certificates of the zoo's models, proved if they are not yet there."""
        ladder = proved(self.folder, TEN, "ladder", "real", 10**11, ".both-sides")["claim"]
        ends = {FOUR: (RIGHT_OF_FOUR, RIGHT_OF_FOUR)}
        ends[TEN] = int(ladder["correct_at_least"]), int(ladder["correct_at_most"])
        found = []
        for name, strategy, semantics in PROOFS:
            path = zoo_path(name)
            cert = proved(self.folder, name, strategy, semantics, LIMITS[name])
            # Twice the budget, so that most mutants are decided by the bounds.
            cert["proof"]["operations"] = str(min(2 * int(cert["proof"]["operations"]), BUDGET))
            truth = Bounded(path.read_bytes(), *ends[name])
            found.append(Seed(truth, ToyModel.read(path), cert))
        return found

    @cached_property
    def hard(self) -> list[Callable[[], Hard]]:
        """Return makers of the certificates that are built to be slow."""

        def read(name: str) -> bytes:
            return zoo_path(name).read_bytes()

        return [*hard_on_zoo(read, self._of_four, BUDGET - 1), *hard(BUDGET - 1)]

    def _of_four(self, strategy: str) -> tuple[bytes, dict[str, Any]]:
        return zoo_path(FOUR).read_bytes(), proved(
            self.folder, FOUR, strategy, "real", LIMITS[FOUR]
        )


def repaired(repair: Callable[..., str], rng: Random, fields: dict[str, Any], own: Seed) -> str:
    """Apply a mutation that may find the certificate too broken."""
    try:
        return repair(rng, fields, own)
    except (KeyError, TypeError, ValueError, AttributeError):
        return "nothing"


def proved(
    folder: Path, name: str, strategy: str, semantics: str, limit: int, mark: str = ""
) -> dict[str, Any]:
    """Return the certificate that `ballproof prove` makes of a model of the zoo; kept in folder."""
    path = folder / f"{name}.{strategy.replace('/', '_')}.{semantics}{mark}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        limit = limit if strategy in LADDERS else BUDGET
        command = [sys.executable, "-m", "ballproof", "prove", name, "--strategy", strategy]
        command += [
            "--semantics",
            semantics,
            "--max-operations",
            str(limit),
            "--out",
            str(path.resolve()),
        ]
        print(f"proving {name} with {strategy}, {semantics}", file=sys.stderr, flush=True)
        subprocess.run([*command, "--quiet"], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    fields: dict[str, Any] = json.loads(path.read_text())
    return fields
