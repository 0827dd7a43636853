"""What a user demands of a verified certificate, and a sentence for each demand that is not met."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

from ballproof.models.architectures import Shape
from ballproof.models.errors import ModelError
from ballproof.models.files import parse_json, read_limited
from ballproof.verifier.counting.float32 import SEMANTICS
from ballproof.verifier.proving.checking import REJECTED
from ballproof.verifier.proving.shares import share
from ballproof.verifier.strategies import known_strategy

FORMAT = "ballproof-policy/1"
_EXACT = re.compile(r"[0-9]{1,1000}(\.[0-9]{1,1000}|/0*[1-9][0-9]{0,999})?")
_COUNT = re.compile(r"[0-9]{1,1000}")


class PolicyError(ValueError):
    """A policy that cannot be read: no certificate is judged by it."""


@dataclass(frozen=True)
class Policy:
    """Demands on a verified certificate; None demands nothing.

    `at_least` is a share of the inputs that are certainly right, `at_most_operations` the length of
    the proof, `unexplained_at_most` the study's unexplained dimension, and `least_lead` a number
    that the margin reaches, so that every input counted as right leads by more.
    """

    task: str | None = None
    semantics: str | None = None
    at_least: Fraction | None = None
    at_most_operations: int | None = None
    unexplained_at_most: int | None = None
    least_lead: Fraction | None = None

    def demands(self) -> dict[str, Any]:
        """Return what is demanded, by name."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in given.items() if value is not None}

    def unmet(self, verdict: Mapping[str, Any], certificate: bytes) -> dict[str, str]:
        """Return a sentence for each demand that is not met, by its name.

        `verdict` are the checker's fields of a verified certificate: the numbers compared are those
        that it states. The unexplained dimension follows from the strategy and the sizes that the
        certificate, its bytes, names.
        """
        found = {
            name: getattr(self, f"_{name}_not_met")(value, verdict, certificate)
            for name, value in self.demands().items()
        }
        return {name: sentence for name, sentence in found.items() if sentence}

    def _task_not_met(self, wanted: str, verdict: Mapping[str, Any], _: bytes) -> str:
        task = verdict["task"]
        return "" if task == wanted else f"the task is {task}, and {wanted} is demanded"

    def _semantics_not_met(self, wanted: str, verdict: Mapping[str, Any], _: bytes) -> str:
        stated = verdict["semantics"]
        return "" if stated == wanted else f"the semantics are {stated}, not {wanted}"

    def _at_least_not_met(self, wanted: Fraction, verdict: Mapping[str, Any], _: bytes) -> str:
        low, total = int(verdict["correct_at_least"]), int(verdict["total"])
        if Fraction(low, total) >= wanted:
            return ""
        return (
            f"{low} of {total} inputs are certified (>= {share(low, total)}), and an accuracy of "
            f"{wanted} is demanded"
        )

    def _at_most_operations_not_met(self, wanted: int, verdict: Mapping[str, Any], _: bytes) -> str:
        stated = int(verdict["operations"])
        return "" if stated <= wanted else f"the proof states {stated} operations, over {wanted}"

    def _unexplained_at_most_not_met(
        self, wanted: int, _: Mapping[str, Any], certificate: bytes
    ) -> str:
        name, dimension = _unexplained(certificate)
        if dimension is None:
            return (
                f"the strategy {name} has no unexplained dimension, and one of {wanted} at most "
                "is demanded"
            )
        if dimension <= wanted:
            return ""
        return f"the unexplained dimension of {name} is {dimension}, over {wanted}"

    def _least_lead_not_met(self, wanted: Fraction, verdict: Mapping[str, Any], _: bytes) -> str:
        margin = Fraction(verdict["margin"])
        if margin >= wanted:
            return ""
        return (
            f"inputs counted as right lead by more than {margin}, and a lead of more than {wanted} "
            "is demanded"
        )


def _unexplained(certificate: bytes) -> tuple[str, int | None]:
    """Return the strategy of a verified certificate, and its unexplained dimension if it has one.

    The dimension is the study's, of the strategy's name and the model's sizes; None where the study
    has no rule for the strategy.
    """
    content = json.loads(certificate)
    name = str(content["proof"]["strategy"])
    strategy = known_strategy(name)
    shape = Shape.of(content["claim"]["model"]["sizes"])
    return name, None if strategy is None else strategy.unexplained_dimension(shape)


