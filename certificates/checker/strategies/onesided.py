"""Every input by its strongest neurons, as far as they lower the other outputs (M5).

Theorem. Let relu >= 0 be the activations and G[n, j] = max_i W[n, i] - W[n, j] >= 0, over the
answers. For any set S of neurons, chosen input by input, the lead of a label c over j is at least

    direct_c + bias_c - sum_n relu_n G[n, c] - (direct_j + bias_j - sum_{n in S} relu_n G[n, j]),

and exactly this if S holds every neuron with relu_n > 0. Proof. With -G in place of W all outputs
lose the same sum_n relu_n max_i W[n, i], and dropping terms of the second sum raises the rival.

The lead is that of the activations that are computed, which are not negative, up to the error of M2
in each of two outputs (`counting.fixed_point`). Its lanes have room for every sum of the layer -G,
hence for one of fewer terms, which all have one sign, and of smaller ones. For the computed
activations the bound holds: the label's weights are floored, the rivals' rounded up. Where S is
full it is exact up to one unit for each activation on either side.

S holds the active neurons with relu_n max_j G[n, j] >= share times the largest of these. An input
is right if the bound exceeds the margin. It is known to be wrong only where S is full, at share 0;
else the upper end counts every input whose label is an answer.
"""

from collections.abc import Sequence

from arithmetic.matrices import Matrix
from arithmetic.tally import Tally
from counting.fixed_point import FixedPoint, ceil, floors, mixed, rectified
from counting.inputs import counted, decided, margin_at
from files.claims import Claim, Counts
from files.compact_witness import neurons_of, require_one_layer, share
from files.witness import demand
from parts.program import Layer, Program

Share = tuple[int, int]


def read(claim: Claim) -> Share:
    """Return the share n/d, or refuse the witness."""
    neurons_of(claim)
    demand(claim.witness.keys() == {"share"}, "a share is expected.")
    return share(claim.witness["share"])


def count_right(program: Program, least: Share, claim: Claim, tally: Tally) -> Counts:
    """Return how many inputs are right, at least and at most."""
    require_one_layer(len(program.layers), claim)
    if len(claim.task.answers) == 1:
        return counted(claim, lambda places, column: None)
    bounds = OneSided(program, least, claim.precision, tally)
    margin = margin_at(claim, program.scale, bounds.fixed.unit)
    tally.charge(bounds.cost() * claim.task.sequences)

    def decide(places: Sequence[int], column: int) -> bool | None:
        return decided(*bounds.lead(places, column), margin)

    return counted(claim, decide)


class OneSided:
    """The bound of a program with one layer, at a share n/d."""

    def __init__(self, program: Program, least: Share, bits: int, tally: Tally) -> None:
        (rows, exponent), bias, _ = program.layers[0]
        tally.charge(6 * len(rows) * len(rows[0]) * (bits // 64))
        lowered = [[x - max(row) for x in row] for row in rows]
        layers = [Layer(Matrix(lowered, exponent), bias)]
        self.fixed, self.least = FixedPoint(program._replace(layers=layers), bits, tally), least
        self.tally = tally
        shift = self.fixed.unit - self.fixed.near_unit + exponent
        pack = self.fixed.far.lanes.pack
        self.rivals = [pack([ceil(x, shift) for x in row]) for row in lowered]
        floored = [floors(row, shift) for row in lowered]
        self.labels = [list(column) for column in zip(*floored, strict=True)]
        self.strengths = [-min(row) for row in floored]
        fixed = self.fixed
        self.error = 2 * fixed.off_neurons * fixed.layers[0].heaviest + 2 + 2 * fixed.off_beside

    def cost(self) -> int:
        """Return what an input counts before its neurons are chosen."""
        return (
            self.fixed.cost_of_columns() + 4 * len(self.strengths) * (self.fixed.width // 64) ** 2
        )

    def lead(self, places: Sequence[int], column: int) -> tuple[int | None, int | None]:
        """Return ends of the lead of a column, None for one that is not known."""
        fixed, (n, d) = self.fixed, self.least
        found = fixed.columns(places)
        if found is None:
            return None, None
        activations, beside = rectified(fixed.near.upper_halves(found[0])), found[1]
        forces = [x * strength for x, strength in zip(activations, self.strengths, strict=True)]
        least = -(-n * max(forces) // d)
        chosen = [x if force >= least else 0 for x, force in zip(activations, forces, strict=True)]
        used = len(chosen) - chosen.count(0)
        self.tally.charge(2 * used * fixed.far.count * (fixed.width // 64) ** 2)
        beside += fixed.layers[0].bias
        own = fixed.far.unpack(beside)[column]
        own += sum(x * y for x, y in zip(activations, self.labels[column], strict=True))
        values = fixed.far.unpack(beside + mixed(chosen, self.rivals))
        low = own - max([*values[:column], *values[column + 1 :]])
        high = low + 2 * sum(activations) + self.error if n == 0 else None
        return low - self.error, high
