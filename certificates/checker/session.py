"""Many checks in one process, each as if alone: what one makes, the next of the same weights takes.

No claim that is checked in a process of its own rests on this file.
"""

from collections.abc import Callable
from hashlib import sha256
from json import dumps
from typing import Any

from arithmetic.tally import Tally
from files.claims import Pins
from files.strictjson import parse_object
from files.verdict import Theorem
from kernel import check

Basis = tuple[bytes, bool]
# How many results are kept, and how many numbers one may hold at most.
MAX_RESULTS, MAX_NUMBERS = 24, 2**17


class Session:
    """What checks made of the weights that were checked last, by key, and what it counted.

    A key names all that a result depends on beside the weights. Results are not changed once they
    are made: strategies read their tables.
    """

    def __init__(self) -> None:
        self.weights = b""
        self.results: dict[tuple[Any, ...], tuple[Any, int]] = {}

    def check(self, weights: bytes, certificate: bytes, pins: Pins) -> Theorem:
        """Return the theorem that `kernel.check` returns, or raise what it raises."""
        if weights != self.weights:
            self.weights, self.results = weights, {}

        def tally_of(budget: int) -> Tally:
            # Asked for once the certificate was read: it is one.
            return _Sharing(budget, self, _basis(certificate))

        return check(weights, certificate, pins, tally_of)


def _basis(certificate: bytes) -> Basis:
    """Return a digest of all that a certificate says but the numbers that it claims.

    An upper end that claims nothing is not counted: whether it does is added.
    """
    top = parse_object(certificate, "certificate")
    claim, proof = top["claim"], top["proof"]
    del claim["correct_at_least"], proof["operations"]
    free = claim.pop("correct_at_most") == claim["total"]
    return sha256(dumps(top).encode()).digest(), free


class _Sharing(Tally):
    """A tally that takes results from its session; each counts as it did when it was made."""

    def __init__(self, budget: int, session: Session, basis: Basis) -> None:
        super().__init__(budget)
        self.session, self.basis = session, basis

    def share(self, key: tuple[Any, ...], numbers: int, make: Callable[[], Any]) -> Any:
        if numbers > MAX_NUMBERS:
            return make()
        results, spent = self.session.results, self.spent
        if key[0] == "counts":
            key = (*key, *self.basis)
        if key in results:
            result, operations = results.pop(key)
            self.charge(operations)
        else:
            result = make()
        # The one that nobody took for longest comes first.
        results[key] = result, self.spent - spent
        if len(results) > MAX_RESULTS:
            del results[next(iter(results))]
        return result
