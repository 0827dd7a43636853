"""The field of the witness of `enumerate`, as a certificate holds it."""

from __future__ import annotations

from ballproof.verifier.counting.enumeration import MOST_PASSES
from ballproof.verifier.strategies.domains import Fields, Integer

WITNESS: Fields = {"passes": Integer(1, MOST_PASSES)}
