"""Products of matrices in balls: peeled directions, and bounds on the range of each row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flint

from ballproof.interval.ball import exact, largest, upper_ball

Direction = tuple[tuple[int, int], ...]
Balls = flint.arb_mat
# What becomes of a ball that is to bound: its upper end, or the ball as it is where the enclosed
# number itself is asked for.
Ended = Callable[[flint.arb], flint.arb]


def column(direction: Direction) -> Balls:
    """Return a witness direction, dyadics (mantissa, exponent), as an exact column."""
    return flint.arb_mat(len(direction), 1, [exact(*entry) for entry in direction])


def product(chain: Sequence[Balls]) -> Balls:
    """Return the product of the matrices from the left."""
    result = chain[0]
    for factor in chain[1:]:
        result = result * factor
    return result


def ones(count: int) -> Balls:
    """Return a column of ones."""
    return flint.arb_mat(count, 1, [1] * count)


def mean_row(matrix: Balls) -> Balls:
    """Return the mean of the rows, as one row."""
    count = matrix.nrows()
    return ones(count).transpose() * matrix * (1 / flint.arb(count))


def weighted(matrix: Balls, ranges: Sequence[flint.arb]) -> list[flint.arb]:
    """Return sum_l |X[q,l]| ranges[l] for each row q of the matrix."""
    absolute = flint.arb_mat(matrix.nrows(), matrix.ncols(), [abs(x) for x in matrix.entries()])
    found: list[flint.arb] = (absolute * flint.arb_mat(len(ranges), 1, ranges)).entries()
    return found


def peel(matrix: Balls, direction: Direction) -> tuple[Balls, Balls]:
    """Return u^T X / (u.u), the row of the term u u^T X / (u.u), and what is left of X."""
    u = column(direction)
    row = u.transpose() * matrix * (1 / (u.transpose() * u)[0, 0])
    return row, matrix - u * row


def row_ranges(matrix: Balls) -> list[flint.arb]:
    """Return for each row a ball around its largest entry minus its smallest."""
    return [largest(row) + largest(-x for x in row) for row in matrix.tolist()]


def chain_ranges(chain: Sequence[Balls], means: int, ended: Ended = upper_ball) -> list[flint.arb]:
    """Return for each row of the chain's product an upper bound on its range.

    X Y: range of row q <= sum_l |X[q,l]| range(Y[l]); with the mean row x of X apart,
    range(x Y) + sum_l |X[q,l] - x_l| range(Y[l]). In the first `means` factors it is apart.
    """
    first, rest = chain[0], chain[1:]
    if not rest:
        return row_ranges(first)
    ranges = chain_ranges(rest, max(means - 1, 0), ended)
    common = flint.arb(0)
    if means:
        mean = mean_row(first)
        common = row_ranges(product([mean, *rest]))[0]
        first = first - ones(first.nrows()) * mean
    return [ended(x + common) for x in weighted(first, ranges)]


def spectral_range(
    left: Balls, right: Balls, squarings: int, ended: Ended = upper_ball
) -> flint.arb:
    """Return an upper bound of sqrt(2) sigma_1 of the product: it bounds the range of every row.

    sigma_1^2 is the largest eigenvalue of G = (L^T L)(R R^T), whose eigenvalues are real and
    >= 0, hence at most trace(G^(2^p))^(1/2^p).
    """
    gram = (left.transpose() * left) * (right * right.transpose())
    for _ in range(squarings):
        gram = gram * gram
    value = ended(gram.trace())
    for _ in range(squarings):
        value = value.sqrt()
    return ended((2 * value).sqrt())
