"""A sample of the inputs that are counted: some of every part, and those nearest to the margin."""

from __future__ import annotations

import numpy as np

from ballproof.verifier.counting.deep.choice import Sample
from ballproof.verifier.counting.deep.ends import Leads
from ballproof.verifier.counting.deep.prefixes import Places, Prefixes
from ballproof.verifier.counting.deep.rounding import Floats

# Inputs of the sample of each kind, and leads whose distances from the margin are kept.
SPREAD, NEAR, DISTANCES = 48, 16, 1 << 18


class Nearest:
    """The inputs (N, n) with the least numbers among those that were taken, so many at most."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.numbers: Floats = np.zeros(0)
        self.inputs: Places | None = None

    def take(self, numbers: Floats, inputs: Places) -> None:
        """Take inputs and their numbers (N,) into account."""
        first = np.argsort(numbers, kind="stable")[: self.most]
        numbers, inputs = numbers[first], inputs[first]
        if self.inputs is not None:
            numbers = np.concatenate([self.numbers, numbers])
            inputs = np.concatenate([self.inputs, inputs])
        order = np.argsort(numbers, kind="stable")[: self.most]
        self.numbers, self.inputs = numbers[order], inputs[order]


class Sampler:
    """Takes blocks of inputs as they are counted; memory does not grow with them."""

    def __init__(self, product: int) -> None:
        self.stride = max(product // DISTANCES, 1)
        self.near = Nearest(NEAR)
        self.spread: list[Places] = []
        self.distances: list[Floats] = []
        self.inputs = self.prefixes = 0

    def take(self, inputs: Places, found: Leads, margin: float) -> None:
        """Take inputs (N, n) in order, with their leads, into account."""
        middle = (found.least + found.most) / 2 - margin
        away = np.where(np.isfinite(middle), np.abs(middle), 0.0)
        self.near.take(away, inputs)
        self.spread.append(inputs[:: max(len(inputs) // SPREAD, 1)][:SPREAD])
        if len(self.spread) > 2 * SPREAD:
            self.spread = [np.concatenate(self.spread)[:: len(self.spread)]]
        self.distances.append(away[:: self.stride])
        self.inputs += len(inputs)
        self.prefixes += Prefixes.among(inputs).count

    def sample(self) -> Sample:
        """Return the sample; it is empty where nothing was taken."""
        if self.near.inputs is None:
            return Sample(np.zeros((0, 0), dtype=np.int64), np.zeros(0), 1.0)
        spread = np.concatenate(self.spread)
        spread = spread[:: max(len(spread) // SPREAD, 1)]
        inputs = np.unique(np.concatenate([spread, self.near.inputs]), axis=0)
        return Sample(inputs, np.concatenate(self.distances), self.prefixes / self.inputs)
