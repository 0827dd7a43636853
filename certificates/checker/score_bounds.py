"""Scores of the subcubic strategies: M = M~ + Err, with a bound e_q on the range of row q of Err.

All in one unit: a score is an integer times 2**exponent / (denominator sqrt(d_head)). With
A = W_E + W_pos[k-1] and B = W_E + mean of W_pos, M = A W_Q W_K^T B^T, and the positional rest is
R' = A W_Q W_K^T (W_pos - mean)^T; b_Q adds one row to each. Everything below is exact, so any
witness direction gives a true split; e_q is rounded up where it is rounded.
"""

from math import isqrt
from typing import NamedTuple

from matrices import Matrix, Rows, add, aligned, column_sums, product, scaled, transposed
from tally import Tally
from transformer import Model, query_rows
from witness import Dyadics, Witness

# Bits kept of the residual's Gram matrix while its powers are taken.
GRAM_BITS = 256


class Scores(NamedTuple):
    """M~ (v,v), a bound e_q on max - min of row q of M - M~, and R' (v,k), in one unit."""

    approximate: Rows
    error: list[int]
    positional: Rows
    exponent: int
    denominator: int


def bounded_scores(name: str, model: Model, witness: Witness, tally: Tally) -> Scores:
    """Return the scores with the score-error handling `name`; the witness gives directions."""
    w, k = model.weights, model.shape.n_ctx
    query = query_rows(model, tally)
    positions = column_sums(w["W_pos"], tally)
    # Times k, which spares the mean's division: k B and k (W_pos - mean).
    keyed = add(scaled(w["W_E"], k, tally), positions, tally)
    rest = add(scaled(w["W_pos"], k, tally), scaled(positions, -1, tally), tally)
    factors = [query, w["W_Q"], transposed(w["W_K"]), transposed(keyed)]
    approximate, error, scale = _approximation(name, factors, witness, tally)
    queried = add(product(query, w["W_Q"], tally), w["b_Q"], tally)
    rest_keys = product(factors[2], transposed(rest), tally)
    positional = scaled(product(queried, rest_keys, tally), scale, tally)
    bias = product(product(w["b_Q"], factors[2], tally), factors[3], tally)
    approximate = add(approximate, scaled(bias, scale, tally), tally)
    (m, e, r), exponent = aligned([approximate, error, positional])
    return Scores(m, [row[0] for row in e], r, exponent, k * scale)


