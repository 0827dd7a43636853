"""Every input of layers in sequence evaluated in fixed point, by the tree of prefixes (T16).

An input is right if the lead of its label over the strongest other answer exceeds the margin, so
that ties are wrong. An input that a pass leaves open goes to the next pass; after the last it
counts as wrong for the lower end and as right for the upper one.
"""

from collections.abc import Sequence
from itertools import product
from math import prod

from arithmetic.tally import Tally
from counting.inputs import Decision, decided, lead_of, margin_at
from counting.network import Network
from counting.readers import readers_of
from counting.stages import Precision
from counting.tree import labelled
from counting.walks import Walk, walk_of
from counting.workers import shared
from files.claims import Claim, Counts
from files.verdict import reject_unless
from files.witness import demand, list_of, small
from parts.layers_function import Layers

MOST_PASSES, WIDTHS = 4, (64, 128)
# Bits of an exponent's fraction, by the width of lanes.
FRACTIONS = {64: 22, 128: 55}
MOST_SHIFT, MOST_PIECES = 24, 2**16


def read(claim: Claim) -> tuple[Precision, ...]:
    """Return the precisions of the passes, the first with lanes of the claim's precision."""
    demand(claim.witness.keys() == {"passes"}, "the passes are expected.")
    passes = tuple(map(_precision, list_of(claim.witness["passes"])))
    demand(1 <= len(passes) <= MOST_PASSES, f"there are 1 to {MOST_PASSES} passes.")
    widths = [each.width for each in passes]
    demand(widths == sorted(widths), "the widths of lanes do not fall.")
    first = widths[0] == claim.precision
    demand(first, f"the first pass has lanes of {widths[0]} bits, not {claim.precision}.")
    return passes


def _precision(value: object) -> Precision:
    keys = ("width", "bits", "fine", "readout")
    if not isinstance(value, dict) or value.keys() != set(keys):
        demand(False, f"a pass has the keys {', '.join(keys)}.")
        raise AssertionError
    width, unit, fine, shift = (small(value[key], 0, 128) for key in keys)
    demand(width in WIDTHS, "lanes have 64 or 128 bits.")
    fraction = FRACTIONS[width]
    fits = fraction <= 2 * unit and unit <= 60 and fraction < unit + fine
    demand(fits, f"{unit} and {fine} are too few bits, or too many, for lanes of {width}.")
    if width == 128:
        demand(fine == 64, "lanes of 128 bits have 64 fine ones.")
    else:
        fits = 2 * unit + 4 < 63 and unit + fine <= 62 and fine >= 1
        demand(fits, f"{unit} and {fine} bits are too many for lanes of 64.")
    demand(shift <= min(MOST_SHIFT, unit), f"the readout's shift is above {MOST_SHIFT}.")
    return Precision(width, unit, fine, shift)


def count_right(
    layers: Layers, passes: tuple[Precision, ...], claim: Claim, tally: Tally
) -> Counts:
    """Return how many inputs are right, at least and at most."""
    evaluator = Evaluator(layers, passes, claim, tally)
    if tally.processes == 1:
        right, still_open, total = evaluator.count(())
    else:
        depth, pieces = _pieces(claim.task.positions, 4 * tally.processes)
        evaluator.shared = depth
        right, still_open, total = shared(len(pieces), lambda i: evaluator.count(pieces[i]), tally)
    same = total == claim.total
    reject_unless(same, "statement", f"there are {total} inputs with a label, not {claim.total}.")
    return right, right + still_open


def _pieces(positions: Sequence[range], least: int) -> tuple[int, list[tuple[int, ...]]]:
    """Return how many first tokens there are to tell enough pieces apart, and the pieces."""
    counts = [prod(map(len, positions[:i])) for i in range(len(positions) + 1)]
    depth = next((i for i, count in enumerate(counts) if count >= least), len(positions))
    depth -= counts[depth] > MOST_PIECES
    return depth, list(product(*(range(len(span)) for span in positions[:depth])))


class Evaluator:
    """Decides inputs, with passes that are made where they are needed.

    `shared` is the number of first tokens that inputs of other processes may have in common.
    """

    def __init__(
        self, layers: Layers, passes: tuple[Precision, ...], claim: Claim, tally: Tally
    ) -> None:
        self.layers, self.passes, self.claim, self.tally = layers, passes, claim, tally
        self.readers = readers_of(layers, tally)
        self.answers = claim.task.answers
        self.made: list[tuple[Walk, int, int]] = []
        self.scale, self.shared = layers.scale, 0
        if len(self.answers) > 1:
            self._pass(0)

    def count(self, first: Sequence[int]) -> tuple[int, int, int]:
        """Return how many inputs that begin so are right, are open, and have a label."""
        right = still_open = total = 0
        answers, start = self.answers, self.answers.start
        for places, label in labelled(self.claim.task, self.tally, first, self.shared):
            total += 1
            if label in answers:
                found = self.decide(places, label - start).right if len(answers) > 1 else True
                right += found is True
                still_open += found is None
        return right, still_open, total

    def decide(self, places: Sequence[int], column: int) -> Decision:
        """Return what becomes of an input, with the column of its label, which has rivals.

        Its tokens are counted from the first of their position.
        """
        decision = Decision(None, 0, 0, 0, self.passes[-1].width)
        for number in range(len(self.passes)):
            walk, unit, least = self._pass(number)
            # What is shared with the input before is found, and the lead taken, anew.
            self.tally.charge(len(places) + 2 * len(self.answers))
            outputs = walk.outputs(places)
            if outputs is None:
                continue
            lead, error = lead_of(outputs[0], column), outputs[1]
            right = decided(lead - error, lead + error, least)
            decision = Decision(right, lead, error, unit, self.passes[number].width)
            if right is not None:
                break
        return decision

    def _pass(self, number: int) -> tuple[Walk, int, int]:
        """Return a pass, its unit and the margin in it, rounded down."""
        if number == len(self.made):
            precision, spent = self.passes[number], self.tally.spent
            network = Network(self.layers, self.readers, precision, self.tally)
            if self.shared:
                # Other processes make it as well.
                self.tally.charge_once((number,), self.tally.spent - spent)
                self.tally.spent = spent
            unit = precision.unit - precision.readout + precision.fine
            margin = margin_at(self.claim, self.layers.scale, unit)
            walk = walk_of(network, self.tally)
            self.made.append((walk, unit, margin))
        self.made[number][0].named(number, self.shared)
        return self.made[number]
