"""M3: the linear part of ReLU in the tables, what remains of it at low rank, the rest at worst."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import flint
import numpy as np

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.verifier.counting.fixed_point import LANES, Ends, Settled, over_rivals
from ballproof.verifier.counting.layers import FREE, largest_size, size
from ballproof.verifier.counting.mixing import Numbers, Tokens
from ballproof.verifier.counting.one_pass import (
    MOST,
    Before,
    Columns,
    folded,
    require_room,
    with_bias,
)
from ballproof.verifier.counting.products import floors, product
from ballproof.verifier.counting.program import DomainProgram

# Sums of the sizes of remainders, which BLAS multiplies, and slopes times neurons stay below.
ROOM = LANES - FREE - 1


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear function of each neuron: kappa pre + mu, rows (1, m)."""

    kappa: DyadicMatrix
    mu: DyadicMatrix


class LinearPart:
    """A program whose direct columns hold (mu + kappa pre) W: made once for every rank.

    Remainders are rem^ = max(p^, 0) - floor(kappa p^) - floor(2^fx mu), and with
    L = max(|kappa|, |1 - kappa|)

        |2^fx rem - rem^| <= r_n = ceil(L_n r) + 2    where |2^fx pre - p^| <= r.

    Proof: x -> relu(x) - kappa x has slopes -kappa and 1 - kappa, and is homogeneous, so that the
    unit of x is of no account; two floors take less than a unit each. []
    """

    def __init__(self, program: DomainProgram, linear: Linear) -> None:
        self.weights, bias = program.layers[-1]
        slope = _scaled_rows(self.weights, linear.kappa)
        constant = linear.mu @ self.weights + bias
        self.before = Before(with_bias(folded(program, slope), constant))
        kappa, mu = (_fractions(row) for row in (linear.kappa, linear.mu))
        unit = Fraction(2) ** self.before.neuron_unit
        ends = [
            max(map(abs, pair)) for pair in zip(self.before.least, self.before.most, strict=True)
        ]
        steepest = [max(abs(slope), abs(1 - slope)) for slope in kappa]
        self.errors = [ceil(slope * self.before.neuron_error) + 2 for slope in steepest]
        # Bounds of |rem^|, then of what int64 has to hold on the way.
        self.tops = [
            ceil(slope * end + abs(constant) * unit) + 2
            for slope, end, constant in zip(steepest, ends, mu, strict=True)
        ]
        up = 1 << max(linear.kappa.exponent, 0)
        slopes = [int(x) * up for x in linear.kappa.mantissa.entries()]
        require_room([x * end for x, end in zip(slopes, ends, strict=True)] + slopes)
        require_room([2 * sum(self.tops), 2 * sum(self.errors), self.before.direct_error])
        self.slopes = np.array(slopes, dtype=np.int64)
        self.down = min(max(-linear.kappa.exponent, 0), LANES - 1)
        self.mu = floors(linear.mu, self.before.neuron_unit, wide=False)[0]

    def remainders(self, neurons: Numbers) -> Numbers:
        """Return rem^ (N, m) of p^ (N, m)."""
        left: Numbers = np.maximum(neurons, 0) - (neurons * self.slopes >> self.down) - self.mu
        return left


