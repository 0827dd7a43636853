"""The rule `product`: the label is the number of the product of the elements read.

Elements, and the product x y: of C_n the residues, (r,), and their sum; of D_n the maps
i -> r + (-1)^s i modulo n, (r, s), numbered r + n s, and of S_n and A_n the (even) permutations of
0..n-1, i -> x[i], in lexicographic order: x y is the map i -> x(y(i)). An order of one's own lists
permutations. On the side y(x) the product of x and y is y x: x first, then y.
"""

import hashlib
import json
from collections.abc import Sequence
from itertools import combinations, permutations
from re import fullmatch
from typing import Any, NamedTuple

from files.strictjson import string
from files.verdict import decline_unless
from tasks.rule import Rule, State, Usual, singles

Element = tuple[int, ...]
LEXICOGRAPHIC, SIDES = "lexicographic", ("x(y)", "y(x)")
MOST = {"C": 4096, "D": 2048, "S": 6, "A": 6}


class Product(NamedTuple):
    """States: the product of the factors read, and the query, none or one of each."""

    group: str
    elements: tuple[Element, ...]
    numbers: dict[Element, int]
    turned: bool
    settings: tuple[str, ...]

    def usual(self, reads: int, d_vocab: int, d_vocab_out: int) -> Usual:
        """Elements are multiplied and compete; another position holds the next token."""
        order = len(self.elements)
        name = f"product-in-{self.group.lower()}" + (f"-of-{reads}" if reads != 2 else "")
        return Usual(name, self.settings, range(order), range(order, order + 1), range(order))

    def label(self, tokens: Sequence[int]) -> int:
        """Return the number of the product of the tokens' elements, from the left."""
        product = self.elements[tokens[0]]
        for token in tokens[1:]:
            product = self.times(product, self.elements[token])
        return self.numbers[product]

    def times(self, x: Element, y: Element) -> Element:
        """Return the product of x and y."""
        x, y = (y, x) if self.turned else (x, y)
        n = int(self.group[1:])
        if self.group[0] == "C":
            return ((x[0] + y[0]) % n,)
        if self.group[0] == "D":
            return (x[0] + (-y[0] if x[1] else y[0])) % n, x[1] ^ y[1]
        return tuple(x[i] for i in y)

    def labels(self, tokens: range, reads: int) -> range:
        """Return the numbers of the elements."""
        return range(len(self.elements))

    def kinds(self, label: int, tokens: range) -> list[range]:
        """Every token is a kind of its own."""
        return singles(tokens)

    def start(self, label: int) -> State:
        """No factor was read."""
        return (), ()

    def step(self, label: int, state: State, index: int, token: int) -> State | None:
        """Return the state with this factor: the first that is read is the last, unless at 0."""
        factors, query = state
        if index and not factors and not query:
            return (), (token,)
        return (self.label((*factors, token)),), query

    def accepts(self, label: int, state: State) -> bool:
        """The product with the query is the label."""
        factors, query = state
        return self.label((*factors, *query)) == label


def group(value: Any, read: Sequence[range], what: str) -> tuple[str, list[Element]]:
    """Return the name of a group and its elements, which all tokens that are read stand for."""
    match = fullmatch("([CDSA])([1-9][0-9]{0,3})", string(value, what))
    known = bool(match and int(match[2]) <= MOST[match[1]])
    decline_unless(known, "unsupported", f"{what}: no {value[:80]!a}.")
    elements = _elements(value[0], int(value[1:]))
    fits = all(span.stop <= len(elements) for span in read)
    decline_unless(fits, "unsupported", f"{what}: a token that is read is no element of {value}.")
    return value, elements


def as_it_is(value: Any, read: Sequence[range], what: str) -> Any:
    """Return a parameter that depends on the group."""
    return value


def of_parameters(named: tuple[str, list[Element]], order: Any, side: Any) -> Rule:
    """Return the rule, or decline it: unknown sides, and orders that are no order of the group."""
    group, elements = named
    decline_unless(
        isinstance(side, str) and side in SIDES,
        "unsupported",
        "claim.task.side: neither x(y) nor y(x).",
    )
    settings = (f"side={side}",) if side != SIDES[0] else ()
    if order != LEXICOGRAPHIC:
        elements = _permutations(order, elements if group[0] in "SA" else [])
        text = json.dumps(elements, separators=(",", ":")).encode()
        settings = (*settings, f"order={hashlib.sha256(text).hexdigest()[:16]}")
    numbers = {element: number for number, element in enumerate(elements)}
    return Product(group, tuple(elements), numbers, side == SIDES[1], settings)


def _elements(letter: str, n: int) -> list[Element]:
    if letter == "C":
        return [(r,) for r in range(n)]
    if letter == "D":
        return [(r, s) for s in range(2) for r in range(n)]
    all_of_them = permutations(range(n))
    return [x for x in all_of_them if letter == "S" or not _inversions(x) % 2]


def _inversions(x: Element) -> int:
    return sum(a > b for a, b in combinations(x, 2))


def _permutations(value: Any, elements: list[Element]) -> list[Element]:
    """Return the elements in an order that lists each of them once."""
    good = isinstance(value, list) and all(isinstance(item, list) for item in value)
    decline_unless(good, "syntax", "claim.task.order: neither lexicographic nor permutations.")
    items = [tuple(item) for item in value]
    whole = all(type(x) is int for item in items for x in item)
    fits = whole and sorted(items) == elements
    decline_unless(fits, "unsupported", "claim.task.order: not each element of the group, once.")
    return items
