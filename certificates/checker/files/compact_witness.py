"""What the compact strategies need of a claim, and the numbers of their witnesses."""

from typing import Any

from arithmetic.matrices import Matrix
from files.claims import Claim
from files.strictjson import rational
from files.verdict import Declined, Rejected, decline_unless
from files.witness import demand, list_of, small

LANES = 64
# The largest entry of a matrix, and how far its exponent is from 0.
LARGEST, FARTHEST = 2**31 - 1, 1100


def neurons_of(claim: Claim) -> int:
    """Return the number of neurons of a layer, where there are any and the lanes have a width."""
    neurons = claim.sizes.get("d_mlp", 0)
    require_one_layer(int(neurons > 0), claim)
    demand(claim.precision % LANES == 0, f"lanes have a multiple of {LANES} bits.")
    return neurons


def require_one_layer(layers: int, claim: Claim) -> None:
    """Decline a model of another number of layers of neurons."""
    sentence = f"{claim.strategy} needs one layer of neurons, not {layers}."
    decline_unless(layers == 1, "unsupported", sentence)


def matrix(value: Any, rows: int | None = None, columns: int | None = None) -> Matrix:
    """Return {"exponent": e, "rows": [[integers]]}, of these numbers of rows and columns."""
    demand(
        isinstance(value, dict) and value.keys() == {"exponent", "rows"}, "a matrix is expected."
    )
    listed = [list_of(row, columns) for row in list_of(value["rows"], rows)]
    found = [[small(x, -LARGEST, LARGEST) for x in row] for row in listed]
    return Matrix(found, small(value["exponent"], -FARTHEST, FARTHEST))


def share(value: Any) -> tuple[int, int]:
    """Return (n, d) of a rational string between 0 and 1."""
    try:
        n, d = rational(value, "a share")
    except Declined as refusal:
        raise Rejected("witness", refusal.sentence) from None
    demand(0 <= n <= d, "a share is between 0 and 1.")
    return n, d
