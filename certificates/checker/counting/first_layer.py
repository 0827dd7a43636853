"""The first layer by running sums (S2): what its attention adds up depends on two tokens at a time.

Without a norm before it, and with softmax alone, a head's mixture at position i with token t is

    sum_j w_ij U_j / sum_j w_ij,    w_ij = 2**(score of (i, t) and (j, t_j) - top),

U_j its value through O, and through the maps into the neurons where no norm stands between. Weights
and U are exact numbers, rounded once. For every query (i, t) to come, sum_j w_ij [U_j | 1] over the
positions so far is kept; a query is then one addition, one quotient and one product a head, and
descendants share it.
"""

from itertools import pairwise
from operator import add

from arithmetic.maps import NoRoom, ceil, nearest
from arithmetic.matrices import Matrix, product, transposed
from arithmetic.matrices import add as added
from arithmetic.powers import BITS, root_tables
from arithmetic.tally import Tally
from arithmetic.vectors import Vectors
from parts.layers_function import Affine, Layers

# Lanes of all tables together; bits of a reciprocal in lanes of 64, and of a score.
MOST_LANES, RECIPROCAL, MOST_SCORE = 2**22, 36, 60
PLACES = 20
Sums = list[int]


def lanes_of(layers: Layers) -> int:
    """Return how many lanes all tables have; 0 where the first layer is not of this form."""
    attention, neurons = layers.blocks[0]
    if not layers.causal or layers.share is not None or attention.norm is not None:
        return 0
    columns = len(attention.out.weight.rows[0]) + 1
    columns += len(neurons.into.weight.rows[0]) if neurons and neurons.norm is None else 0
    counts, before, pairs = [len(span) for span in layers.positions], 0, 0
    for count in counts:
        pairs += before * count + count
        before += count
    # Scores are made for all pairs of tokens at positions, in any order.
    most = max(pairs * columns, before**2) * layers.heads
    return pairs * layers.heads * columns if most <= MOST_LANES else 0


