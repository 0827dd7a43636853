"""What the boxes of all classes share: columns in lanes, and room for the sums of leads (T14, T15).

A lead's unit is that of the columns over 2**scale, for the slopes and the last layer's weights.
"""

from arithmetic.lanes import Lanes
from arithmetic.tally import Tally
from counting.relaxation import SLOPE, Gaps, gaps_of, relaxed, rounded
from counting.summands import Columns, Summands
from files.claims import Claim
from parts.program import Program

# Bits that a threshold or an end may have beyond the columns'.
ROOM = 2


class LeadTables:
    """A program's columns, packed by row: of answers, rounded up, and of neurons, floored.

    `limit` is the largest size of a threshold, and `end` that of an end, in their units.
    """

    def __init__(self, program: Program, claim: Claim, bits: int, tally: Tally) -> None:
        self.tally, self.places = tally, len(program.positions)
        self.summands = Summands(program, claim, bits, tally)
        self.weight = rounded(program.layers[0].weight, tally) if program.layers else None
        self.scale = SLOPE + self.weight.shift if self.weight else 0
        self.end = self.summands.top << ROOM
        self.limit = self.summands.top << self.scale + ROOM
        self.leads, self.neurons = self._lanes(len(claim.task.answers), bits)
        every, lanes = self.summands.every, self.leads
        tally.charge(2 * len(every) * (lanes.count + program.neurons))
        self.rivals = {id(row): lanes.pack(row.rivals) for row in every}
        near = self.neurons
        self.floors = {id(row): near.pack(row.neurons) for row in every} if near else {}
        self.gaps: dict[int, Gaps] = {}

    def _lanes(self, answers: int, bits: int) -> tuple[Lanes, Lanes | None]:
        """Return lanes for the largest sums of weights times entries less thresholds, or ends."""
        top, count = self.summands.top, len(self.summands.tables)
        heaviest = sum(self.weight.largest) << SLOPE if self.weight else 0
        # Of a gap with lines along sigma; of d, which has the margin and the offsets of lines.
        gap = ((2 * top + 1) << self.scale) + heaviest * (top + 1)
        direct = gap + (2 * top << self.scale)
        direct += heaviest * (top + count * self.end + 2 * (1 + count))
        # The last threshold is what the others leave of d.
        level = direct + (count - 1) * self.limit
        # A weight has so many bits; k terms, twice a term, a difference of two sums, a sign.
        spare = bits + self.places.bit_length() + 4
        leads = Lanes(answers, (gap + max(level, self.limit)).bit_length() + spare)
        neurons = self.summands.program.neurons
        near = Lanes(neurons, (top + self.end).bit_length() + spare) if neurons else None
        return leads, near

    def gap(self, row: Columns, label: int, sigmas: list[int]) -> int:
        """Return at least the gaps to a label's column, in lanes: of answers, and along sigma."""
        gap = self.rivals[id(row)] - row.answers[label] * self.leads.ones << self.scale
        if not sigmas:
            return gap
        pairs = zip(row.neurons, sigmas, strict=True)
        return gap + sum([x * sigma for x, sigma in pairs if sigma])

    def lines(
        self, query: int, label: int, low: list[list[int]], high: list[list[int]]
    ) -> tuple[list[int], int]:
        """Return sigma and offset of T15 for a label's column, from the ends of each summand."""
        if self.weight is None:
            return [], 0
        if label not in self.gaps:
            spent = self.tally.spent
            self.gaps[label] = gaps_of(self.weight, label, self.leads, self.tally)
            # Other processes make it as well.
            cost, self.tally.spent = self.tally.spent - spent, spent
            self.tally.charge_once(("gaps", label), cost)
        own, terms = self.summands.direct[query].neurons, 1 + len(low)
        lows = [sum(column) for column in zip(own, *low, strict=True)]
        highs = [sum(column) + terms for column in zip(own, *high, strict=True)]
        return relaxed(self.gaps[label], lows, highs, terms, self.leads, self.tally)
