"""The rule `sum`: the label is a sum of the tokens read, with coefficients, modulo p."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from files.strictjson import small
from files.verdict import decline_unless
from tasks.rule import State, Usual, singles

LARGEST = 2**20


class Sum(NamedTuple):
    """States: the sum so far. Coefficients are those of the positions read, in their order."""

    modulus: int
    coefficients: tuple[int, ...]

    def usual(self, reads: int, d_vocab: int, d_vocab_out: int) -> Usual:
        """Residues are added and compete; another position holds one token, the next after them."""
        p, plain = self.modulus, set(self.coefficients) == {1}
        name = f"add-mod-{p}" if reads == 2 else f"sum-mod-{p}-of-{reads}"
        settings = () if plain else ("coefficients=" + ",".join(map(str, self.coefficients)),)
        return Usual(name, settings, range(p), range(p, p + 1), range(p))

    def label(self, tokens: Sequence[int]) -> int:
        """Return the sum of coefficient times token, modulo p."""
        return sum(c * t for c, t in zip(self.coefficients, tokens, strict=True)) % self.modulus

    def labels(self, tokens: range, reads: int) -> range:
        """Return the residues."""
        return range(self.modulus)

    def kinds(self, label: int, tokens: range) -> list[range]:
        """Every token is a kind of its own."""
        return singles(tokens)

    def start(self, label: int) -> State:
        """Nothing was added."""
        return 0

    def step(self, label: int, state: State, index: int, token: int) -> State | None:
        """Return the sum with this token."""
        return (state + self.coefficients[index] * token) % self.modulus

    def accepts(self, label: int, state: State) -> bool:
        """The sum is the label."""
        return bool(state == label)


def modulus(value: Any, read: Sequence[range], what: str) -> int:
    """Return p."""
    return small(value, 1, LARGEST, what)


def coefficients(value: Any, read: Sequence[range], what: str) -> tuple[int, ...]:
    """Return an integer for each position read."""
    good = isinstance(value, list) and len(value) == len(read)
    decline_unless(good, "syntax", f"{what}: a list of {len(read)} integers is expected.")
    return tuple(small(item, 1 - LARGEST, LARGEST - 1, what) for item in value)
