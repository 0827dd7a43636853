"""Changes of a certificate, and what the checker may answer to them.

Reasons and their order are those of docs/certificate.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ballproof.certificates.answers import DECLINED, REJECTED, VERIFIED

Answer = tuple[int, str | None]
Path = tuple[str | int, ...]

SYNTAX, LIMIT, UNSUPPORTED = (DECLINED, "syntax"), (DECLINED, "limit"), (DECLINED, "unsupported")
DIGEST, STATEMENT, WITNESS = (REJECTED, "digest"), (REJECTED, "statement"), (REJECTED, "witness")
BUDGET, COUNT, HARMLESS = (REJECTED, "budget"), (REJECTED, "count"), (VERIFIED, None)
# What may be answered to a witness outside its domain.
OUTSIDE = frozenset({WITNESS})
# Inside its domain a witness, a precision or another strategy may prove as much, or less.
COMPUTED = frozenset({BUDGET, COUNT, LIMIT, HARMLESS})
MISSING = object()
WITNESS_PATH: Path = ("proof", "witness")


@dataclass(frozen=True)
class Change:
    """A new value at a path of the certificate (MISSING: the key or item goes), and the answers."""

    path: Path
    value: Any
    expected: frozenset[Answer]


@dataclass(frozen=True)
class WitnessChanges:
    """Changes of a witness that leave its domain, and changes that stay inside."""

    outside: list[Change]
    inside: list[Change]


def looked_up(fields: Any, path: Path) -> Any:
    """Return the value at a path."""
    for key in path:
        fields = fields[key]
    return fields