def judged(
    verdict: dict[str, Any], certificate: bytes, policies: Sequence[Policy]
) -> dict[str, Any]:
    """Return the verdict on a certificate under policies, as the checker's fields.

    A refusal of the checker stays as it is, and nothing else is judged. A verified certificate that
    misses a demand is REJECTED for the reason `policy`: `unmet` holds a sentence for each demand,
    and `verified` what the checker says. One that meets all has their number as `demands`.
    """
    if verdict["exit_code"] or not policies:
        return verdict
    count = sum(len(policy.demands()) for policy in policies)
    unmet = [
        {"demand": name, "sentence": sentence}
        for policy in policies
        for name, sentence in policy.unmet(verdict, certificate).items()
    ]
    if not unmet:
        return {**verdict, "demands": count}
    verb = "is" if len(unmet) == 1 else "are"
    sentences = "; ".join(one["sentence"] for one in unmet)
    return {
        "verdict": "REJECTED",
        "exit_code": REJECTED,
        "reason": "policy",
        "sentence": f"{len(unmet)} of {count} demands {verb} not met: {sentences}.",
        "unmet": unmet,
        "verified": verdict,
    }


def read_policy(path: str | os.PathLike[str]) -> Policy:
    """Return the policy of a JSON file; raises OSError or PolicyError."""
    try:
        content = parse_json(read_limited(path), os.fspath(path))
    except ModelError as error:
        raise PolicyError(str(error)) from error
    return policy_of(content, os.fspath(path))


def policy_of(content: object, source: str) -> Policy:
    """Return the policy of a JSON value; raises PolicyError, naming `source`.

    A key that is no demand is an error: a demand that is misspelt must not be met by silence. So is
    a policy without demands, and a number that JSON may have rounded.
    """
    if not isinstance(content, dict):
        raise PolicyError(f"{source} holds no JSON object, where a policy is expected.")
    stated = dict(content)
    if stated.pop("format", None) != FORMAT:
        raise PolicyError(f'{source} does not state "format": "{FORMAT}".')
    note = stated.pop("note", "")
    if not isinstance(note, str):
        raise PolicyError(f"{source}: note is {note!r:.80}, where a string is expected.")
    unknown = set(stated) - set(_READERS)
    if unknown:
        raise PolicyError(
            f"{source} demands {sorted(unknown)[0]!r}, which is unknown: {', '.join(_READERS)} "
            "can be demanded."
        )
    if not stated:
        raise PolicyError(f"{source} demands nothing.")
    return Policy(**{name: _READERS[name](name, x, source) for name, x in stated.items()})


def _exact(name: str, value: object, source: str) -> Fraction:
    if not isinstance(value, str) or not _EXACT.fullmatch(value):
        raise PolicyError(
            f"{source}: {name} is {value!r:.80}, where an exact decimal or fraction >= 0 in a "
            'string is expected, as in "0.99".'
        )
    return Fraction(value)


def _count(name: str, value: object, source: str) -> int:
    if type(value) is int and value >= 0:
        return value
    if not isinstance(value, str) or not _COUNT.fullmatch(value):
        raise PolicyError(f"{source}: {name} is {value!r:.80}, where a count is expected.")
    return int(value)


def _word(name: str, value: object, source: str) -> str:
    if not isinstance(value, str) or not value:
        raise PolicyError(f"{source}: {name} is {value!r:.80}, where a name is expected.")
    return value


def _semantics(name: str, value: object, source: str) -> str:
    if value not in SEMANTICS:
        expected = " or ".join(SEMANTICS)
        raise PolicyError(f"{source}: {name} is {value!r:.80}, where {expected} is expected.")
    return str(value)


_READERS: dict[str, Callable[[str, object, str], Any]] = {
    "task": _word,
    "semantics": _semantics,
    "at_least": _exact,
    "at_most_operations": _count,
    "unexplained_at_most": _count,
    "least_lead": _exact,
}
