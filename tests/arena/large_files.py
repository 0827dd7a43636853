"""Large files, made by the runner and not kept: a head, one unit many times, and a tail.

Needs the standard library alone: `score.py` uses it, and must run anywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

MIB = 2**20
WITNESS = b'"witness":{}'


class Large(NamedTuple):
    """The content head + unit * times + tail."""

    head: bytes
    unit: bytes
    times: int
    tail: bytes

    def write(self, path: Path) -> Path:
        """Write the content in pieces of about a megabyte, and return the path."""
        step = max(1, MIB // len(self.unit))
        with path.open("wb") as file:
            file.write(self.head)
            for done in range(0, self.times, step):
                file.write(self.unit * min(step, self.times - done))
            file.write(self.tail)
        return path


def large_file(name: str, certificate: bytes, weights: bytes) -> Large:
    """Return a large file by its name, spoilt or padded from these two good files."""
    length = int.from_bytes(weights[:8], "little")
    header, data = weights[8 : 8 + length].rstrip(b" "), weights[8 + length :]
    start, end = certificate.split(WITNESS)
    inside = start + b'"witness":{"x":'
    entry = b'"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},'
    spare = 64 * MIB - len(certificate)
    return {
        "certificate-at-the-limit": Large(b"{", b" ", spare, certificate[1:]),
        "certificate-over-the-limit": Large(b"{", b" ", spare + 1, certificate[1:]),
        "certificate-of-brackets": Large(inside, b"[", 4 * MIB, b""),
        "certificate-of-objects": Large(inside, b'{"a":', 4 * MIB, b""),
        "certificate-of-digits": Large(inside, b"7", 8 * MIB, b"}" + end),
        "certificate-of-backslashes": Large(b'{"', b"\\", 16 * MIB, b""),
        "certificate-of-quotes": Large(b"{", b'"', 16 * MIB, b""),
        "certificate-of-newlines": Large(certificate, b"\n", 4 * MIB, b""),
        "certificate-of-nul": Large(b"", b"\0", 16 * MIB, b""),
        "certificate-of-ones": Large(inside + b"[1", b",1", 2 * MIB, b"]}" + end),
        "weights-at-the-limit": _weights(16 * MIB, header, b" ", 16 * MIB - len(header), data),
        "weights-over-the-limit": Large(b"", b"\0", 256 * MIB + 1, b""),
        "weights-header-over-the-limit": _weights(16 * MIB + 1, b"{", b" ", 16 * MIB - 1, b"}"),
        "weights-of-brackets": _weights(8 * MIB, b'{"a":', b"[", 8 * MIB - 5, b""),
        "weights-of-one-name": _weights(
            1 + len(entry) * 10**5 + len(header), b"{", entry, 10**5, b" " + header[1:] + data
        ),
        "weights-with-a-tail": Large(weights, b"\0", 32 * MIB, b""),
    }[name]


def _weights(length: int, head: bytes, unit: bytes, times: int, tail: bytes) -> Large:
    return Large(length.to_bytes(8, "little") + head, unit, times, tail)
