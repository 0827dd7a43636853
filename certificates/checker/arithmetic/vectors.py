"""Integers in the lanes of one big integer, for vectors that are multiplied by scalars and added.

A vector x_0 .. x_{n-1} is the integer sum x_j 2**(width j). Whatever the sums on the way, lanes are
read rightly if each is within +-2**(width-1), with what rounding adds (docs/theorems.md, Lanes):
callers test that before.
"""

from collections.abc import Iterable, Sequence
from struct import Struct


class Vectors:
    """Vectors of `count` lanes of 64 or 128 bits, rounded by a shift to 64 bits (128: by 64)."""

    def __init__(self, count: int, width: int, shift: int) -> None:
        self.count, self.shift, self.long = count, shift, width == 128
        ones = sum(1 << width * lane for lane in range(count))
        self.bytes, self.offset = count * width // 8, ones << width - 1
        # Half a unit more in every lane makes the nearest of a floor.
        self.middle = self.offset + (ones << shift - 1)
        self.low = ones << 63
        words = "8xq" if self.long else "q"
        # Little-endian whatever the machine's own order is.
        self.read = Struct("<" + words * count).unpack
        self.write = Struct("<" + ("q8x" if self.long else "q") * count).pack
        self.whole = Struct("<" + ("Qq" if self.long else "q") * count).unpack

    def pack(self, values: Iterable[int]) -> int:
        """Return the vector of integers within +-2**63."""
        return (int.from_bytes(self.write(*values), "little") ^ self.low) - self.low

    def pack_long(self, values: Iterable[int]) -> int:
        """Return the vector of integers within +-2**(width-1)."""
        size = self.bytes // self.count
        half = 1 << 8 * size - 1
        data = b"".join([(value + half).to_bytes(size, "little") for value in values])
        return int.from_bytes(data, "little") - self.offset

    def exact(self, vector: int) -> Sequence[int]:
        """Return the lanes."""
        offset = self.offset
        found = self.whole(((vector + offset) ^ offset).to_bytes(self.bytes, "little"))
        if not self.long:
            return found
        return [(high << 64) + low for low, high in zip(found[::2], found[1::2], strict=True)]

    def rounded(self, vector: int) -> Sequence[int]:
        """Return the integer nearest to x 2**-shift for each lane x: off by half a unit at most."""
        found = self.read(((vector + self.middle) ^ self.offset).to_bytes(self.bytes, "little"))
        if self.long:
            return found
        shift = self.shift
        return [x >> shift for x in found]

    def rectified(self, vector: int) -> list[int]:
        """Return max(x, 0) of each `rounded` integer x."""
        found = self.read(((vector + self.middle) ^ self.offset).to_bytes(self.bytes, "little"))
        if self.long:
            return [x if x > 0 else 0 for x in found]
        shift = self.shift
        return [x >> shift if x > 0 else 0 for x in found]