class FirstLayer:
    """The first layer at a precision.

    Theorem. Let F be the bits of a vector, U0 + R = F + 64, and sums in units of 2**-U0. Numerator
    and denominator of a query that sees N positions are off by at most N (2**-U0 / 2 + u m 2**-KW)
    and N (2**-U0 / 2 + u 2**-KW), with m the largest |U| and u the units that a weight may be low
    by. So their quotient is off by at most N ((1 + m) 2**-U0 / 2 + 2 u m 2**-KW) / Z^, since
    A^/Z^ - A/Z = (A^ - A - A/Z (Z^ - Z)) / Z^ and |A/Z| <= m; and the reciprocal's floor moves it
    by at most N m 2**-R.
    """

    def __init__(self, layers: Layers, width: int, unit: int, fine: int, tally: Tally) -> None:
        self.layers, self.unit, self.fine, self.wide = layers, unit, fine, width == 128
        self.inverse = (unit + 64) // 2 if self.wide else RECIPROCAL
        self.sum_unit = unit + 64 - self.inverse
        self.bits = 130 if self.wide else 62
        attention, neurons = layers.blocks[0]
        self.neurons = neurons if neurons and neurons.norm is None else None
        self.size = len(attention.out.weight.rows[0])
        lanes = lanes_of(layers)
        tally.charge(4 * lanes)
        queries, keys, values, base = self._rows(tally)
        self.columns = len(base.rows[0])
        bits = max(x.bit_length() for each in values for row in each.rows for x in row)
        tally.charge(lanes // (self.columns + 1) * 32)
        tally.charge_size(lanes, bits)
        self.vectors = Vectors(self.columns + 1, 128, 64)
        self.cut = 128 * self.columns
        self.spans = [len(span) for span in layers.positions]
        self.starts = [0]
        for count in self.spans:
            self.starts.append(self.starts[-1] + count)
        top = max(ceil(max(map(abs, row)), x.exponent + PLACES) for x in values for row in x.rows)
        self._bound(top, max(ceil(max(map(abs, r)), base.exponent + PLACES) for r in base.rows))
        if self.fits:
            scores = [product(x, transposed(y), tally) for x, y in zip(queries, keys, strict=True)]
            self._tables(scores, values, base)

    def _rows(self, tally: Tally) -> tuple[list[Matrix], list[Matrix], list[Matrix], Matrix]:
        """Return queries, keys and U of each head, and what stands beside, by (position, token)."""
        layers, size = self.layers, self.layers.d_head
        attention, _ = layers.blocks[0]
        stream = Matrix([row for rows in layers.stream for row in rows], layers.exponent)
        width = layers.heads * size
        parts = [_columns(attention.into, i * width, (i + 1) * width) for i in range(3)]
        queries, keys, values = (_apply(stream, part, tally) for part in parts)
        cuts = [slice(h * size, (h + 1) * size) for h in range(layers.heads)]
        split = [[_cut(x, cut) for cut in cuts] for x in (queries, keys, values)]
        mixed = [
            product(x, Matrix(attention.out.weight.rows[cut], attention.out.weight.exponent), tally)
            for x, cut in zip(split[2], cuts, strict=True)
        ]
        base = added(stream, attention.out.bias, tally)
        if self.neurons:
            into = self.neurons.into
            mixed = [_beside(x, product(x, into.weight, tally)) for x in mixed]
            base = _beside(base, _apply(base, into, tally))
        return split[0], split[1], mixed, base

    def _bound(self, top: int, beside: int) -> None:
        """Set what a query is off by, from the largest |U| and what stands beside, at 2**-20."""
        fine, places, count = self.unit + self.fine, len(self.spans), -(-self.bits // BITS)
        units = 2 * count + 2
        self.numerators, self.fixed = [], []
        for seen in range(1, places + 1):
            # At 2**-(F+G+20); then the reciprocal's floor, in fine units.
            rounded = ceil(seen * (top + (1 << PLACES)), fine - 1 - self.sum_unit)
            low = ceil(2 * seen * units * top, fine - self.bits)
            self.numerators.append(rounded + low + 1)
            self.fixed.append(ceil(seen * top, fine - self.inverse - PLACES) + 1)
        # No lane overflows: sums, their quotients (Z^ is at least 2**20 of its roundings), the end.
        whole = (2 * top + (1 << PLACES)) * self.layers.heads + beside
        self.fits = ceil(whole, self.unit + 64 - PLACES) < 1 << 126
        self.fits &= places * ceil(top + 1, self.sum_unit - PLACES) < 1 << 126

    def _tables(self, scores: list[Matrix], values: list[Matrix], base: Matrix) -> None:
        heads = range(self.layers.heads)
        shift = base.exponent + self.unit + 64
        pack = self.vectors.pack_long
        self.base = [pack([*(nearest(x, shift) for x in row), 0]) for row in base.rows]
        count = self.starts[-1]
        self.own: list[Sums] = [[] for _ in range(count)]
        # For a token at a position: what it adds to every query of every position that comes.
        self.future: list[Sums] = [[] for _ in range(count)]
        for start, end in pairwise(self.starts):
            for query in range(start, end):
                for head in heads:
                    rows, exponent = scores[head]
                    found = {source: rows[query][source] for source in (*range(start), query)}
                    most = max(map(abs, found.values()))
                    # The scale of scores is off by 2**-200 of itself: less than a unit.
                    self.fits &= most.bit_length() + exponent < MOST_SCORE
                    weights = self._powers(found, exponent)
                    rows, unit = values[head]
                    shift = unit + self.sum_unit - self.bits
                    one = self.sum_unit - self.bits
                    for source, weight in weights.items():
                        lanes = [nearest(weight * x, shift) for x in rows[source]]
                        entry = pack([*lanes, nearest(weight, one)])
                        (self.own if source == query else self.future)[source].append(entry)

    def _powers(self, scores: dict[int, int], exponent: int) -> dict[int, int]:
        """Return 2**(score - top) in units of 2**-KW, low by less than 2 a table and 2 more."""
        count = -(-self.bits // BITS)
        tables, fraction, top = root_tables(self.bits, count), BITS * count, max(scores.values())
        found = {}
        for source, score in scores.items():
            a = top - score
            a = a << exponent + fraction if exponent + fraction >= 0 else a >> -exponent - fraction
            power, low = 1 << self.bits, fraction
            for table in tables:
                low -= BITS
                power = power * table[a >> low & 2047] >> self.bits
            found[source] = power >> (a >> fraction)
        return found

    def start(self) -> Sums:
        """Return the sums before any token: one for each head of each query."""
        return [0] * (self.starts[-1] * self.layers.heads)

    def pushed(self, sums: Sums, place: int, token: int) -> Sums:
        """Return the sums of the queries behind a place, of those at it and behind."""
        skipped = self.spans[place] * self.layers.heads
        return list(map(add, sums[skipped:], self.future[self.starts[place] + token]))

    def query(self, sums: Sums, place: int, token: int) -> tuple[int, int]:
        """Return lanes of the stream and of the neurons' inputs at 2**-(F+64), and their radius."""
        heads, number = self.layers.heads, self.starts[place] + token
        total, cut, one = self.base[number], self.cut, 1 << self.sum_unit + self.inverse
        half, least, off = 1 << cut - 1, place + 1 << PLACES, heads * self.fixed[place] + 2
        numerator, shift = self.numerators[place], self.inverse + PLACES
        start = token * heads
        for entry, own in zip(sums[start : start + heads], self.own[number], strict=True):
            entry += own
            denominator = entry + half >> cut
            if denominator < least:
                raise NoRoom
            inverse = one // denominator
            total += entry * inverse
            off += (numerator * (inverse + 1) >> shift) + 1
        return total, off


def _cut(a: Matrix, cut: slice) -> Matrix:
    return Matrix([row[cut] for row in a.rows], a.exponent)


def _columns(a: Affine, start: int, stop: int) -> Affine:
    """Return some columns of a map, in as large a unit as they have."""
    return Affine(*(_reduced(_cut(x, slice(start, stop))) for x in a))


def _reduced(a: Matrix) -> Matrix:
    """Return the same numbers without common factors of two."""
    every = 0
    for row in a.rows:
        for x in row:
            every |= x
    shift = (every & -every).bit_length() - 1 if every else 0
    return Matrix([[x >> shift for x in row] for row in a.rows], a.exponent + shift)


def _apply(a: Matrix, affine: Affine, tally: Tally) -> Matrix:
    return added(product(a, affine.weight, tally), affine.bias, tally)


def _beside(a: Matrix, b: Matrix) -> Matrix:
    """Return the columns of a, then those of b."""
    exponent = min(a.exponent, b.exponent)
    x, y = ([[v << m.exponent - exponent for v in row] for row in m.rows] for m in (a, b))
    return Matrix([s + t for s, t in zip(x, y, strict=True)], exponent)
