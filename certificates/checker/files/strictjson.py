"""One JSON object, one encoding: everything that a lenient reader would let pass is declined."""

import json
import re
from collections.abc import Iterable
from math import gcd
from typing import Any, NoReturn

from files.verdict import Declined, decline_unless

MAX_NESTING = 16
MAX_DIGITS = 2_000
MAX_MARKS = 2**23
_COUNT = re.compile(r"0|[1-9][0-9]*")
_RATIONAL = re.compile(r"(0|-?[1-9][0-9]*)(?:/([1-9][0-9]*))?")
# Possessive, and closed by the end of the text too: linear time on hostile quotes.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_DIGITS = re.compile(r"[0-9]+")


def parse_object(data: bytes, what: str) -> dict[str, Any]:
    """Return the one JSON object that `data` is; nothing before it, at most one newline after it.

    Declines: bytes that are not UTF-8, a byte-order mark, more than `MAX_MARKS` brackets, commas,
    colons and quotes, nesting deeper than `MAX_NESTING`, duplicate keys, floats, NaN, Infinity,
    integers written in two ways (-0) or with more than `MAX_DIGITS` digits, and anything after the
    object but one newline.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Declined("syntax", f"{what}: byte {error.start} is not UTF-8.") from None
    decline_unless(text.startswith("{"), "syntax", f"{what}: the file must start with '{{'.")
    _limit_nesting(text, what)
    try:
        value, end = _decoder(what).raw_decode(text)
    except json.JSONDecodeError as error:
        raise Declined("syntax", f"{what}: not valid JSON ({error.msg}).") from None
    decline_unless(text[end:] in ("", "\n"), "syntax", f"{what}: bytes follow the JSON object.")
    return dict(value)  # The text starts with a brace.


def _limit_nesting(text: str, what: str) -> None:
    # Small values are objects many times their length, so that their number is bounded first.
    fits = sum(map(text.count, '[]{},:"')) <= MAX_MARKS
    decline_unless(fits, "limit", f"{what}: more than {MAX_MARKS} brackets, commas and quotes.")
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        first = match.group()[0]
        depth += (first in "[{") - (first in "]}")
        decline_unless(depth <= MAX_NESTING, "limit", f"{what}: nesting deeper than {MAX_NESTING}.")


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
        decline_unless(len(fields) == len(pairs), "syntax", f"{what}: a key appears twice.")
        return fields

    return json.JSONDecoder(
        object_pairs_hook=unique, parse_float=no_float, parse_int=integer, parse_constant=no_float
    )


def limit_digits(text: str, what: str, most: int = MAX_DIGITS) -> None:
    """Decline a number of more than `most` digits before it is converted."""
    fits = len(text) <= most or all(len(x) <= most for x in _DIGITS.findall(text))
    decline_unless(fits, "limit", f"{what}: a number has more than {most} digits.")


def require_keys(fields: Any, keys: Iterable[str], what: str) -> dict[str, Any]:
    """Return `fields` if it is an object with exactly these keys."""
    if not isinstance(fields, dict):
        raise Declined("syntax", f"{what}: an object is expected.")
    for key in sorted(fields.keys() ^ set(keys)):
        state = "unknown" if key in fields else "missing"
        raise Declined("syntax", f"{what}: the key {key[:80]!a} is {state}.")
    return fields


def count(value: Any, what: str) -> int:
    """Return the non-negative integer that a decimal string writes, in its only spelling."""
    text = string(value, what)
    limit_digits(text, what)
    decline_unless(bool(_COUNT.fullmatch(text)), "syntax", f"{what}: {text[:40]!a} is no count.")
    return int(text)


def rational(value: Any, what: str) -> tuple[int, int]:
    """Return (n, d) of a rational string "n" or "n/d" in lowest terms with d >= 1."""
    text = string(value, what)
    limit_digits(text, what, MAX_DIGITS // 10)
    match = _RATIONAL.fullmatch(text)
    if not match:
        raise Declined("syntax", f"{what}: {text[:40]!a} is not a rational number.")
    numerator, denominator = int(match[1]), int(match[2] or 1)
    lowest = not match[2] or (denominator > 1 and gcd(numerator, denominator) == 1)
    decline_unless(lowest, "syntax", f"{what}: {text[:40]!a} is not in lowest terms.")
    return numerator, denominator


def small(value: Any, low: int, high: int, what: str) -> int:
    """Return a JSON integer between `low` and `high`."""
    decline_unless(type(value) is int, "syntax", f"{what}: a JSON integer is expected.")
    decline_unless(low <= value <= high, "limit", f"{what}: not between {low} and {high}.")
    return int(value)


def string(value: Any, what: str) -> str:
    """Return a JSON string."""
    decline_unless(isinstance(value, str), "syntax", f"{what}: a string is expected.")
    return str(value)
