"""The checker's count of its own work, by shape, against the budget of the certificate."""

from collections.abc import Callable
from typing import Any

from files.verdict import Rejected


def sort_cost(count: int) -> int:
    """Return what sorting `count` numbers counts: count * ceil(log2 count)."""
    return count * (count - 1).bit_length() if count else 0


def exp_surcharge(count: int, bits: int, length: int = 0) -> int:
    """Return what exponentials of many bits, in argument and result together, count in addition.

    `length` is that of the integer which the argument is a multiple of: its root is taken.
    """
    bits = max(bits, length // 6)
    return count * (max(bits - 96, 0) // 64) ** 2 * (1 + bits // 2048)


class Tally:
    """Counts enclosure operations; work that would exceed the budget is refused before it starts.

    One enclosure operation counts 1 and a packed operation its lanes; a product (a,b)x(b,c) counts
    a*c*(2b-1), a reduction of b numbers b-1, exp and comparison 1, a sort of b numbers
    b*ceil(log2 b). Parsing and freezing the weights do not count.
    """

    def __init__(self, budget: int, processes: int = 1) -> None:
        self.budget, self.processes, self.spent = budget, processes, 0
        # By name, what other processes count as well (`counting.workers`).
        self.once: dict[tuple[Any, ...], int] = {}

    def charge(self, operations: int) -> None:
        """Count work that is about to be done; raise `Rejected` if the budget does not cover it."""
        self.spent += operations
        if self.spent > self.budget:
            raise Rejected("budget", f"the check needs more than the {self.budget} operations.")

    def charge_once(self, key: tuple[Any, ...], operations: int) -> None:
        """Count work by a name, which counts once for all processes that share it."""
        if self.processes == 1:
            self.charge(operations)
        else:
            self.once[key] = operations

    def share(self, key: tuple[Any, ...], numbers: int, make: Callable[[], Any]) -> Any:
        """Return what `make` returns: so many numbers, which the weights and `key` determine."""
        return make()

    def charge_size(self, numbers: int, bits: int) -> None:
        """Count a large table of integers of so many bits by its size, 256 bits more for each."""
        self.charge(max(numbers * (bits + 256) - 2**24, 0) // 64)
