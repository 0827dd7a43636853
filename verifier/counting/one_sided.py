"""M5: neurons vote against outputs, and of the votes for a label's lead any may be left out."""

from __future__ import annotations

from fractions import Fraction

import flint
import numpy as np

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.verifier.counting.fixed_point import LANES, Ends, Mask, Settled
from ballproof.verifier.counting.layers import FREE, largest_size, size
from ballproof.verifier.counting.mixing import Numbers, Tokens
from ballproof.verifier.counting.one_pass import (
    MOST,
    Before,
    Columns,
    require_room,
    with_bias,
)
from ballproof.verifier.counting.products import floors, product
from ballproof.verifier.counting.program import DomainProgram

ROOM = LANES - FREE - 1


class Votes:
    """What neurons say against outputs, in integers: made once for every share.

    `low` and `high` (m, a) are floors and ceilings of 2^fg g_n(j).
    """

    def __init__(self, program: DomainProgram) -> None:
        weights, bias = program.layers[-1]
        self.before = before = Before(with_bias(program, bias))
        gaps = _gaps(weights)
        tops = [max(end, 0) + before.neuron_error for end in before.most]
        bits = min(_bits(gaps, tops), before.direct_unit - before.neuron_unit)
        self.unit = before.neuron_unit + bits
        self.shift = min(before.direct_unit - self.unit, LANES - 1)
        self.error = -(-before.direct_error >> self.shift) + 1
        self.low = floors(gaps, bits, wide=False)
        self.high = -floors(-gaps, bits, wide=False)
        columns = zip(*self.high.tolist(), strict=True)
        sums = [sum(top * x for top, x in zip(tops, column, strict=True)) for column in columns]
        require_room([*sums, 2 * sum(tops), self.error])
        self.strongest = self.high.max(axis=1).astype(np.float64)
        self.least, self.most = (product(part, sum(tops)) for part in (self.low, self.high))

    def used(self, active: Numbers, share: Fraction) -> Mask:
        """Return which neurons of each input are in S (N, m), as doubles tell: any set serves."""
        strength = active * self.strongest
        enough = strength >= float(share) * strength.max(axis=1, keepdims=True)
        found: Mask = (active > 0) & enough
        return found


class OneSided:
    """Decides inputs by M5.

    Theorem: let g_n(j) = max_i W_ni - W_nj >= 0. With activations act_n = relu(pre_n) >= 0 the lead
    of a label l over j is the direct columns' plus sum_n act_n g_n(j) - sum_n act_n g_n(l), and for
    every set S of neurons, whatever chooses it,

        lead >= direct lead + sum_S act_n g_n(j) - sum_all act_n g_n(l)
        lead <= direct lead + sum_all act_n g_n(j) - sum_S act_n g_n(l).

    Proof: subtracting W_nj from the largest of a row changes no difference but in its sign, and
    what is left out is >= 0. []

    Here 2^fx act_n is at least max(act^_n - r, 0) and at most act^_n + r, 2^fg g_n(j) at least its
    floor and at most its ceiling, and of each sum of products the end that serves is taken. S holds
    the active neurons for which act_n max_j g_n(j) is at least `share` of the input's largest.
    """

    def __init__(self, votes: Votes, share: Fraction) -> None:
        self.votes, self.share = votes, share

    def settle(self, tokens: Tokens, own: Columns, margin: Fraction) -> Settled:
        """Decide inputs (N, k) whose labels are these columns (N,); a tie is wrong.

        None is shown wrong where neurons are left out.
        """
        return self.leads(tokens, own).settled(margin * self.votes.before.denominator, 4 * MOST)

    def leads(self, tokens: Tokens, own: Columns) -> Ends:
        """Return bounds of the leads of inputs that have a rival."""
        votes, before = self.votes, self.votes.before
        sums = before.of(tokens)
        active = np.maximum(sums.neurons, 0)
        low = np.maximum(active - before.neuron_error, 0) * votes.used(active, self.share)
        high = active + before.neuron_error
        direct = sums.direct >> votes.shift
        least = _leads(direct, votes.least(low), (high * votes.high.T[own]).sum(axis=1), own)
        most = np.full_like(least, 8 * MOST - 1)
        if not self.share:
            most = _leads(direct, votes.most(high), (low * votes.low.T[own]).sum(axis=1), own)
            most += votes.error
        return Ends(least - votes.error, most, votes.unit, sums.proved)


def _leads(direct: Numbers, votes: Numbers, own_votes: Numbers, own: Columns) -> Numbers:
    """Return direct_l - direct_j + votes_j - own votes of the rival j for which it is least."""
    each = np.arange(len(own))
    rivals = votes - direct
    rivals[each, own] = 4 * MOST
    least: Numbers = rivals.min(axis=1) + direct[each, own] - own_votes
    return least


def _gaps(weights: DyadicMatrix) -> DyadicMatrix:
    """Return by how much each entry is below the largest of its row."""
    entries = [max(row) - x for row in weights.tolist() for x in row]
    return DyadicMatrix(flint.fmpz_mat(*weights.shape, entries), weights.exponent)


def _bits(gaps: DyadicMatrix, tops: list[int]) -> int:
    """Return fg, the finest unit that leaves room for every sum."""
    unit = Fraction(2) ** gaps.exponent
    columns = [
        sum(top * x for top, x in zip(tops, column, strict=True)) * unit
        for column in zip(*gaps.tolist(), strict=True)
    ]
    return ROOM - largest_size(size(max(columns)))
