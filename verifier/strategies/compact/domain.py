"""The fields of the witnesses of compact proofs, as certificates hold them.

Beyond the table: kappa and mu are a row of m numbers, u has m rows of r, v has r rows of a, and for
r = 0 both have none. A share is a fraction n/d in lowest terms, 0 to 1. Directions are K rows of m
numbers, K from 1 to 64, coordinates m rows of K.
"""

from __future__ import annotations

from ballproof.verifier.strategies.compact.matrices import MOST_EXPONENT
from ballproof.verifier.strategies.domains import Anything, Fields, Integer, Items

MOST_RANK, MOST_DIRECTIONS, MOST_LEAF = 256, 64, 4096
LARGEST = 2**31 - 1
MATRIX: Fields = {
    "exponent": Integer(-MOST_EXPONENT, MOST_EXPONENT),
    "rows": Items(Items(Integer(-LARGEST, LARGEST))),
}
REMAINDER: Fields = {"kappa": Anything(), "mu": Anything(), "u": Anything(), "v": Anything()}
ONE_SIDED: Fields = {"share": Anything()}
CELLS: Fields = {"leaf": Integer(1, MOST_LEAF), "directions": Anything(), "coordinates": Anything()}
