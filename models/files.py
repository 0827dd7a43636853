"""Files are read whole, up to a limit, and written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    """Write a whole file or nothing: a temporary file in the same folder, synced and renamed.

    A symbolic link is followed: what it points to is replaced, and stays a regular file.
    """
    target = replaceable(path)
    temporary = _temporary(target)
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        # A full disk does not say where.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def replaceable(path: str | os.PathLike[str]) -> Path:
    """Return the file that writing to `path` makes or replaces, links followed.

    Raises OSError if that is anything but a regular file or a new name in a folder that is there.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"{str(target.parent)!r}, the folder of {str(path)!r}, does not exist."
        )
    if target.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder, where a file is to be written.")
    if target.is_symlink():
        raise FileNotFoundError(f"{str(path)!r} is a link that points to itself.")
    if target.exists() and not target.is_file():
        raise FileExistsError(
            f"{str(path)!r} is a device, a pipe or a socket, where a regular file or a new name is "
            "expected."
        )
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"{str(path)!r} may not be written.")
    return target


def require_writable(path: str | os.PathLike[str]) -> None:
    """Raise OSError if writing to `path` cannot work: before any long work, by an empty file."""
    temporary = _temporary(replaceable(path))
    try:
        temporary.touch(exist_ok=False)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(target: Path) -> Path:
    return target.parent / f".ballproof-{os.getpid()}-{threading.get_ident()}.tmp"


@contextmanager
def lasting(path: Path) -> Iterator[Path]:
    """Give a file that can be read more than once: `path`, or a copy of what a pipe gives."""
    if path.is_file() or not path.exists():
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="ballproof-", suffix=path.suffix) as copy:
        copy.write(read_limited(path))
        copy.flush()
        yield Path(copy.name)
