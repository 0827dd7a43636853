"""Scores of the subcubic strategies: M = M~ + Err, with a bound e_q on the range of row q of Err.

All in one unit: a score is an integer times 2**exponent / (denominator sqrt(d_head)). With
A = W_E + W_pos[k-1] and B = W_E + mean of W_pos, M = A W_Q W_K^T B^T, and the positional rest is
R' = A W_Q W_K^T (W_pos - mean)^T; b_Q adds one row to each. Everything below is exact, so any
witness direction gives a true split; e_q is rounded up where it is rounded.
"""

from math import isqrt
from typing import NamedTuple

from arithmetic.matrices import (
    Matrix,
    Rows,
    absolute,
    add,
    aligned,
    product,
    scaled,
    transposed,
)
from arithmetic.tally import Tally
from parts.attention_only import Model, query_rows
from strategies.subcubic_witness import Witness

Chain = list[Matrix]
# A column, a row and the divisor of their product; or two scaled matrices and their scale.
Term = tuple[Matrix, Matrix, int]
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
    (m, e, r), exponent = aligned([approximate, error, positional], tally)
    return Scores(m, [row[0] for row in e], r, exponent, k * scale)


def _approximation(name: str, factors: Chain, witness: Witness, tally: Tally) -> Term:
    """Return scale * M~, a column of bounds on scale * range of Err's rows, and scale."""
    if not witness.matrix_directions:
        # A W_Q (v,h) and W_K^T B^T (h,v).
        factors = [_chain(factors[:2], tally), _chain(factors[2:], tally)]
    if name == "exact":
        return _chain(factors, tally), Matrix([[0]] * len(factors[0].rows), 0), 1
    terms, chain, scale = _split(factors, witness, tally)
    rows = _stacked([scaled(row, scale // divisor, tally) for _, row, divisor in terms], tally)
    columns = _stacked([transposed(column) for column, _, _ in terms], tally)
    approximate = product(transposed(columns), rows, tally)
    return approximate, _error(name, chain, witness, tally), scale


def _stacked(rows: Chain, tally: Tally) -> Matrix:
    """Return a matrix of these rows."""
    parts, exponent = aligned(rows, tally)
    return Matrix([part[0] for part in parts], exponent)


def _peel(a: Matrix, direction: list[int], tally: Tally) -> Term:
    """Return u^T a (a row), (u.u) (a - u u^T a / (u.u)) and u.u, for u = `direction`."""
    square = sum(x * x for x in direction)
    row = product(Matrix([direction], 0), a, tally)
    outer = product(Matrix([[-x] for x in direction], 0), row, tally)
    tally.charge(2 * len(direction) - 1)
    return row, add(scaled(a, square, tally), outer, tally), square


def _split(factors: Chain, witness: Witness, tally: Tally) -> tuple[list[Term], Chain, int]:
    """Return terms of rank one (column, row, divisor), a residual chain and its scale.

    product(factors) = sum of column row / divisor + product(chain) / scale, exactly. Directions are
    peeled from the first factor, then from the last, then from each one between (W_Q and W_K). The
    terms telescope, and each carries the residuals of what was peeled before it: the cross terms
    are kept, since they vanish only for exact singular vectors.
    """
    scale, terms, inner = 1, [], witness.matrix_directions
    ends = ((0, witness.query_directions), (0, witness.key_directions))
    for index, directions in (*ends, (1, inner[:1]), (1, inner[1:])):
        # The length of a direction does not matter, so its exponent is left out.
        for u, _ in directions:
            row, residual, square = _peel(factors[index], u, tally)
            scale *= square
            column = _chain([*factors[:index], Matrix([[x] for x in u], 0)], tally)
            terms.append((column, _chain([row, *factors[index + 1 :]], tally), scale))
            factors = [*factors[:index], residual, *factors[index + 1 :]]
        # Every other turn is on the transposed product: its first factor is the last of this one.
        factors = [transposed(factor) for factor in reversed(factors)]
        terms = [(transposed(row), transposed(column), divisor) for column, row, divisor in terms]
    return terms, factors, scale


def column_sums(a: Matrix, tally: Tally) -> Matrix:
    """Return the sum of all rows, as one row."""
    tally.charge((len(a.rows) - 1) * len(a.rows[0]))
    return Matrix([[sum(column) for column in zip(*a.rows, strict=True)]], a.exponent)


def _chain(matrices: Chain, tally: Tally) -> Matrix:
    """Return the product of the matrices from the left."""
    result = matrices[0]
    for factor in matrices[1:]:
        result = product(result, factor, tally)
    return result


def _error(name: str, chain: Chain, witness: Witness, tally: Tally) -> Matrix:
    """Return a column: for each row of the chain's product a bound on its range (max - min)."""
    if name == "svd":
        return _spectral_range(chain, witness.squarings, tally)
    if name == "max-diff-exact":
        return chain_ranges([_chain(chain, tally)], 0, tally)
    means = len(chain) - 1 if name.startswith("mean-recursive") else int(name.startswith("mean"))
    if not name.endswith("-subproduct"):
        return chain_ranges(chain, means, tally)
    cuts = ((chain[:cut], chain[cut:]) for cut in range(1, len(chain)))
    bounds = [chain_ranges([_chain(a, tally), _chain(b, tally)], means, tally) for a, b in cuts]
    tally.charge((len(bounds) - 1) * len(bounds[0].rows))
    columns, exponent = aligned(bounds, tally)
    return Matrix([[min(row)[0]] for row in zip(*columns, strict=True)], exponent)


def chain_ranges(chain: Chain, means: int, tally: Tally) -> Matrix:
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
        return product(absolute(first, tally), ranges, tally)
    count = len(first.rows)
    total = column_sums(first, tally)
    centred = add(scaled(first, count, tally), scaled(total, -1, tally), tally)
    common = chain_ranges([_chain([total, *rest], tally)], 0, tally)
    bound = add(product(absolute(centred, tally), ranges, tally), common, tally)
    tally.charge(count)
    # Everything so far is `count` times too large; round the quotient up.
    return Matrix([[-(-row[0] // count)] for row in bound.rows], bound.exponent)


def _spectral_range(chain: Chain, squarings: int, tally: Tally) -> Matrix:
    """Return sqrt(2) sigma_1 of the product L' N' for every row: it bounds each row's range.

    range(row q) = max e_q^T X (e_t - e_t') <= sigma_1 sqrt(2). sigma_1^2 is the largest eigenvalue
    of G = (L'^T L') (N' N'^T), all of whose eigenvalues are real and >= 0, so it is at most
    trace(G^(2^p))^(1/2^p).
    """
    left, right = chain
    left_gram = product(transposed(left), left, tally)
    gram = product(left_gram, product(right, transposed(right), tally), tally)
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
