"""Logit gaps of the subcubic strategies, exact: direct-path splits and the output at the maximum.

For a class (q, m) in which non-maximum tokens are at most m - gamma and the maximum gets attention
a, every gap logits[j] - logits[m] is at most phi_m(a) + (1 - a) Wr(m, gamma) + diff_q, with
phi_m(a) = max over j != m of mu_j - mu_m + P^_{m,j} + a r_j, r_j = V[m,j] - V[m,m],
P^_{m,j} = max over i of P[i,j] - P[i,m], and D[q,j] - D[q,m] <= mu_j - mu_m + diff_q.
"""

from itertools import accumulate
from typing import NamedTuple

from arithmetic.matrices import Matrix, Rows, add, aligned, product, scaled
from arithmetic.tally import Tally
from parts.attention_only import Model, direct_rows, direct_table, output_tables, query_rows
from strategies.score_bounds import chain_ranges, column_sums
from strategies.subcubic_witness import Witness


class Logits(NamedTuple):
    """Integer tables in one unit, which no sign depends on; `eps` is the margin in it.

    `difference[q]` is diff_q; `constant[m]` and `slope[m]` hold mu_j - mu_m + P^_{m,j} and r_j for
    the rivals j != m; `others[m][t]` is Wr for tokens 0..t; `alone[m]` is the largest gap of the
    sequence of m alone, with its direct path exact. The number 1 is `one` in that unit.
    """

    difference: list[int]
    constant: Rows
    slope: Rows
    others: Rows
    alone: list[int]
    eps: int
    one: int


def bounded_logits(
    name: str, model: Model, margin: tuple[int, int], witness: Witness, tally: Tally
) -> Logits:
    """Return the tables with the direct-path split `name`, everything times the margin's d."""
    v, k = model.shape.d_vocab, model.shape.n_ctx
    output, places = output_tables(model, tally)
    read = direct_rows(model, query_rows(model, tally), tally)
    direct = direct_table(model, read, tally)
    reference, difference, scale = _direct_split(name, read, direct, model, witness, tally)
    factor = margin[1] * scale
    tables = [scaled(table, factor, tally) for table in (output, places, direct)]
    tables += [scaled(part, margin[1], tally) for part in (reference, difference)]
    (out, pos, exact, mu, diff, one), _ = aligned([*tables, Matrix([[scale]], 0)], tally)
    tally.charge(v * (2 * v * k + 9 * v))
    best = [_two_largest(row) for row in out]
    constant, slope, others, alone = [], [], [], []
    for m in range(v):
        rivals = [j for j in range(v) if j != m]
        place = [max(row[j] - row[m] for row in pos) for j in rivals]
        constant.append([mu[0][j] - mu[0][m] + p for j, p in zip(rivals, place, strict=True)])
        slope.append([out[m][j] - out[m][m] for j in rivals])
        gaps = (exact[m][j] - exact[m][m] for j in rivals)
        alone.append(max(d + p + r for d, p, r in zip(gaps, place, slope[-1], strict=True)))
        tops = (second if where == m else first for first, second, where in best)
        others.append(list(accumulate((t - row[m] for t, row in zip(tops, out, strict=True)), max)))
    eps, unit = margin[0] * one[0][0], margin[1] * one[0][0]
    return Logits([row[0] for row in diff], constant, slope, others, alone, eps, unit)


def _two_largest(row: list[int]) -> tuple[int, int, int]:
    """Return the largest and second largest entry of a row, and where the largest is."""
    where = max(range(len(row)), key=row.__getitem__)
    return row[where], max(row[:where] + row[where + 1 :]), where


def _direct_split(
    name: str, read: Matrix, direct: Matrix, model: Model, witness: Witness, tally: Tally
) -> tuple[Matrix, Matrix, int]:
    """Return scale * mu (a row), a column of scale * diff_q, and scale.

    With a reference row x of A' = `read`: mu = x W_U + b_U and diff_q bounds the range of row q of
    (A' - x) W_U. From the exact table: mu = 0 and diff_q is the range of D[q], or the largest.
    """
    v, w = model.shape.d_vocab, model.weights
    if name.endswith("max-diff-exact"):
        ranges = chain_ranges([direct], 0, tally)
        if name.startswith("global"):
            tally.charge(v - 1)
            ranges = Matrix([max(ranges.rows)] * v, ranges.exponent)
        return Matrix([[0] * v], 0), ranges, 1
    scale, row = 1, Matrix([[0] * model.shape.d_model], 0)
    if name == "mean-query":
        scale, row = v, column_sums(read, tally)
    elif name == "svd-query":
        row = Matrix([witness.mu[0]], witness.mu[1])
    bias = scaled(w["b_U"], scale, tally)
    reference = add(product(row, w["W_U"], tally), bias, tally)
    centred = add(scaled(read, scale, tally), scaled(row, -1, tally), tally)
    return reference, chain_ranges([centred, w["W_U"]], 0, tally), scale