class Remainder:
    """Decides inputs by M3.

    Theorem: for any kappa, mu and P (m, a), and R = W - P,

        logits = direct + (mu + kappa pre) W + rem P + rem R,    rem = relu(pre) - mu - kappa pre,

    and the last term moves a difference of two logits by at most sum_n |rem_n| range(R_n), whose
    range is over the answers. In units of 2^-fl, fl = fx + fp, with P^ = floor(2^fp P),
    spread_n = max_j P^_nj - min_j P^_nj and rho_n = ceil(2^fp range(R_n)), the lead of the label
    over a rival is that of direct^ + rem^ P^ up to

        direct error + sum_n r_n (spread_n + 1) + sum_n |rem^_n| + 2 + sum_n (|rem^_n| + r_n) rho_n.

    Proof: For two columns, sum_n (2^fx rem_n - rem^_n) 2^fp (P_nj - P_nl) is at most
    sum_n r_n (spread_n + 1), since floors move a difference by less than a unit; so
    sum_n rem^_n times what the two floors take is at most sum_n |rem^_n|. Where direct columns have
    finer units, the shift to 2^-fl is a floor of each of two. []

    The proof multiplies by U and then by V, and it is no matter here: P is U V exactly.
    """

    def __init__(self, part: LinearPart, low_rank: DyadicMatrix) -> None:
        self.part, before = part, part.before
        rest = part.weights - low_rank
        ranges = _ranges(rest)
        bits = self._bits(low_rank, ranges)
        bits = min(bits, before.direct_unit - before.neuron_unit)
        self.unit = before.neuron_unit + bits
        self.shift = min(before.direct_unit - self.unit, LANES - 1)
        matrix = floors(low_rank, bits, wide=False)
        self.rho = np.array([ceil(x * Fraction(2) ** bits) for x in ranges], dtype=np.int64)
        self.product = product(matrix, sum(part.tops))
        spreads = (matrix.max(axis=1) - matrix.min(axis=1)).tolist()
        off = sum(r * (spread + 1) for r, spread in zip(part.errors, spreads, strict=True))
        off += sum(r * rho for r, rho in zip(part.errors, self.rho.tolist(), strict=True))
        self.error = off + -(-before.direct_error >> self.shift) + 3
        slack = sum(top * rho for top, rho in zip(part.tops, self.rho.tolist(), strict=True))
        require_room([self.error + sum(part.tops), slack])

    def settle(self, tokens: Tokens, own: Columns, margin: Fraction) -> Settled:
        """Decide inputs (N, k) whose labels are these columns (N,); a tie is wrong."""
        return self.leads(tokens, own).settled(margin * self.part.before.denominator, 4 * MOST)

    def leads(self, tokens: Tokens, own: Columns) -> Ends:
        """Return bounds of the leads of inputs that have a rival."""
        sums = self.part.before.of(tokens)
        rem = self.part.remainders(sums.neurons)
        logits = (sums.direct >> self.shift) + self.product(rem)
        sizes = np.abs(rem)
        error = self.error + sizes.sum(axis=1) + sizes @ self.rho
        lead = over_rivals(logits, own, -4 * MOST)
        return Ends(lead - error, lead + error, self.unit, sums.proved)

    def _bits(self, low_rank: DyadicMatrix, ranges: list[Fraction]) -> int:
        """Return fp, the finest unit that leaves room for every sum."""
        unit = Fraction(2) ** low_rank.exponent
        entries = [[abs(int(x)) for x in row] for row in low_rank.mantissa.tolist()]
        columns = [
            sum(top * x for top, x in zip(self.part.tops, column, strict=True)) * unit
            for column in zip(*entries, strict=True)
        ]
        weighted = [
            (top + error) * x
            for top, error, x in zip(self.part.tops, self.part.errors, ranges, strict=True)
        ]
        return ROOM - largest_size(size(max(columns)), size(sum(weighted, Fraction(0))))


def _scaled_rows(matrix: DyadicMatrix, row: DyadicMatrix) -> DyadicMatrix:
    """Return the matrix (m, a) whose rows are times the entries of a row (1, m)."""
    factors = [int(x) for x in row.mantissa.entries()]
    entries = [
        factor * x for factor, each in zip(factors, matrix.tolist(), strict=True) for x in each
    ]
    return DyadicMatrix(flint.fmpz_mat(*matrix.shape, entries), matrix.exponent + row.exponent)


def _fractions(row: DyadicMatrix) -> list[Fraction]:
    unit = Fraction(2) ** row.exponent
    return [int(x) * unit for x in row.mantissa.entries()]


def _ranges(matrix: DyadicMatrix) -> list[Fraction]:
    """Return by how much the entries of each row differ at most."""
    unit = Fraction(2) ** matrix.exponent
    return [(max(row) - min(row)) * unit for row in matrix.tolist()]