def _approximation(
    name: str, factors: list[Matrix], witness: Witness, tally: Tally
) -> tuple[Matrix, Matrix, int]:
    """Return scale * M~, a column of bounds on scale * range of Err's rows, and scale."""
    if not witness.matrix_directions:
        # A W_Q (v,h) and W_K^T B^T (h,v).
        factors = [_chain(factors[:2], tally), _chain(factors[2:], tally)]
    if name == "exact":
        return _chain(factors, tally), Matrix([[0]] * len(factors[0].rows), 0), 1
    terms, chain, scale = _split(factors, witness, tally)
    rights = [scaled(right, scale // divisor, tally) for _, right, divisor in terms]
    left, left_exponent = aligned([transposed(column) for column, _, _ in terms])
    right, right_exponent = aligned(rights)
    columns = transposed(Matrix([rows[0] for rows in left], left_exponent))
    rows = Matrix([rows[0] for rows in right], right_exponent)
    return product(columns, rows, tally), _error(name, chain, witness, tally), scale


def _peel(a: Matrix, direction: Dyadics, tally: Tally) -> tuple[Matrix, Matrix, int]:
    """Return u^T a (a row), (u.u) (a - u u^T a / (u.u)) and u.u, for u an integer multiple.

    The length of a direction does not matter, so its exponent is left out.
    """
    u = direction[0]
    square = sum(x * x for x in u)
    row = product(Matrix([u], 0), a, tally)
    outer = product(Matrix([[-x] for x in u], 0), row, tally)
    tally.charge(2 * len(u) - 1)
    return row, add(scaled(a, square, tally), outer, tally), square


def _split(
    factors: list[Matrix], witness: Witness, tally: Tally
) -> tuple[list[tuple[Matrix, Matrix, int]], list[Matrix], int]:
    """Return terms of rank one (column, row, divisor), a residual chain and its scale.

    product(factors) = sum of column row / divisor + product(chain) / scale, exactly. Directions are
    peeled from the first factor, then from the last, then from each one between (W_Q and W_K). The
    terms telescope, and each carries the residuals of what was peeled before it: the cross terms
    are kept, since they vanish only for exact singular vectors.
    """
    first, *middle, last = factors
    scale, terms = 1, []
    for u in witness.query_directions:
        row, first, square = _peel(first, u, tally)
        scale *= square
        terms.append((_column(u), _chain([row, *middle, last], tally), scale))
    last = transposed(last)
    back = [transposed(factor) for factor in reversed(middle)]
    for w in witness.key_directions:
        row, last, square = _peel(last, w, tally)
        scale *= square
        left = transposed(_chain([row, *back, transposed(first)], tally))
        terms.append((left, Matrix([w[0]], 0), scale))
    chain = [first, transposed(last)]
    if middle:
        (q, kt), (g, f) = middle, witness.matrix_directions
        row, q, square = _peel(q, g, tally)
        scale *= square
        left = product(first, _column(g), tally)
        terms.append((left, _chain([row, kt, chain[1]], tally), scale))
        row, k, square = _peel(transposed(kt), f, tally)
        scale *= square
        left = transposed(_chain([row, transposed(q), transposed(first)], tally))
        terms.append((left, product(Matrix([f[0]], 0), chain[1], tally), scale))
        chain[1:1] = [q, transposed(k)]
    return terms, chain, scale


def _column(direction: Dyadics) -> Matrix:
    return Matrix([[x] for x in direction[0]], 0)


def _chain(matrices: list[Matrix], tally: Tally) -> Matrix:
    """Return the product of the matrices from the left."""
    result = matrices[0]
    for factor in matrices[1:]:
        result = product(result, factor, tally)
    return result


def _error(name: str, chain: list[Matrix], witness: Witness, tally: Tally) -> Matrix:
    """Return a column: for each row of the chain's product a bound on its range (max - min)."""
    if name == "svd":
        return _spectral_range(chain, witness.squarings, tally)
    if name == "max-diff-exact":
        return chain_ranges([_chain(chain, tally)], 0, tally)
    means = len(chain) - 1 if name.startswith("mean-recursive") else int(name.startswith("mean"))
    if not name.endswith("-subproduct"):
        return chain_ranges(chain, means, tally)
    bounds = [
        chain_ranges([_chain(chain[:cut], tally), _chain(chain[cut:], tally)], means, tally)
        for cut in range(1, len(chain))
    ]
    tally.charge((len(bounds) - 1) * len(bounds[0].rows))
    columns, exponent = aligned(bounds)
    return Matrix([[min(row)[0]] for row in zip(*columns, strict=True)], exponent)


def chain_ranges(chain: list[Matrix], means: int, tally: Tally) -> Matrix:
    """Return a column that bounds the range of each row of the chain's product.

    One matrix: its row ranges. Several, X Y: the range of row q is at most
    sum_l |X[q,l]| range(Y[l,:]), or with the mean row x of X apart,
    range(x Y) + sum_l |X[q,l] - x_l| range(Y[l,:]). The mean row is set apart in the first `means`
    factors.
    """
    first, rest = chain[0], chain[1:]
    if not rest:
        tally.charge(len(first.rows) * (2 * len(first.rows[0]) - 1))
        return Matrix([[max(row) - min(row)] for row in first.rows], first.exponent)
    ranges = chain_ranges(rest, max(means - 1, 0), tally)
    if not means:
        return product(_absolute(first, tally), ranges, tally)
    count = len(first.rows)
    total = column_sums(first, tally)
    centred = add(scaled(first, count, tally), scaled(total, -1, tally), tally)
    common = chain_ranges([_chain([total, *rest], tally)], 0, tally)
    bound = add(product(_absolute(centred, tally), ranges, tally), common, tally)
    tally.charge(count)
    # Everything so far is `count` times too large; round the quotient up.
    return Matrix([[-(-row[0] // count)] for row in bound.rows], bound.exponent)


def _absolute(a: Matrix, tally: Tally) -> Matrix:
    tally.charge(len(a.rows) * len(a.rows[0]))
    return Matrix([[abs(x) for x in row] for row in a.rows], a.exponent)


def _spectral_range(chain: list[Matrix], squarings: int, tally: Tally) -> Matrix:
    """Return sqrt(2) sigma_1 of the product L' N' for every row: it bounds each row's range.

    range(row q) = max e_q^T X (e_t - e_t') <= sigma_1 sqrt(2). sigma_1^2 is the largest eigenvalue
    of G = (L'^T L') (N' N'^T), all of whose eigenvalues are real and >= 0, so it is at most
    trace(G^(2^p))^(1/2^p).
    """
    left, right = chain
    gram = product(
        product(transposed(left), left, tally), product(right, transposed(right), tally), tally
    )
    value, exponent = _power_trace(gram, squarings, tally)
    for _ in range(squarings):
        value, exponent = _root_up(value, exponent)
    value, exponent = _root_up(2 * value, exponent)
    tally.charge(squarings + 2)
    return Matrix([[value]] * len(left.rows), exponent)


def _power_trace(gram: Matrix, squarings: int, tally: Tally) -> tuple[int, int]:
    """Return (n, e) with n 2**e at least the trace of gram^(2^squarings).

    Entries are cut to GRAM_BITS bits before each squaring. With C the kept integers and every
    entry wrong by at most `radius`, entries of the square are wrong by at most
    2 h max|C| radius + h radius^2.
    """
    rows, exponent, radius, size = gram.rows, gram.exponent, 0, len(gram.rows)
    for _ in range(squarings):
        largest = max(abs(x) for row in rows for x in row)
        cut = max(largest.bit_length() - GRAM_BITS, 0)
        rows = [[x >> cut for x in row] for row in rows]
        radius = (radius >> cut) + 2 if cut else radius
        largest = max(abs(x) for row in rows for x in row)
        radius = 2 * size * largest * radius + size * radius * radius
        rows = product(Matrix(rows, 0), Matrix(rows, 0), tally).rows
        exponent = 2 * (exponent + cut)
    tally.charge(size)
    return sum(rows[i][i] for i in range(size)) + size * radius, exponent


def _root_up(value: int, exponent: int) -> tuple[int, int]:
    """Return (n, e) with n 2**e >= sqrt(value 2**exponent), tight to about 64 bits."""
    shift = max(128 - value.bit_length(), 0)
    shift += (exponent - shift) % 2
    # isqrt(x - 1) + 1 is the ceiling of the root of x > 0.
    return isqrt((value << shift) - 1) + 1 if value else 0, (exponent - shift) // 2
