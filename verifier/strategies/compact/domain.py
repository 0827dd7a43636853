"""The fields of the witnesses of `remainder` and `one-sided`, as certificates hold them.

Beyond the table: kappa and mu are a row of m numbers, u has m rows of r, v has r rows of a, and for
r = 0 both have none. A share is a fraction n/d in lowest terms, 0 to 1.
"""

from __future__ import annotations

from ballproof.verifier.strategies.compact.matrices import MOST_EXPONENT
from ballproof.verifier.strategies.domains import Anything, Fields, Integer, Items

MOST_RANK = 256
LARGEST = 2**31 - 1
MATRIX: Fields = {
    "exponent": Integer(-MOST_EXPONENT, MOST_EXPONENT),
    "rows": Items(Items(Integer(-LARGEST, LARGEST))),
}
REMAINDER: Fields = {"kappa": Anything(), "mu": Anything(), "u": Anything(), "v": Anything()}
ONE_SIDED: Fields = {"share": Anything()}
