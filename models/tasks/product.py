"""The rule `product`: the label is the product of the group elements that are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from ballproof.models.errors import ModelError
from ballproof.models.tasks.groups import LEXICOGRAPHIC, Group, digest
from ballproof.models.tasks.rule import Rule, State

# x(y) takes the map y first, y(x) the map x.
SIDES = ("x(y)", "y(x)")


@dataclass(frozen=True)
class Product(Rule):
    """The state is what the rest has to multiply to, the elements that were read divided out."""

    name = "product"
    group: Group
    side: str = "x(y)"

    def title(self, reads: int) -> str:
        """Return product-in-s5 for two positions, else product-in-s5-of-n."""
        name = f"product-in-{self.group.name.lower()}"
        return name if reads == 2 else f"{name}-of-{reads}"

    def details(self) -> list[str]:
        """Return side and order, if they are not the usual ones."""
        listed = self.group.listed
        side = [] if self.side == SIDES[0] else [f"side={self.side}"]
        return side if listed is None else [*side, f"order={digest(listed)}"]

    def parameters(self) -> dict[str, object]:
        """Return group, order and side."""
        listed = self.group.listed
        order = LEXICOGRAPHIC if listed is None else [list(each) for each in listed]
        return {"group": self.group.name, "order": order, "side": self.side}

    def check(self, positions: Sequence[range], reads: Sequence[int]) -> None:
        """Refuse positions with tokens that are no elements."""
        if self.side not in SIDES:
            raise ModelError(f"The task has the side {self.side!r}, where x(y) or y(x) is.")
        for position in reads:
            if positions[position].stop > self.group.order:
                raise ModelError(
                    f"The task reads tokens to {positions[position].stop - 1} at position "
                    f"{position}, where {self.group.name} has the elements 0 to "
                    f"{self.group.order - 1}."
                )

    def label(self, values: Sequence[int]) -> int:
        """Return the product, multiplied from the left."""
        return reduce(self._times, values)

    def labels(self, tokens: range, reads: int) -> range:
        """Return the elements."""
        return range(self.group.order)

    def answers(self, outputs: int, reads: int) -> range:
        """Return the elements."""
        return range(self.group.order)

    def usual_tokens(self, d_vocab: int, read: bool) -> range:
        """Return the elements where a position is read, and the token after them elsewhere."""
        order = self.group.order
        return range(order) if read else range(order, order + 1)

    def usual_reads(self, n_ctx: int, count: int | None = None) -> tuple[int, ...]:
        """Return the first positions, two if nothing says how many."""
        return tuple(range(min(2 if count is None else count, n_ctx)))

    def start(self, wanted: int) -> State:
        """Return the label, marked as one of which nothing was divided out."""
        return True, wanted

    def step(self, wanted: int, state: State, place: int, token: int) -> State:
        """Divide by an element: from the right if it is the last one's, that comes first."""
        fresh, rest = state
        inverse = self.group.inverses[token]
        if fresh and place > 0:
            return False, self._times(rest, inverse)
        return False, self._times(inverse, rest)

    def accepts(self, wanted: int, state: State) -> bool:
        """Say whether nothing is left."""
        return bool(state[1] == self.group.identity)

    def _times(self, x: int, y: int) -> int:
        product = self.group.product
        return product(x, y) if self.side == SIDES[0] else product(y, x)
