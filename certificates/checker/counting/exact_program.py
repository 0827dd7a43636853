"""A program without exponentials, evaluated exactly in integers: ties are decided."""

from collections.abc import Sequence

from arithmetic.tally import Tally
from parts.program import Program


class Exact:
    """The outputs of a program without heads, in units of 2**exponent."""

    def __init__(self, program: Program, tally: Tally) -> None:
        self.program, self.tally = program, tally
        unit = program.exponent
        for layer in program.layers:
            unit = min(unit + layer.weight.exponent, layer.bias.exponent)
        self.exponent = min(unit, program.exponent) if program.beside else unit
        # As many as the products of numbers; long ones count by their length.
        sizes = [len(x.weight.rows) * len(x.bias.rows[0]) for x in program.layers]
        self.cost = 4 * (sum(sizes) + len(self._sums([0] * len(program.positions))))

    def outputs(self, places: Sequence[int]) -> list[int]:
        """Return the outputs of an input, its tokens counted from the first of their position."""
        program = self.program
        sums = self._sums(places)
        bits = max(map(int.bit_length, sums))
        self.tally.charge(self.cost * (1 + bits // 64))
        now, unit = sums[: program.neurons], program.exponent
        beside = sums[program.neurons :]
        for layer in program.layers:
            pairs = zip(now, layer.weight.rows, strict=True)
            active = [(x, row) for x, row in pairs if x > 0 or not layer.rectified]
            now = [0] * len(layer.bias.rows[0])
            for x, row in active:
                now = [total + x * weight for total, weight in zip(now, row, strict=True)]
            low = min(unit + layer.weight.exponent, layer.bias.exponent)
            shifts = unit + layer.weight.exponent - low, layer.bias.exponent - low
            biases = layer.bias.rows[0]
            now = [(x << shifts[0]) + (y << shifts[1]) for x, y in zip(now, biases, strict=True)]
            unit = low
        if not program.beside:
            return now
        shifts = unit - self.exponent, program.exponent - self.exponent
        now = now if program.layers else [0] * len(beside)
        return [(x << shifts[0]) + (y << shifts[1]) for x, y in zip(now, beside, strict=True)]

    def _sums(self, places: Sequence[int]) -> list[int]:
        """Return the sums of the look-ups, by column."""
        rows = [rows[t] for rows, t in zip(self.program.lookups, places, strict=True) if rows]
        return [sum(column) for column in zip(*rows, strict=True)]
