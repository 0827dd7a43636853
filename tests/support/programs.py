"""Random programs of look-ups, heads and layers, and their leads by definition."""

import mpmath
import numpy as np

from ballproof.interval.dyadic import DyadicMatrix
from ballproof.verifier.counting.mixing import IntegerMixing
from ballproof.verifier.counting.program import DomainHead, DomainProgram
from support.literal_models import value

BITS = 600


def dyadic(rows, exponent=0):
    return DyadicMatrix.from_ints([[int(x) for x in row] for row in rows], exponent)


def random_program(rng, heads, neurons, positions=2, tokens=3, answers=3, hidden=0):
    """A program with entries of 40 bits and one size for each table, from 2^-20 to 2^20."""

    def table(rows, columns):
        return dyadic(rng.integers(-(2**39), 2**39, (rows, columns)), int(rng.integers(-60, -20)))

    width = neurons + answers
    layers = [(table(neurons, neurons), table(1, neurons)) for _ in range(hidden)]
    layers += [(table(neurons, answers), table(1, answers))] if neurons else []
    made = [
        DomainHead(
            tuple(table(tokens, width) for _ in range(positions)),
            dyadic(rng.integers(-(2**20), 2**20, (tokens, tokens)), -17),
            dyadic(rng.integers(-(2**20), 2**20, (tokens, positions)), -17),
            int(rng.integers(1, 6)),
        )
        for _ in range(heads)
    ]
    lookups = tuple(table(tokens, width) for _ in range(positions))
    domain = (range(tokens),) * positions
    return DomainProgram(domain, lookups, tuple(made), neurons, answers, tuple(layers), 1)


def shares(head, sequence):
    """The attention weights of a head by their definition."""
    content, position = value(head.score)[sequence[-1]], value(head.positional_score)[sequence[-1]]
    scores = [content[token] + position[i] for i, token in enumerate(sequence)]
    top, root = max(scores), mpmath.sqrt(head.d_head)
    gaps = [score - top for score in scores]
    powers = [mpmath.exp(mpmath.mpf(x.numerator) / x.denominator / root) for x in gaps]
    total = mpmath.fsum(powers)
    return [power / total for power in powers]


def literal_lead(program, sequence, own):
    """The lead before the strongest rival, by the definition of a program."""
    pairs = zip(program.lookups, sequence, strict=True)
    columns = sum(mp(value(table)[t]) for table, t in pairs if table is not None)
    for head in program.heads:
        # Positions may share a table.
        tables = {id(table): value(table) for table in head.values}
        for share, table, token in zip(shares(head, sequence), head.values, sequence, strict=True):
            columns = columns + share * mp(tables[id(table)][token])
    x, logits = columns[: program.neurons], columns[program.neurons :]
    for matrix, bias in program.layers:
        x = np.maximum(x, 0) @ mp(value(matrix)) + mp(value(bias)[0])
    logits = logits + x if program.layers else logits
    return logits[own] - max(logit for j, logit in enumerate(logits) if j != own)


mp = np.vectorize(lambda x: mpmath.mpf(x.numerator) / x.denominator, otypes=[object])


class Lowest:
    """Weights as low as the theorem allows: two units below the truth, where that is a unit."""

    def __init__(self, mixing):
        self.mixing = mixing

    def weights(self, tokens):
        weights, proved = IntegerMixing.weights(self.mixing, tokens)
        return weights - 2, proved


class Narrow:
    """The same weights as int64."""

    def __init__(self, mixing):
        self.mixing = mixing

    def weights(self, tokens):
        weights, proved = self.mixing.weights(tokens)
        return weights.astype(np.int64), proved
