"""Proofs of how many inputs a small transformer gets right.

    import ballproof as bp

    model = bp.load("max-of-4-seed-123")        # the zoo, a file, a state dict, a running module
    proof = bp.prove(model, strategy="exact")   # verified by the checker in a process of its own
    proof.save("exact.json")
    assert bp.check(model, "exact.json", at_least="0.999")

`load`, `from_torch`, `prove`, `check`, `audit`, `quantise`, `attribute` and `study` raise and never
exit; `tasks` names other questions than the largest token. Below them, `ballproof.interval` holds
numbers, `ballproof.models` weights and tasks, `ballproof.verifier` the prover,
`ballproof.certificates` the certificate's format and the standalone checker.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ballproof.models.errors import ModelError as ModelError
    from ballproof.verifier.api import tasks as tasks
    from ballproof.verifier.api.attributions import attribute as attribute
    from ballproof.verifier.api.models import Model as Model
    from ballproof.verifier.api.models import from_torch as from_torch
    from ballproof.verifier.api.models import load as load
    from ballproof.verifier.api.proofs import Proof as Proof
    from ballproof.verifier.api.proofs import prove as prove
    from ballproof.verifier.api.quantisations import quantise as quantise
    from ballproof.verifier.api.studies import Study as Study
    from ballproof.verifier.api.studies import study as study
    from ballproof.verifier.api.verdicts import AuditResult as AuditResult
    from ballproof.verifier.api.verdicts import Verdict as Verdict
    from ballproof.verifier.api.verdicts import audit as audit
    from ballproof.verifier.api.verdicts import check as check
    from ballproof.verifier.proving.checking import CheckerError as CheckerError
    from ballproof.verifier.proving.pipeline import NotApplicableError as NotApplicableError
    from ballproof.verifier.strategies import UnknownStrategyError as UnknownStrategyError

# Loaded when they are asked for: the command has to heed an interrupt before anything else loads.
_HOMES = {
    "AuditResult": "verifier.api.verdicts",
    "CheckerError": "verifier.proving.checking",
    "Model": "verifier.api.models",
    "ModelError": "models.errors",
    "NotApplicableError": "verifier.proving.pipeline",
    "Proof": "verifier.api.proofs",
    "Study": "verifier.api.studies",
    "UnknownStrategyError": "verifier.strategies",
    "Verdict": "verifier.api.verdicts",
    "attribute": "verifier.api.attributions",
    "audit": "verifier.api.verdicts",
    "check": "verifier.api.verdicts",
    "from_torch": "verifier.api.models",
    "load": "verifier.api.models",
    "prove": "verifier.api.proofs",
    "quantise": "verifier.api.quantisations",
    "study": "verifier.api.studies",
    "tasks": "verifier.api.tasks",
}
__all__ = [
    "AuditResult",
    "CheckerError",
    "Model",
    "ModelError",
    "NotApplicableError",
    "Proof",
    "Study",
    "UnknownStrategyError",
    "Verdict",
    "attribute",
    "audit",
    "check",
    "from_torch",
    "load",
    "prove",
    "quantise",
    "study",
    "tasks",
]


def __getattr__(name: str) -> object:
    """Return a name of the public API, from where it lives."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ballproof' has no attribute {name!r}")
    from importlib import import_module

    home = import_module(f"ballproof.{_HOMES[name]}")
    found: object = home if name == "tasks" else getattr(home, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
