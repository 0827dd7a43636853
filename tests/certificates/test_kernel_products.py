"""Products are the sums of products, of entries of any size, charged beforehand."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arithmetic.matrices import MAX_BITS, Matrix, product
from arithmetic.tally import Tally
from files.verdict import Declined, Rejected


def plain(a, b):
    """Return the product by its definition."""
    return [[sum(row[i] * b[i][j] for i in range(len(b))) for j in range(len(b[0]))] for row in a]


def require_plain(a, b):
    tally = Tally(10**9)
    found = product(Matrix(a, 3), Matrix(b, -5), tally)
    assert found == Matrix(plain(a, b), -2)
    left, right = (max(abs(x).bit_length() for row in m for x in row) for m in (a, b))
    times = 1 + left * right // 2**18
    assert tally.spent == len(a) * len(b[0]) * (2 * len(b) - 1) * times


@st.composite
def factors(draw):
    """Two matrices that can be multiplied, of entries from a few bits to thousands, or both."""
    sizes = st.integers(1, 9)
    height, inner, width = draw(sizes), draw(sizes), draw(sizes)

    def matrix(rows, columns):
        bits = draw(st.sampled_from([0, 1, 7, 8, 31, 64, 200, 318, 319, 320, 1000, 9000]))
        ends = [2**bits - 1, 1 - 2**bits, 2**bits // 2, -(2**bits // 2), 0, 1, -1]
        entries = st.one_of(st.sampled_from(ends), st.integers(1 - 2**bits, 2**bits - 1))
        row = st.lists(entries, min_size=columns, max_size=columns)
        return draw(st.lists(row, min_size=rows, max_size=rows))

    return matrix(height, inner), matrix(inner, width)


@given(factors())
@example(drawn=([[0]], [[0]]))
@example(drawn=([[0], [0]], [[0, 0, 0]]))
@example(drawn=([[-1], [1]], [[2**9000, -1]]))
def test_a_product_is_the_sum_of_products(drawn):
    require_plain(*drawn)


@pytest.mark.parametrize("inner", [1, 2, 3, 4, 7, 8, 15])
@pytest.mark.parametrize("bits", range(1, 10))
@pytest.mark.parametrize("other", [1, 30, 600])
def test_the_largest_sums_of_either_sign_are_exact(inner, bits, other):
    large, small = 2**bits - 1, 2**other - 1
    a = [[large] * inner, [-large] * inner, [0] * inner]
    b = [[small, -small, 0, -small, small]] * inner
    require_plain(a, b)
    require_plain(*([list(column) for column in zip(*x, strict=True)] for x in (b, a)))


def test_a_product_of_more_bits_than_the_limit_is_declined_after_its_charge():
    cost = 2 * (1 + (40_001**2 >> 18))
    a, tally = Matrix([[2**40_000], [1]], 0), Tally(cost)
    with pytest.raises(Declined, match="limit"):
        product(a, Matrix([[2**40_000]], 0), tally)
    assert tally.spent == cost
    with pytest.raises(Rejected, match="budget"):
        product(a, Matrix([[2**40_000]], 0), Tally(cost - 1))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_product_of_just_as_many_bits_as_the_limit_is_returned(sign):
    one, fits = Matrix([[1]], 0), Matrix([[sign * (2**MAX_BITS - 1), 0]], 0)
    assert product(one, fits, Tally(9)) == fits
    with pytest.raises(Declined, match="limit"):
        product(one, Matrix([[sign * 2**MAX_BITS, 0]], 0), Tally(9))


@pytest.mark.parametrize("rows", [[[1, 2, 3], [4, 5, 6]], [[1], [2]], [[1, 2, 3]], [[1]]])
def test_factors_that_do_not_fit_are_never_multiplied(rows):
    with pytest.raises(ValueError, match="argument"):
        product(Matrix(rows, 0), Matrix([[1, 0], [0, 1]], 0), Tally(10**9))


def test_ragged_factors_are_never_multiplied():
    good, ragged = Matrix([[1, 2], [3, 4]], 0), Matrix([[1, 2], [3]], 0)
    for a, b in ((good, ragged), (ragged, good), (good, Matrix([[1], [2, 3]], 0))):
        with pytest.raises(ValueError, match="argument"):
            product(a, b, Tally(10**9))


@pytest.mark.parametrize(("left", "right", "times"), [(511, 512, 1), (512, 512, 2), (1, 9999, 1)])
def test_products_of_long_numbers_count_by_the_product_of_their_lengths(left, right, times):
    tally = Tally(10**9)
    product(Matrix([[2**left - 1], [-1]], 0), Matrix([[1 - 2**right, 0, 1]], 0), tally)
    assert tally.spent == 6 * times
