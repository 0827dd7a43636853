"""The claims file: its shape, its numbers without rounding, and a sentence for each mistake."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Any

from ballproof.models.errors import ModelError
from ballproof.models.files import parse_json, read_limited
from ballproof.models.tasks import MAX_DIGITS, Task, default
from ballproof.models.tasks.max import Max
from ballproof.models.weights import Weights
from ballproof.verifier.claims.numbers import DecimalText, rational

FORMAT = "ballproof-claims/1"
FILE_KEYS = {"format", "model", "claims", "note"}
PLACE_KEYS = {"query", "maximum", "below", "gap"}
CLASS_KEYS = PLACE_KEYS | {"input", "largest_wrong_logit", "all_correct"}
COUNT_KEYS = {"correct_at_least", "correct_at_most"}
SHARED_KEYS = {"margin", "name"}
_COUNT = re.compile(rf"[0-9]{{1,{MAX_DIGITS}}}")
_DIGEST = re.compile(r"(sha256:)?([0-9a-f]{64})")


class ClaimsError(ModelError):
    """This claims file cannot be used; the sentence names the claim, the value and the file."""


class GapClaim:
    """A claim about gaps: no wrong logit leads by more than `largest`, or all are correct."""

    largest: Fraction | None
    margin: Fraction

    @property
    def threshold(self) -> Fraction:
        """What logits[rival] - logits[label] must not exceed."""
        return (self.largest or Fraction(0)) - self.margin

    @property
    def strict(self) -> bool:
        """Whether a gap of exactly the threshold is allowed."""
        return self.largest is not None


@dataclass(frozen=True)
class ClassClaim(GapClaim):
    """For every sequence of the class, every rival j: logits[j] - logits[m] + margin <= `largest`.

    `largest` None claims that all are correct: < 0. None for query, maximum or below leaves it
    open. `text` is what a reader is shown, `fields` what the file holds.
    """

    place: str
    fields: dict[str, Any]
    query: int | None
    maximum: int | None
    below: int | None
    gap: int
    largest: Fraction | None
    margin: Fraction


@dataclass(frozen=True)
class InputClaim(GapClaim):
    """As ClassClaim, for every input with these tokens by position; None stands for any."""

    place: str
    fields: dict[str, Any]
    tokens: tuple[int | None, ...]
    largest: Fraction | None
    margin: Fraction


@dataclass(frozen=True)
class CountClaim:
    """At least and at most so many of all sequences are correct with this margin; None: open."""

    place: str
    fields: dict[str, Any]
    at_least: int | None
    at_most: int | None
    margin: Fraction


Claim = ClassClaim | InputClaim | CountClaim


def read_claims(
    path: Path, weights: Weights, zoo_name: str, task: Task | None = None
) -> list[Claim]:
    """Return the claims of a file about this model and task, else max-of-k.

    `zoo_name` is what the caller named the model. Raises ClaimsError for a file that is no claims
    file, that speaks of another model, or whose classes this model does not have, and for a model
    whose sequences have a number of more than about MAX_DIGITS digits.
    """
    source = str(path)
    try:
        data = parse_json(read_limited(path), source, DecimalText)
    except ClaimsError:
        raise
    except ModelError as error:
        raise ClaimsError(str(error)) from error
    top = _object(data, source, source)
    _require_keys(top, FILE_KEYS, source, source)
    if top.get("format", FORMAT) != FORMAT:
        raise ClaimsError(f"{source}: format is {top['format']!r}, where {FORMAT!r} is read.")
    _require_model(top.get("model"), weights, zoo_name, source)
    claims = top.get("claims")
    if not isinstance(claims, list) or not claims:
        raise ClaimsError(f"{source}: claims is {_shown(claims)}, where a list of claims is read.")
    try:
        reader = _Reader(weights, task or default(Max(), weights.shape), source)
    except ModelError as error:
        raise ClaimsError(f"{zoo_name}: {error}") from error
    return [reader.claim(f"claims[{i}]", fields) for i, fields in enumerate(claims)]


def _require_model(named: object, weights: Weights, zoo_name: str, source: str) -> None:
    """Refuse a file that names another model; a file that names none speaks of any."""
    if named is None:
        return
    if not isinstance(named, str):
        raise ClaimsError(f"{source}: model is {_shown(named)}, where a name or digest is read.")
    digest = _DIGEST.fullmatch(named)
    if digest:
        if digest[2] != weights.digest:
            raise ClaimsError(f"{source} is about {named}, and the model is {weights.digest}.")
        return
    names = {Path(weights.source).name, Path(weights.source).stem, Path(zoo_name).name}
    if Path(named).name not in names:
        raise ClaimsError(
            f"{source} is about the model {named!r}, and the model given is "
            f"{Path(weights.source).name!r}. A digest, sha256:{weights.digest} for this one, "
            "stands for the model whatever its file is called."
        )


class _Reader:
    """Reads claims about a model and a task."""

    def __init__(self, weights: Weights, task: Task, source: str) -> None:
        self.shape, self.task, self.source = weights.shape, task, source
        self.total = task.total
        # Classes by query and maximum are told of the tables of one head alone.
        tables = weights.architecture.tables is not None and len(weights.tables.heads) == 1
        self.classes = tables and task == default(Max(), self.shape)

    def claim(self, place: str, value: object) -> Claim:
        fields = _object(value, place, self.source)
        counts, classes = COUNT_KEYS & fields.keys(), CLASS_KEYS & fields.keys()
        if counts and classes:
            raise self._error(
                place,
                f"holds {min(counts)} beside {min(classes)}: counts are of all sequences, and "
                "classes have no counts",
            )
        _require_keys(fields, CLASS_KEYS | COUNT_KEYS | SHARED_KEYS, place, self.source)
        # A number without its quotes is a string here, so that no digit of it is rounded.
        if type(fields.get("name", "")) is not str:
            raise self._wrong(place, "name", fields["name"], "a string")
        return self._count(place, fields) if counts else self._class(place, fields)

    def _class(self, place: str, fields: dict[str, Any]) -> ClassClaim | InputClaim:
        v, k = self.shape.d_vocab, self.shape.n_ctx
        if ("largest_wrong_logit" in fields) == ("all_correct" in fields):
            raise self._error(
                place, "needs one of largest_wrong_logit and all_correct, or a count of all inputs"
            )
        if fields.get("all_correct", True) is not True:
            raise self._wrong(place, "all_correct", fields["all_correct"], "true")
        largest = self._number(place, fields, "largest_wrong_logit")
        if "input" in fields or not self.classes:
            tokens = self._tokens(place, fields)
            return InputClaim(place, fields, tokens, largest, self._margin(place, fields))
        gap = self._integer(place, fields, "gap", 1, v)
        return ClassClaim(
            place,
            fields,
            self._integer(place, fields, "query", 0, v - 1),
            self._integer(place, fields, "maximum", 0, v - 1),
            self._integer(place, fields, "below", 0, k - 1),
            1 if gap is None else gap,
            largest,
            self._margin(place, fields),
        )

    def _tokens(self, place: str, fields: dict[str, Any]) -> tuple[int | None, ...]:
        """Return the token of each position, None where it is left open."""
        if PLACE_KEYS & fields.keys():
            key = min(PLACE_KEYS & fields.keys())
            why = "beside input" if self.classes else "and this model and task have no such classes"
            raise self._error(place, f"holds {key}, {why}; input lists tokens")
        positions = self.task.positions
        value = fields.get("input", [None] * len(positions))
        if type(value) is not list or len(value) != len(positions):
            raise self._wrong(place, "input", value, f"a list of {len(positions)} tokens or nulls")
        for token, allowed in zip(value, positions, strict=True):
            if token is not None and (type(token) is not int or token not in allowed):
                span = f"{allowed.start} to {allowed.stop - 1}"
                raise self._wrong(place, "input", value, f"a token from {span} for {_shown(token)}")
        return tuple(value)

    def _count(self, place: str, fields: dict[str, Any]) -> CountClaim:
        least = self._total(place, fields, "correct_at_least")
        most = self._total(place, fields, "correct_at_most")
        if least is not None and most is not None and least > most:
            raise self._error(
                place, f"claims at least {least} and at most {most}, which no model can satisfy"
            )
        return CountClaim(place, fields, least, most, self._margin(place, fields))

    def _margin(self, place: str, fields: dict[str, Any]) -> Fraction:
        margin = self._number(place, fields, "margin") or Fraction(0)
        if margin < 0:
            raise self._wrong(place, "margin", fields["margin"], "a number >= 0")
        return margin

    def _number(self, place: str, fields: dict[str, Any], key: str) -> Fraction | None:
        if key not in fields:
            return None
        value = rational(fields[key])
        if value is None:
            raise self._wrong(place, key, fields[key], "a finite number, or a string such as '1/3'")
        return value

    def _integer(
        self, place: str, fields: dict[str, Any], key: str, low: int, high: int
    ) -> int | None:
        if key not in fields:
            return None
        value = fields[key]
        if type(value) is not int or not low <= value <= high:
            raise self._wrong(place, key, value, f"an integer from {low} to {high}")
        return value

    def _total(self, place: str, fields: dict[str, Any], key: str) -> int | None:
        if key not in fields:
            return None
        value = fields[key]
        if isinstance(value, str) and _COUNT.fullmatch(value):
            value = int(value)
        if type(value) is not int or not 0 <= value <= self.total:
            raise self._wrong(place, key, value, f"a count from 0 to {self.total}")
        return value

    def _wrong(self, place: str, key: str, value: object, expected: str) -> ClaimsError:
        return self._error(place, f"has {key} {_shown(value)}, where {expected} is expected")

    def _error(self, place: str, what: str) -> ClaimsError:
        return ClaimsError(f"{self.source}: {place} {what}.")


def _object(value: object, place: str, source: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ClaimsError(f"{source}: {place} is {_shown(value)}, where an object is read.")
    return value


def _require_keys(fields: Mapping[str, Any], known: set[str], place: str, source: str) -> None:
    for key in fields:
        if key not in known:
            close = get_close_matches(key, sorted(known), n=1)
            hint = (
                f"; did you mean {close[0]}?" if close else f"; known: {', '.join(sorted(known))}."
            )
            where = "" if place == source else f"{place} "
            raise ClaimsError(f"{source}: {where}holds the unknown key {_shown(key)}{hint}")


def _shown(value: object) -> str:
    """Return a value for a sentence, shortened."""
    text = repr(str(value) if isinstance(value, DecimalText) else value)
    return text if len(text) <= 60 else f"{text[:60]}.."
