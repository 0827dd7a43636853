"""T12 against programs that try to leave it: flushed underflow, awkward orders, absorbed terms."""

from fractions import Fraction
from itertools import cycle, product
from random import Random

import numpy as np
import pytest
from flint import arb, fmpq
from support.certify import checker_eps
from support.float32_traps import flushed_embedding, scaled_query, stream_from_the_left
from support.oracle import gaps
from support.toy import ToyModel

from files.verdict import Declined

F = np.float32
LEAST = F(2.0**-126)


class Program:
    """The program of T12 for one order of sums; with `flush` what is subnormal is 0.

    `scale` says where 1/sqrt(h) goes: to the query, to the keys, to both, or to the product;
    `stream` how the residual stream is added: as one sum, from the left, or the head's part first.
    """

    def __init__(
        self, model: ToyModel, order: str, stream: str, scale: str, *, flush: bool
    ) -> None:
        self.model, self.order, self.stream = model, order, stream
        self.scale, self.flush = scale, flush

    def kept(self, x: F) -> F:
        return F(0) if self.flush and abs(x) < LEAST else F(x)

    def total(self, terms: list[F]) -> F:
        terms = terms[::-1] if self.order == "backwards" else list(terms)
        if self.order == "pairs":
            while len(terms) > 1:
                ends = [self.kept(a + b) for a, b in zip(terms[::2], terms[1::2], strict=False)]
                terms = ends + terms[2 * len(ends) :]
        for term in terms[1:]:
            terms[0] = self.kept(terms[0] + term)
        return terms[0]

    def times(self, x: list[F], matrix: np.ndarray, *more: np.ndarray) -> list[F]:
        """Return x W with more terms in the same sum."""
        return [
            self.total([*(self.kept(a * b) for a, b in zip(x, column, strict=True)), *beside])
            for column, *beside in zip(matrix.T, *more, strict=True)
        ]

    def part(self, short: str, *shape: int) -> np.ndarray:
        found = self.model.get(short)
        return np.zeros(shape, F) if found is None else found.reshape(shape)

    def logits(self, sequence: tuple[int, ...]) -> list[F]:
        v, k = self.model.d_vocab, self.model.n_ctx
        d, h = self.model.d_model, self.model.d_head
        part, root = self.part, np.sqrt(F(h))
        places = part("W_pos", k, d)
        embedded = [part("W_E", v, d)[t] for t in sequence]
        pairs = zip(embedded, places, strict=True)
        x = [[self.kept(a + b) for a, b in zip(*rows, strict=True)] for rows in pairs]
        query = self.times(x[-1], part("W_Q", d, h), part("b_Q", h))
        keys = [self.times(row, part("W_K", d, h), part("b_K", h)) for row in x]
        values = [self.times(row, part("W_V", d, h), part("b_V", h)) for row in x]
        if self.scale == "query":
            query = [self.kept(a / root) for a in query]
        elif self.scale == "keys":
            keys = [[self.kept(a / root) for a in row] for row in keys]
        elif self.scale == "both":
            half = np.sqrt(root)
            query = [self.kept(a / half) for a in query]
            keys = [[self.kept(a / half) for a in row] for row in keys]
        scores = [self.times(query, np.array(row)[:, None])[0] for row in keys]
        if self.scale == "product":
            scores = [self.kept(s / root) for s in scores]
        powers = [self.kept(np.exp(self.kept(s - max(scores)))) for s in scores]
        whole = self.total(powers)
        attention = [self.kept(p / whole) for p in powers]
        mixed = self.times(attention, np.array(values))
        out, bias = part("W_O", h, d), part("b_O", d)
        if self.stream == "one sum":
            stream = self.times(mixed, out, np.array(x[-1]), bias)
        elif self.stream == "left":
            stream = [
                self.kept(self.kept(a + b) + c)
                for a, b, c in zip(self.times(mixed, out), x[-1], bias, strict=True)
            ]
        else:
            written = self.times(mixed, out, bias)
            stream = [self.kept(a + b) for a, b in zip(x[-1], written, strict=True)]
        return self.times(stream, part("W_U", d, v), part("b_U", v))


def programs(model):
    scales = cycle(("query", "keys", "both", "product", "product"))
    for order, stream, flush in product(
        ("forwards", "backwards", "pairs"), ("one sum", "left", "head first"), (False, True)
    ):
        yield Program(model, order, stream, next(scales), flush=flush)


