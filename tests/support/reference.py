"""Reference certificates: files with their witnesses, and each number that the checker finds.

In tests/ `PYTHONPATH=../certificates/checker python -m support.reference` writes the file
tests/data/reference.json anew; the difference to the old one is then what a change of the checker
did to numbers that others may rely on.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import explain
from arithmetic.tally import Tally
from files.claims import Pins
from files.verdict import Refusal
from support.certify import certificate, checker_eps, encoded, verdict
from support.ladders import LADDERS, plausible_ladder, wild_ladder
from support.toy import Recipe, ToyModel
from support.witnesses import SUBCUBIC, plausible, wild

PATH = Path(__file__).resolve().parents[1] / "data" / "reference.json"
EVERY = frozenset({"b_Q", "b_K", "b_V", "b_O", "b_U"})
# Sequences of each certificate that are explained, spread over all.
EXPLAINED = 24
MODELS = {
    "trained": Recipe("trained", 5, 3, 4, 2, frozenset({"b_U"}), seed=18),
    "biased": Recipe("trained", 4, 3, 3, 2, EVERY, seed=1),
    "gaussian": Recipe("gaussian", 4, 4, 3, 3, EVERY, seed=11),
    "dyadic": Recipe("dyadic", 3, 3, 2, 2, frozenset({"b_Q", "b_O"}), seed=5),
    "one hot": Recipe("one hot", 10, 2, 10, 10, seed=2),
    "near ties": Recipe("near ties", 4, 3, 3, 2, frozenset({"b_U"}), seed=8),
    "absorbing": Recipe("absorbing", 4, 3, 3, 3, frozenset({"b_K", "b_U"}), "float64", seed=3),
    "sharp": Recipe("sharp", 4, 3, 3, 2, EVERY, seed=8),
    "extreme": Recipe("extreme", 3, 2, 2, 2, EVERY, "float64", seed=7),
    "half": Recipe("trained", 6, 2, 3, 1, frozenset({"b_V"}), "float16", seed=4),
    "alone": Recipe("trained", 5, 1, 3, 2, frozenset({"b_O", "b_U"}), seed=1),
    "single": Recipe("gaussian", 1, 3, 2, 2, frozenset({"b_U"}), seed=1),
    "long": Recipe("trained", 3, 6, 3, 2, frozenset({"b_U"}), seed=6),
}
SETTINGS = ((64, "0"), (32, "1/3"), (53, "1/8"), (200, "0"), (33, "5"))


def certificates() -> Iterator[tuple[str, ToyModel, dict[str, Any]]]:
    """Yield models by name and certificates that claim that all is right."""
    rng = Random(20)
    for turn, (name, recipe) in enumerate(MODELS.items()):
        model = recipe.build()
        options = [dict(zip(("precision", "margin"), SETTINGS[turn % 5], strict=True))]
        options.append(dict(zip(("precision", "margin"), SETTINGS[(turn + 1) % 5], strict=True)))
        for strategy in ("brute-force", "exact", "cubic"):
            for chosen in options:
                yield name, model, certificate(model, strategy, **chosen)
        cert = certificate(model, "exact", **options[0])
        cert["claim"]["semantics"] = "float32"
        yield name, model, cert
        for place, strategy in enumerate(LADDERS if model.d_vocab < 7 else ()):
            make = (plausible_ladder, wild_ladder)[(turn + place) % 2]
            witness = make(rng, strategy, model)
            yield name, model, certificate(model, strategy, witness=witness, **options[place % 2])
        for place, strategy in enumerate(SUBCUBIC[turn :: len(MODELS)]):
            make = (plausible, wild)[place % 5 == 4]
            witness = make(rng, strategy, model)
            yield name, model, certificate(model, strategy, witness=witness, **options[place % 2])


def answer(weights: bytes, cert: bytes) -> dict[str, Any]:
    """Return exit code, reason, counts and tally, and a digest of exact explanations."""
    found = verdict(weights, cert)
    fields: dict[str, Any] = {"exit_code": found.exit_code, "reason": found.reason}
    fields |= found.established
    if found.theorem:
        fields["tally"] = found.theorem.tally
    try:
        fields["explanations"] = _explanations(weights, cert)
    except Refusal as refusal:
        fields["explanations"] = refusal.reason
    return fields


def _explanations(weights: bytes, cert: bytes) -> str:
    sizes = json.loads(cert)["claim"]["model"]["sizes"]
    every = list(product(range(sizes["d_vocab"]), repeat=sizes["n_ctx"]))
    asked = every[:: max(len(every) // EXPLAINED, 1)]
    # The words may change, the numbers not.
    lines = [
        f"{x.sequence} {x.counted} {x.excess and hexadecimal(x.excess)} {x.rival}"
        for x in explain.explanations(weights, cert, Pins(), asked)
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def hexadecimal(number: Fraction) -> str:
    """Return n/d in hexadecimal, which no length of a number makes slow."""
    return f"{number.numerator:x}/{number.denominator:x}"


def eps_of(weights: bytes) -> list[str]:
    """Return eps of T12 and its tally, or the reason why there is none."""
    tally = Tally(10**9)
    try:
        eps = checker_eps(weights, tally)
    except Refusal as refusal:
        return [refusal.reason]
    return [hexadecimal(eps), str(tally.spent)]


def read() -> dict[str, Any]:
    """Return the reference file: models by name, and certificates with the answers to them."""
    found: dict[str, Any] = json.loads(PATH.read_text())
    for model in found["models"].values():
        model["weights"] = base64.b64decode(model["weights"])
    return found


def main() -> None:
    """Write the reference file."""
    models, certs = {}, []
    for name, model, cert in certificates():
        weights = model.bytes()
        models[name] = {
            "weights": base64.b64encode(weights).decode(),
            "float32": eps_of(weights),
        }
        strategy = cert["proof"]["strategy"]
        certs.append({"model": name, "strategy": strategy, "certificate": cert})
        certs[-1]["answer"] = answer(weights, encoded(cert))
    lines = ",\n".join(json.dumps(cert, separators=(",", ":")) for cert in certs)
    top = json.dumps(models, indent=0)
    PATH.write_text(f'{{"models": {top},\n"certificates": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
