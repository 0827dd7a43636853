"""One Python integer as a vector of signed lanes: addition, sign test and maximum of all at once.

A vector x_0 .. x_{n-1} is the integer sum x_j 2**(width j). Adding integers adds vectors, and a
scalar multiplies each lane, exactly, as long as every lane stays within +-2**(width-1): callers
choose the width for the largest sum they form.
"""

from collections.abc import Iterable


class Lanes:
    """The constants of vectors of `count` lanes of `width` bits (a multiple of 8)."""

    def __init__(self, count: int, width: int) -> None:
        self.count = count
        self.bytes = (width + 7) // 8
        self.width = 8 * self.bytes
        self.half = 1 << (self.width - 1)
        self.ones = int.from_bytes((b"\1" + b"\0" * (self.bytes - 1)) * count, "little")
        self.offset = self.ones * self.half

    def pack(self, values: Iterable[int]) -> int:
        """Return the vector of these values, each within +-2**(width-1)."""
        half, size = self.half, self.bytes
        data = b"".join([(value + half).to_bytes(size, "little") for value in values])
        return int.from_bytes(data, "little") - self.offset

    def tops(self, vector: int, size: int) -> bytes:
        """Return floor(x / 2**(width - 8 size)) + 2**(8 size - 1) of each lane x, in `size` bytes.

        These are the highest bytes of x + 2**(width-1).
        """
        data = (vector + self.offset).to_bytes(self.bytes * self.count, "little")
        tops = bytearray(self.count * size)
        for byte in range(size):
            tops[byte::size] = data[self.bytes - size + byte :: self.bytes]
        return bytes(tops)

    def signs(self, vector: int) -> int:
        """Return a vector of flags: 1 in each lane that is >= 0."""
        return ((vector + self.offset) >> (self.width - 1)) & self.ones

    def positive(self, vector: int) -> int:
        """Return max(x, 0) in each lane."""
        flags = self.signs(vector)
        kept = (vector + self.offset) & ((flags << self.width) - flags)
        return kept - (flags << (self.width - 1))

    def maximum(self, a: int, b: int) -> int:
        """Return the larger of the two in each lane; a - b must fit a lane."""
        return b + self.positive(a - b)

    def indices(self, flags: int) -> list[int]:
        """Return the lanes whose flag is set."""
        found = []
        while flags:
            lowest = flags & -flags
            found.append((lowest.bit_length() - 1) // self.width)
            flags ^= lowest
        return found
