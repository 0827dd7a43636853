"""One JSON object, one encoding: everything that a lenient reader would let pass is declined."""

import json
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from verdict import Declined

MAX_NESTING = 16
MAX_DIGITS = 2_000
_COUNT = re.compile(r"0|[1-9][0-9]*")
_RATIONAL = re.compile(r"(0|-?[1-9][0-9]*)(?:/([1-9][0-9]*))?")
# Possessive, and closed by the end of the text too: linear time on hostile quotes.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_DIGITS = re.compile(r"[0-9]+")


def parse_object(data: bytes, what: str) -> dict[str, Any]:
    """Return the one JSON object that `data` is; nothing before it, at most one newline after it.

    Declines: bytes that are not UTF-8, a byte-order mark, nesting deeper than `MAX_NESTING`,
    duplicate keys, floats, NaN, Infinity, integers written in two ways (-0) or with more than
    `MAX_DIGITS` digits, and anything after the object but one newline.
    """
    text = _decode(data, what)
    _limit_nesting(text, what)
    try:
        value, end = _decoder(what).raw_decode(text)
    except (json.JSONDecodeError, RecursionError) as error:
        message = error.msg if isinstance(error, json.JSONDecodeError) else "nesting"
        raise Declined("syntax", f"{what}: not valid JSON ({message}).") from None
    if text[end:] not in ("", "\n"):
        raise Declined("syntax", f"{what}: bytes follow the JSON object.")
    if not isinstance(value, dict):
        raise Declined("syntax", f"{what}: a JSON object is expected.")
    return value


def _decode(data: bytes, what: str) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Declined("syntax", f"{what}: byte {error.start} is not UTF-8.") from None
    if not text.startswith("{"):
        raise Declined("syntax", f"{what}: the file must start with '{{'.")
    return text


def _limit_nesting(text: str, what: str) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        first = match.group()[0]
        depth += (first in "[{") - (first in "]}")
        if depth > MAX_NESTING:
            raise Declined("limit", f"{what}: nesting deeper than {MAX_NESTING}.")


def _decoder(what: str) -> json.JSONDecoder:
    def no_float(text: str) -> NoReturn:
        raise Declined("syntax", f"{what}: {text[:40]!a} is not an exact number.")

    def integer(text: str) -> int:
        limit_digits(text, what)
        if text == "-0":
            no_float(text)
        return int(text)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise Declined("syntax", f"{what}: the key {twice[:80]!a} appears twice.")
        return fields

    return json.JSONDecoder(
        object_pairs_hook=unique, parse_float=no_float, parse_int=integer, parse_constant=no_float
    )


def limit_digits(text: str, what: str) -> None:
    """Decline a number of more than `MAX_DIGITS` digits before it is converted."""
    if len(text) > MAX_DIGITS and any(len(run) > MAX_DIGITS for run in _DIGITS.findall(text)):
        raise Declined("limit", f"{what}: a number has more than {MAX_DIGITS} digits.")


def require_keys(fields: Any, keys: Iterable[str], what: str) -> dict[str, Any]:
    """Return `fields` if it is an object with exactly these keys."""
    expected = set(keys)
    if not isinstance(fields, dict):
        raise Declined("syntax", f"{what}: an object is expected.")
    for key in sorted(fields.keys() - expected):
        raise Declined("syntax", f"{what}: unknown key {key[:80]!a}.")
    for key in sorted(expected - fields.keys()):
        raise Declined("syntax", f"{what}: the key {key!r} is missing.")
    return fields


def count(value: Any, what: str) -> int:
    """Return the non-negative integer that a decimal string writes, in its only spelling."""
    text = string(value, what)
    limit_digits(text, what)
    if not _COUNT.fullmatch(text):
        raise Declined("syntax", f"{what}: {text[:40]!a} is not a decimal count.")
    return int(text)


def rational(value: Any, what: str) -> tuple[int, int]:
    """Return (n, d) of a rational string "n" or "n/d" in lowest terms with d >= 1."""
    text = string(value, what)
    limit_digits(text, what)
    match = _RATIONAL.fullmatch(text)
    if not match:
        raise Declined("syntax", f"{what}: {text[:40]!a} is not a rational number.")
    numerator, denominator = int(match[1]), int(match[2] or 1)
    if match[2] and (denominator == 1 or _gcd(numerator, denominator) != 1):
        raise Declined("syntax", f"{what}: {text[:40]!a} is not in lowest terms.")
    return numerator, denominator


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return abs(a)


def small(value: Any, low: int, high: int, what: str) -> int:
    """Return a JSON integer between `low` and `high`."""
    if type(value) is not int:
        raise Declined("syntax", f"{what}: a JSON integer is expected.")
    if not low <= value <= high:
        raise Declined("limit", f"{what}: not between {low} and {high}.")
    return value


def string(value: Any, what: str) -> str:
    """Return a JSON string."""
    if not isinstance(value, str):
        raise Declined("syntax", f"{what}: a string is expected.")
    return value
