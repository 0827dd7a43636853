"""M2: one fixed-point program for every input, and one bound of what it is off by."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ballproof.verifier.counting.layers import (
    FREE,
    largest_size,
    layers_of,
    require_headroom,
    size,
)
from ballproof.verifier.counting.look_ups import beside, look_ups
from ballproof.verifier.counting.mixing import FloatMixing, IntegerMixing, Mixing, Numbers, Tokens
from ballproof.verifier.counting.program import DomainHead, DomainProgram

# The lanes of the first pass are int64; wider ones are Python integers.
LANES = 64
Mask = NDArray[np.bool_]


class Settled(NamedTuple):
    """Which inputs (N,) are certainly right, which are certainly wrong; the others are open."""

    right: Mask
    wrong: Mask


class Leads(NamedTuple):
    """Leads (N,) of the label before the strongest rival, and what they may be off by.

    Both are in the pass's unit of logits; `proved` says of which inputs they are known to hold.
    """

    leads: Numbers
    errors: Numbers
    proved: Mask


class Ends(NamedTuple):
    """Bounds (N,) of an input's lead over the strongest rival, in 2^-unit; `proved` of which."""

    least: Numbers
    most: Numbers
    unit: int
    proved: Mask

    def settled(self, margin: Fraction, reach: int) -> Settled:
        """Decide inputs: right exactly if the lead is above the margin of the program's leads.

        No lead is beyond `reach`, so that there one margin is as good as another.
        """
        scaled = margin * Fraction(2) ** self.unit
        threshold = max(min(scaled.numerator // scaled.denominator, reach), -reach)
        right = self.proved & (self.least > threshold).astype(np.bool_)
        return Settled(right, self.proved & (self.most <= threshold).astype(np.bool_))


class FixedPoint:
    """One pass: evaluates inputs in lanes of w = `bits` bits.

    Units: weights of attention are in 2^-K with K = 15 w / 32 (0 without heads), the sums before
    ReLU in 2^-(fa+K), activations in 2^-fx with fx = fa + K - S and S = w / 2, logits in 2^-fl
    with fl = fx + fw; direct tables are in 2^-fd with fd = fl - K. Every integer of a table is a
    floor: A^ = floor(A 2^fa), W^ = floor(W 2^fw), and so on.

    Theorem (M2): let r_pre = 2^K (number of look-ups + number of heads) + 2 sum_h sum_i
    max |A^_h,i|, r_dir the same of the direct columns, and r_act = ceil(r_pre / 2^S) + 1. If every
    weight has alpha^ <= 2^K alpha <= alpha^ + 2, then for each rival

        |lead^ - 2^fl lead| <= E = 2 r_dir + 2 r_act max_j sum_n (|W^_nj| + 1) + sum_n act^_n + 2

    where act^ are the activations of this input. Proof: The floor of a look-up takes less than one
    unit of its own, 2^K of a sum's; those of a head's values no more, since its weights add up to 1
    at most; and a weight that is up to two units low takes at most 2 |A^|. ReLU moves two numbers
    no further apart, whatever their signs; the shift is one floor more. For a column of W,
    2^fl act W - act^ W^ is (2^fx act - act^) 2^fw W, at most r_act (|W^| + 1) for each neuron, and
    act^ (2^fw W - W^), from 0 to act^: in the difference of two columns, from -act^ to act^. The
    floors of two biases differ by less than 1. []

    Between two layers the same holds for one column: it is off by at most r = r_act
    max_j sum_n (|W^_nj| + 1) + sum_n act^_n + 1, and the next r_act is ceil(r / 2^S) + 1.

    Headroom: fa and fw are the largest for which bounds of all sums, made of the largest entries,
    stay below 2^(w-4). What follows from the integers themselves is tested: RangeError if not.
    """

    def __init__(self, program: DomainProgram, bits: int) -> None:
        self.program, self.bits, self.wide = program, bits, bits > LANES
        self.fraction = 15 * bits // 32 if program.heads else 0
        self.shift, self.most = bits // 2, 1 << (bits - 2)
        columns = range(program.neurons), range(program.neurons, program.width)
        unit = bits - FREE - 1 - self.fraction - largest_size(size(program.largest(columns[0])))
        neurons = look_ups(program, columns[0], unit, self.fraction, wide=self.wide)
        self.neuron_unit, self.neuron_ends = unit + self.fraction, neurons.ends()
        self.layers, self.unit = layers_of(program, self.neuron_ends[1], self.neuron_unit, bits)
        unit = self.unit - self.fraction
        direct = look_ups(program, columns[1], unit, self.fraction, wide=self.wide)
        self.neuron_error, self.direct_error = neurons.error(), 2 * direct.error() + 2
        ends = [end for part in (neurons, direct) for ends in part.ends() for end in ends]
        require_headroom([*ends, self.neuron_error, self.direct_error], bits)
        self.tables = beside(neurons, direct)
        self.mixing = [self._mixing(head) for head in program.heads]
        # Where errors do not fit a lane, nothing is decided.
        self.useless = self._largest_error() >= 1 << (bits - FREE)

    def settle(self, tokens: Tokens, own: NDArray[np.int64], margin: Fraction) -> Settled:
        """Decide inputs (N, k) whose labels are these columns (N,).

        Tokens are told by their places in the domain. An input is right exactly if its lead is
        above the margin, times the program's denominator: a tie is wrong.
        """
        leads, errors, proved = self.leads(tokens, own)
        ends = Ends(leads - errors, leads + errors, self.unit, proved)
        return ends.settled(margin * self.program.denominator, self.most)

    def leads(self, tokens: Tokens, own: NDArray[np.int64]) -> Leads:
        """Return the leads of inputs as `settle` takes them; there are two answers or more."""
        m = self.program.neurons
        values, proved = self.sums(tokens)
        logits, errors = values[:, m:], np.full(len(tokens), self.direct_error, values.dtype)
        if self.layers:
            added, off = self._through_layers(values[:, :m])
            logits, errors = logits + added, errors + off
        leads = over_rivals(logits, own, -self.most)
        return Leads(leads, errors, proved & (not self.useless))

    def _through_layers(self, sums: Numbers) -> tuple[Numbers, Numbers]:
        """Return what the layers add to the logits (N, a), and to E (N,), its 2 left out."""
        error: Numbers = np.full(len(sums), self.neuron_error, sums.dtype)
        floored = 0 * error
        for layer in self.layers:
            active = np.maximum(sums >> self.shift, 0)
            error = (-(-(error + floored) >> self.shift) + 1) * layer.column
            floored = active.sum(axis=1) + 1
            sums = layer.product(active) + layer.bias
        return sums, 2 * error + floored - 1

    def _largest_error(self) -> int:
        """Return a bound of every E."""
        error = self.neuron_error
        floored = 0
        for layer in self.layers:
            error = (-(-(error + floored) >> self.shift) + 1) * layer.column
            floored = layer.total + 1
        return self.direct_error + 2 * error + floored

    def sums(self, tokens: Tokens) -> tuple[Numbers, Mask]:
        """Return the sums of look-ups and heads (N, m+a), and which inputs' weights are proved.

        Neurons are in units of 2^-`neuron_unit`, the others of 2^-`unit`.
        """
        kind = np.object_ if self.wide else np.int64
        values: Numbers = np.zeros((len(tokens), self.program.width), dtype=kind)
        proved, added = np.ones(len(tokens), dtype=np.bool_), np.empty_like(values)
        for i, table in enumerate(self.tables.looked_up):
            if table is not None:
                values += table[tokens[:, i]] << self.fraction
        named = tokens + np.array([allowed.start for allowed in self.program.positions])
        for head, mixing in zip(self.tables.heads, self.mixing, strict=True):
            weights, good = mixing.weights(named)
            proved &= good
            for i, table in enumerate(head):
                if table is not None:
                    # In place: new arrays of this size cost as much as the arithmetic.
                    np.take(table, tokens[:, i], axis=0, out=added, mode="clip")
                    added *= weights[:, i, None]
                    values += added
        return values, proved

    def _mixing(self, head: DomainHead) -> Mixing:
        if self.wide:
            return IntegerMixing(head, self.fraction)
        return FloatMixing(head, self.program.positions[-1], self.fraction)


def over_rivals(logits: Numbers, own: NDArray[np.int64], lowest: int) -> Numbers:
    """Return the logits of columns (N,) less the largest of the others of their row (N, a).

    The array is spoilt: `lowest`, below every logit, takes their place.
    """
    each = np.arange(len(own))
    mine = logits[each, own]
    logits[each, own] = lowest
    leads: Numbers = mine - logits.max(axis=1)
    return leads
