"""T12: how far the logit gaps of the float32 program can be from those of the real function.

A stage is a pair of bounds (a, b): |exact| <= a and |error| <= b - a. Where n rounded operations,
in any order, lead to a sum, b grows by gamma_n = n u / (1 - n u), u = 2**-24, which is at most
n u + 2 (n u)**2. TINY covers what underflow loses, or flushes to zero, in a sum; FLUSH what it does
to a number that is multiplied next.
"""

from fractions import Fraction

from arithmetic.balls import quotient_by_root
from arithmetic.matrices import Matrix, absolute, add, aligned, product, scaled, transposed
from arithmetic.tally import Tally
from files.verdict import decline_unless
from parts.attention_only import Model, output_tables

Pair = tuple[Matrix, Matrix]
BITS, LEAST, LARGEST, OVERFLOW, TINY, FLUSH = 24, -126, 128, 126, -92, -102


def deviation(model: Model, tally: Tally) -> Fraction:
    """Return eps: each gap that the program computes is within eps of the real function's (T12).

    Assumed: rounding to nearest, exp within 4 ulp, and the sums of docs/theorems.md in any order.
    Declines weights that float32 does not hold as normal numbers, and sums that may overflow.
    """
    v, k, d, h, _ = model.shape
    w = {name: _float32(name, matrix, tally) for name, matrix in model.weights.items()}
    read = add(add(w["W_E"], _largest(w["W_pos"]), tally), Matrix([[1] * d], FLUSH), tally)
    (query, queries), (key, keys), value = (_head(model, x, read, d + 2, tally) for x in "QKV")
    # One row for each token, one column for each query: its largest score is subtracted.
    far = product(add(key, keys, tally), transposed(add(query, queries, tally)), tally)
    far = _grown(far, h + 9, tally)
    far = add(far, _growth(_largest(far), 1, tally), tally)
    steps, exponent = _excess((product(key, transposed(query), tally), far), tally)
    shift = quotient_by_root(steps, exponent, h, -64) + 1
    # The largest value and the largest error need not be the same token's.
    mixed, error = map(_largest, value)
    high = _grown(add(mixed, error, tally), 3 * k + 24, tally)
    stream = _layer((mixed, high), w["W_O"], add(_largest(read), w["b_O"], tally), h + 3, tally)
    rounded, unit = _excess(_layer(stream, w["W_U"], w["b_U"], d + 1, tally), tally)
    spread, scale = aligned(list(output_tables(model, tally)), tally)
    tally.charge(2 * v * (v + k))
    ranges = [[max(column) - min(column) for column in zip(*x, strict=True)] for x in spread]
    widest = max(map(sum, zip(*ranges, strict=True)))
    return shift * widest * Fraction(2) ** (scale - 64) + 2 * rounded * Fraction(2) ** unit


def _float32(name: str, a: Matrix, tally: Tally) -> Matrix:
    """Return |a|, all of whose entries are 0 or normal numbers of float32."""
    entries = [x for row in a.rows for x in row if x]
    short = all((x // (x & -x)).bit_length() <= BITS for x in entries)
    normal = all(LEAST < x.bit_length() + a.exponent <= LARGEST for x in entries)
    decline_unless(short and normal, "unsupported", f"weights: {name} is no normal float32 matrix.")
    return absolute(a, tally)


def _largest(a: Matrix) -> Matrix:
    """Return the largest entry of each column, as a row."""
    return Matrix([[max(column) for column in zip(*a.rows, strict=True)]], a.exponent)


def _excess(pair: Pair, tally: Tally) -> tuple[int, int]:
    """Return the largest b - a as an integer and its exponent."""
    (low, high), exponent = aligned(list(pair), tally)
    rows = zip(low, high, strict=True)
    return max(y - x for row in rows for x, y in zip(*row, strict=True)), exponent


def _growth(a: Matrix, count: int, tally: Tally) -> Matrix:
    """Return an upper bound of gamma_count (a + TINY), a < 2**126: no partial sum overflows."""
    fits = max(max(row) for row in a.rows).bit_length() + a.exponent <= OVERFLOW
    decline_unless(fits, "unsupported", "weights: a sum in float32 may overflow.")
    a = add(a, Matrix([[count] * len(a.rows[0])], TINY), tally)
    grown = scaled(a, (count << BITS) + 2 * count**2, tally)
    return Matrix(grown.rows, grown.exponent - 2 * BITS)


def _grown(a: Matrix, count: int, tally: Tally) -> Matrix:
    return add(a, _growth(a, count, tally), tally)


def _layer(pair: Pair, weight: Matrix, bias: Matrix, count: int, tally: Tally) -> Pair:
    """Return the bounds of x W + b, for absolute W and b."""
    low, high = (add(product(side, weight, tally), bias, tally) for side in pair)
    return low, _grown(high, count, tally)


def _head(model: Model, name: str, read: Matrix, count: int, tally: Tally) -> Pair:
    """Return bounds of queries, keys or values and of their errors (v,h), at any position."""
    w, b = model.weights[f"W_{name}"], model.weights[f"b_{name}"]
    tokens = add(product(model.weights["W_E"], w, tally), b, tally)
    places = _largest(absolute(product(model.weights["W_pos"], w, tally), tally))
    near = add(absolute(tokens, tally), places, tally)
    rough = add(product(read, absolute(w, tally), tally), absolute(b, tally), tally)
    return near, _growth(rough, count, tally)
