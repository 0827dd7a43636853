"""`check` and `audit`: what the standalone checker says of a certificate, and attacks on it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ballproof.models.files import read_limited
from ballproof.verifier.api.cards import card, shown
from ballproof.verifier.api.models import load
from ballproof.verifier.api.proofs import Number, Proof, exact_number
from ballproof.verifier.audit.hunt.search import DEFAULT_EFFORT
from ballproof.verifier.audit.run import PARTS, Settings
from ballproof.verifier.audit.run import audit as run_audit
from ballproof.verifier.audit.subject import Files
from ballproof.verifier.audit.tamper.trial import DEFAULT_SECONDS
from ballproof.verifier.proving.checking import DEFAULT_MAX_OPERATIONS, CheckerError, run_checker
from ballproof.verifier.proving.policy import Policy, judged, policy_of, read_policy

# A Proof, the bytes of a certificate, or its file.
Certificate = Proof | bytes | str | os.PathLike[str]


@dataclass(frozen=True)
class Verdict:
    """What the checker says: VERIFIED, REJECTED or DECLINED, with its fields. True if VERIFIED."""

    verdict: str
    fields: Mapping[str, Any]
    seconds: float

    def __bool__(self) -> bool:
        return self.verdict == "VERIFIED"

    @property
    def reason(self) -> str | None:
        """The kind of a refusal, such as digest, budget or limit; None if VERIFIED."""
        return self.fields.get("reason")

    @property
    def unmet(self) -> tuple[str, ...]:
        """A sentence for each demand of a policy that a verified certificate misses."""
        return tuple(one["sentence"] for one in self.fields.get("unmet", ()))

    @property
    def correct_at_least(self) -> int | None:
        """How many inputs are certainly right, if VERIFIED."""
        return int(self.fields["correct_at_least"]) if self else None

    @property
    def correct_at_most(self) -> int | None:
        """How many inputs are right at most, if VERIFIED."""
        return int(self.fields["correct_at_most"]) if self else None

    def to_dict(self) -> dict[str, Any]:
        """Return the checker's fields for machines."""
        return {**self.fields, "seconds": round(self.seconds, 3)}

    def __repr__(self) -> str:
        said = self.fields.get("sentence", f"at least {self.fields.get('correct_at_least')}")
        return f"Verdict({self.verdict}: {said})"

    def _repr_html_(self) -> str:
        shown = {name: x for name, x in self.fields.items() if isinstance(x, str | int)}
        return card(self.verdict, {k: x for k, x in shown.items() if k != "verdict"})


@dataclass(frozen=True)
class AuditResult:
    """What an audit found: `findings` are what must not be, one sentence each."""

    findings: tuple[str, ...]
    fields: Mapping[str, Any]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return everything that the parts of the audit measured, for machines."""
        return dict(self.fields)

    def __repr__(self) -> str:
        said = "; ".join(self.findings) or "no findings"
        return f"AuditResult({said}, {self.seconds:.0f} s)"

    def _repr_html_(self) -> str:
        facts = {f"finding {number}": text for number, text in enumerate(self.findings, start=1)}
        facts |= {"findings": "none"} if not self.findings else {}
        return card("Audit", {**facts, "seconds": f"{self.seconds:.0f}"})


def check(
    model: Any,
    certificate: Certificate,
    *,
    at_least: Number | None = None,
    task: str | None = None,
    semantics: str | None = None,
    margin: Number | None = None,
    at_most_operations: int | None = None,
    unexplained_at_most: int | None = None,
    least_lead: Number | None = None,
    policy: str | os.PathLike[str] | Mapping[str, object] | None = None,
    max_operations: int = DEFAULT_MAX_OPERATIONS,
    processes: int | None = None,
) -> Verdict:
    """Return the standalone checker's verdict, from a process that does nothing else.

    `model` is whatever `load` takes. The others demand what the certificate has to claim:
    `at_least`, an exact accuracy such as "0.999", `task`, `semantics` and `margin`; a larger budget
    than `max_operations` is declined. `at_most_operations`, `unexplained_at_most`, `least_lead` and
    `policy`, a JSON file or its content, demand more of what was verified: where some of it is
    missed, the verdict is REJECTED, the reason `policy`, and `unmet` has a sentence for each
    demand. The inputs of a deep model are shared among `processes`, one
    if left out. Raises OSError for a file that cannot be read, ValueError for a policy that is
    none, and CheckerError if the checker ends without a verdict.
    """
    lead = None if least_lead is None else exact_number(least_lead, "least_lead")
    demands = Policy(None, None, None, at_most_operations, unexplained_at_most, lead)
    policies = [demands, *_stated_policy(policy)]
    policies = [one for one in policies if one.demands()]
    if policies and at_least is not None:
        policies.append(Policy(at_least=exact_number(at_least, "at_least")))
        at_least = None
    exact = {"at-least": at_least, "margin": margin}
    pins: dict[str, object] = {
        name: exact_number(x, name.replace("-", "_")) for name, x in exact.items() if x is not None
    }
    pins |= {"task": task, "semantics": semantics, "max-operations": max_operations}
    pins["processes"] = processes
    flags = [f"--{name}={value}" for name, value in pins.items() if value is not None]
    with _files(model, certificate) as (weights, claim):
        run = run_checker(weights, claim, [*flags, "--json"])
        if not run.output:
            raise CheckerError(f"the checker ended without a verdict: {run.diagnostics.strip()}")
        fields = json.loads(run.output)
        fields = judged(fields, claim.read_bytes(), policies)
    return Verdict(fields["verdict"], fields, run.seconds)


def _stated_policy(policy: str | os.PathLike[str] | Mapping[str, object] | None) -> list[Policy]:
    if policy is None:
        return []
    if isinstance(policy, Mapping):
        return [policy_of(dict(policy), "the policy")]
    return [read_policy(policy)]


def audit(
    model: Any,
    certificate: Certificate,
    *,
    parts: Sequence[str] = PARTS,
    effort: int = DEFAULT_EFFORT,
    seconds: float = DEFAULT_SECONDS,
    seed: int = 0,
    progress: bool = False,
) -> AuditResult:
    """Check a certificate and attack it, as `ballproof audit` does.

    `parts` are some of check, precisions, tightness, hunt and tamper; `effort` is how hard the
    hunt tries, `seconds` how long each other part may take. No finding is no proof: the proof is
    the checker's verdict.
    """
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise ValueError(f"{sorted(unknown)[0]!r} is no part of an audit; {', '.join(PARTS)} are.")

    @contextmanager
    def stage(label: str) -> Iterator[Any]:
        with shown(label, progress) as report:
            yield report

    with _files(model, certificate) as (weights, claim):
        done = run_audit(Files(weights, claim), parts, Settings(effort, seconds, seed), stage)
    findings = tuple(finding.sentence for finding in done.findings)
    return AuditResult(findings, done.fields(), done.seconds)


@contextmanager
def _files(model: Any, certificate: Certificate) -> Iterator[tuple[Path, Path]]:
    """Give a weights file and a certificate file, copies of what is in memory."""
    loaded = load(model)
    with tempfile.TemporaryDirectory(prefix="ballproof-") as folder:
        weights, claim = Path(loaded.weights.source), Path(folder) / "certificate.json"
        if loaded.weights.data:
            weights = loaded.save(Path(folder) / "model.safetensors")
        if isinstance(certificate, Proof):
            certificate = certificate.certificate
        data = certificate if isinstance(certificate, bytes) else read_limited(certificate)
        claim.write_bytes(data)
        yield weights, claim