def ball(x: Fraction) -> arb:
    return arb(fmpq(x.numerator, x.denominator))


def moved(model, sequences, chosen):
    """Return the largest move of a gap by any of the programs, at least."""
    largest = Fraction(0)
    for sequence in sequences:
        label, real = max(sequence), gaps(model, sequence)
        for program in chosen:
            with np.errstate(all="ignore"):
                logits = [Fraction(float(x)) for x in program.logits(sequence)]
            for j, gap in real.items():
                difference = abs(ball(logits[label] - logits[j]) - gap)
                low = difference.lower().fmpq()
                largest = max(largest, Fraction(int(low.p), int(low.q)))
    return largest


def test_a_flushed_embedding_that_large_weights_amplify_stays_within_eps():
    model = flushed_embedding()
    found = moved(model, [(0,), (1,)], [Program(model, "pairs", "left", "product", flush=True)])
    assert Fraction(1999, 1000) < found <= checker_eps(model)


def test_a_residual_stream_that_is_added_from_the_left_stays_within_eps():
    model = stream_from_the_left()
    found = moved(model, [(0,), (1,)], [Program(model, "forwards", "left", "product", flush=False)])
    # Two roundings of x instead of three would allow 5.97e-7.
    assert Fraction(7, 10**7) < found <= checker_eps(model)


def test_a_scaled_query_that_is_flushed_stays_within_eps():
    model = scaled_query()
    found = moved(
        model, [(0, 1), (1, 0)], [Program(model, "forwards", "left", "query", flush=True)]
    )
    assert 0 < found <= checker_eps(model)


def test_a_score_is_subtracted_from_all_others_with_the_error_of_the_largest():
    """A key that cancels has a small score and a large error; the largest score is another's."""
    model = ToyModel.from_short_names(
        W_E=[[2.0**24, -(2.0**24)], [2.0**10, 2.0**10]],
        W_pos=[[0.0, 0.0]] * 2,
        W_Q=[[0.0], [0.0]],
        b_Q=[1.0],
        W_K=[[1.0], [1.0]],
        W_V=[[1.0], [0.0]],
        W_O=[[1.0, 1.0]],
        W_U=[[1.0, -1.0], [0.0, 0.0]],
    )
    assert moved(model, [(0, 1), (1, 0), (1, 1)], programs(model)) <= checker_eps(model)


SIZES = {
    "plain": range(-3, 4),
    "wide": range(-30, 31, 6),
    "underflow": (*range(-126, -118), 0, *range(58, 64)),
    "tiny and huge": (-126, -125, -100, -60, 0, 60, 100, 120),
}


def random_model(seed, name):
    rng = Random(seed)
    v, k, d, h = (rng.randint(1, most) for most in (3, 2, 2, 2))

    def number():
        if rng.random() < 0.3:
            return 0.0
        mantissa = 1 + rng.choice([0, 1, 2, 2**22 - 1, 2**23 - 1, rng.randrange(2**23)]) / 2**23
        return rng.choice([-1, 1]) * mantissa * 2.0 ** rng.choice(SIZES[name])

    def matrix(*shape):
        return np.array([number() for _ in range(int(np.prod(shape)))], F).reshape(shape)

    shapes = {"W_E": (v, d), "W_pos": (k, d), "W_Q": (d, h), "W_K": (d, h), "W_V": (d, h)}
    shapes |= {"W_O": (h, d), "W_U": (d, v), "b_Q": (h,), "b_K": (h,), "b_V": (h,)}
    shapes |= {"b_O": (d,), "b_U": (v,)}
    left_out = {name for name in shapes if name.startswith("b") and rng.random() < 0.5}
    weights = {name: matrix(*shape) for name, shape in shapes.items() if name not in left_out}
    return ToyModel.from_short_names(**weights)


@pytest.mark.parametrize("name", SIZES)
def test_no_program_moves_a_gap_by_more_than_eps(name):
    seen = 0
    for seed in range(60):
        model = random_model(f"{name} {seed}", name)
        try:
            eps = checker_eps(model)
        except Declined:
            continue
        sequences = list(product(range(model.d_vocab), repeat=model.n_ctx))
        found = moved(model, sequences, programs(model))
        assert found <= eps, (name, seed, float(found / eps))
        seen += found > 0
    assert seen > 4
