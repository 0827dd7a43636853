"""Files are read whole, up to a limit, and written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from ballproof.models.errors import ModelError

MAX_FILE_BYTES = 256 * 2**20


def read_limited(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a file of at most MAX_FILE_BYTES, or raise ModelError."""
    with open(path, "rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ModelError(f"{os.fspath(path)} is larger than the limit of {MAX_FILE_BYTES} bytes.")
    return data


def parse_json(data: bytes, source: str, decimal: Callable[[str], object] | None = None) -> object:
    """Return the JSON value of these bytes; a key that an object holds twice is refused.

    `decimal` reads numbers with a point or an exponent; without it they are rounded to floats, and
    NaN and infinities pass.
    """

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        result: dict[str, object] = {}
        for name, value in pairs:
            if name in result:
                raise ModelError(f"{source} names {name!r} twice in one JSON object.")
            result[name] = value
        return result

    def refused(word: str) -> object:
        raise ModelError(f"{source} holds {word}, where JSON has finite numbers only.")

    constant = None if decimal is None else refused
    try:
        return json.loads(
            data.decode(), object_pairs_hook=unique, parse_float=decimal, parse_constant=constant
        )
    except ModelError:
        raise
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{source} holds no well-formed JSON: {error}.") from error


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a whole file or nothing: a temporary file in the same folder, synced and renamed."""
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
