"""Every input by a linear part of its ReLU, a product of low rank, and a bound of the rest (M3).

Theorem. Let W be the weight of the only layer, U V any matrix of rank r, R = W - U V, and kappa and
mu any rows. The outputs are [direct + bias + (mu + kappa pre) R] + (ReLU(pre) U) V + rem R, where
rem = ReLU(pre) - mu - kappa pre. So the lead of a label over any other output is within

    sum_n |rem_n| range_n,    range_n = max_j R[n, j] - min_j R[n, j] over the answers,

of its lead in the first two terms. Proof. `counting.linear_part`; and rem R moves a difference of
two outputs by sum_n rem_n (R[n, i] - R[n, j]).

The first two terms are a program of two layers, U after a ReLU and V after none, and are evaluated
as such (M2, `counting.fixed_point`), whose lanes have room for any program. The rest needs none:
rem is formed in integers, from kappa as it is, mu floored to a unit of its own, and an activation
that is off by at most `off_neurons`, which moves rem by at most max(|kappa|, |1 - kappa|) times as
much; ranges are rounded up. What the floors of pre in the look-ups change, at most their sum times
the weights of each of two outputs, is a constant.

An input is right if the lead exceeds the margin by more than these errors, wrong if it misses it by
as much, else it counts as wrong for the lower end and as right for the upper one.
"""

from collections.abc import Sequence
from typing import NamedTuple

from arithmetic.matrices import Matrix, add, product
from arithmetic.tally import Tally
from counting.fixed_point import FixedPoint, Outputs, ceil, floors, rectified
from counting.inputs import counted, decided, lead_of, margin_at
from counting.linear_part import folded
from files.claims import Claim, Counts
from files.compact_witness import matrix, neurons_of, require_one_layer
from files.witness import demand
from parts.program import Layer, Program

MAX_RANK = 256


class Witness(NamedTuple):
    """kappa and mu (one row of the neurons), u (neurons, rank), v (rank, answers); any numbers."""

    kappa: Matrix
    mu: Matrix
    u: Matrix
    v: Matrix


def read(claim: Claim) -> Witness:
    """Return the claim's witness, or refuse it."""
    neurons = neurons_of(claim)
    w = claim.witness
    demand(w.keys() == {"kappa", "mu", "u", "v"}, "the keys are kappa, mu, u and v.")
    kappa, mu = (matrix(w[key], 1, neurons) for key in ("kappa", "mu"))
    v = matrix(w["v"], None, len(claim.task.answers))
    rank = len(v.rows)
    demand(rank <= MAX_RANK, f"the rank is above {MAX_RANK}.")
    return Witness(kappa, mu, matrix(w["u"], neurons if rank else 0, rank), v)


def count_right(program: Program, witness: Witness, claim: Claim, tally: Tally) -> Counts:
    """Return how many inputs are right, at least and at most."""
    require_one_layer(len(program.layers), claim)
    if len(claim.task.answers) == 1:
        return counted(claim, lambda places, column: None)
    bounds = Remainder(program, witness, claim.precision, tally)
    least = margin_at(claim, program.scale, bounds.fixed.unit)
    tally.charge(bounds.cost() * claim.task.sequences)

    def decide(places: Sequence[int], column: int) -> bool | None:
        found = bounds.evaluate(places)
        if found is None:
            return None
        lead = lead_of(found.values, column)
        return decided(lead - found.error, lead + found.error, least)

    return counted(claim, decide)


class Remainder:
    """The bound of a program with one layer."""

    def __init__(self, program: Program, witness: Witness, bits: int, tally: Tally) -> None:
        weight = program.layers[0].weight
        kappa, mu, u, v = witness
        residual, layers = weight, []
        if v.rows:
            residual = add(weight, _negative(product(u, v, tally)), tally)
            zeros = (Matrix([[0] * len(x.rows[0])], 0) for x in (u, v))
            layers = [Layer(u, next(zeros)), Layer(v, next(zeros), False)]
        made, off = folded(program, residual, kappa, mu, bits // 2, tally)
        self.fixed = FixedPoint(made._replace(layers=layers), bits, tally)
        tally.charge(4 * len(weight.rows) * len(weight.rows[0]))
        heaviest = max(sum(map(abs, column)) for column in zip(*weight.rows, strict=True))
        unit = self.fixed.unit + program.exponent + weight.exponent
        self.floored = ceil(2 * off * heaviest, unit)
        self._remainder(residual, kappa, mu, program.scale)

    def _remainder(self, residual: Matrix, kappa: Matrix, mu: Matrix, scale: int) -> None:
        """Make what |rem_n| range_n is formed with, n by n: slopes, centres, and a constant."""
        fixed, places = self.fixed, max(-kappa.exponent, 0)
        exact = [max(row) - min(row) for row in residual.rows]
        fine = fixed.width // 4 - max(exact).bit_length() - residual.exponent
        ranges = [ceil(x, fine + residual.exponent) for x in exact]
        one, off = 1 << places, fixed.off_neurons
        factors = [x << max(kappa.exponent, 0) for x in kappa.rows[0]]
        unit = fixed.near_unit + places
        centres = floors([x * scale for x in mu.rows[0]], unit + mu.exponent)
        both = list(zip(ranges, factors, strict=True))
        self.up, self.down = [g * (one - k) for g, k in both], [-g * k for g, k in both]
        self.centres = [g * x for g, x in zip(ranges, centres, strict=True)]
        # The centre's floor is off by less than 1.
        self.slack = sum(g * (1 + off * max(abs(k), abs(one - k))) for g, k in both)
        self.shift = fixed.unit - unit - fine

    def cost(self) -> int:
        """Return what an input counts: by the shape of the program, the width and long numbers."""
        numbers = (*self.up, *self.down, *self.centres)
        bits = max(map(int.bit_length, numbers))
        return self.fixed.cost() + 5 * len(self.up) * (1 + bits // 256)

    def evaluate(self, places: Sequence[int]) -> Outputs | None:
        """Return the first two terms of an input, and how far the lead may be from theirs."""
        found = self.fixed.columns(places)
        if found is None:
            return None
        halves = self.fixed.near.upper_halves(found[0])
        terms = zip(halves, self.up, self.down, self.centres, strict=True)
        total = sum([abs((up if x > 0 else down) * x - centre) for x, up, down, centre in terms])
        values, error = self.fixed.outputs(rectified(halves), found[1])
        return Outputs(values, error + self.floored + ceil(total + self.slack, self.shift))


def _negative(a: Matrix) -> Matrix:
    return Matrix([[-x for x in row] for row in a.rows], a.exponent)
