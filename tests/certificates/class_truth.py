"""Which classes the subcubic kernel counts, and what is true of every sequence in them."""

from collections import Counter
from fractions import Fraction
from functools import lru_cache
from math import inf
from typing import NamedTuple

import pytest
from support.certify import certificate, encoded, verdict
from support.oracle import oracle_of

from strategies import subcubic


class Class(NamedTuple):
    """All sequences with c tokens other than the maximum, each at least `gap` below it."""

    query: int
    maximum: int
    c: int
    gap: float


def class_of(sequence):
    """Return the class of the largest gap that a sequence lies in."""
    top = max(sequence)
    others = [top - token for token in sequence if token != top]
    return Class(sequence[-1], top, len(others), min(others, default=inf))


class Truth:
    """Which sequences of a model are right, by the oracle, and what that says of classes."""

    def __init__(self, model, margin):
        oracle = oracle_of(model)
        answers = {x: oracle.is_correct(x, margin) for x in oracle.sequences()}
        self.total, self.right = len(answers), sum(answers.values())
        self.sizes = Counter(map(class_of, answers))
        self.wrong = {class_of(x) for x, correct in answers.items() if not correct}

    def all_right(self, found):
        """Say whether every sequence of a class is right."""
        return not any(x[:3] == found[:3] and x.gap >= found.gap for x in self.wrong)

    def size(self, found):
        """Return how many sequences a class holds."""
        return sum(n for x, n in self.sizes.items() if x[:3] == found[:3] and x.gap >= found.gap)


@lru_cache(maxsize=256)
def truth_of(model, margin=Fraction(0)):
    return Truth(model, margin)


class Found(NamedTuple):
    """What the kernel answered, and every class that it counted on the way."""

    refusal: tuple[int, str | None]
    at_least: int
    classes: list[Class]


class QueryScores(subcubic.QueryScores):
    """The checker's, but its attention ends say of which query they are."""

    def attention_ends(self, *arguments):
        return self.query, super().attention_ends(*arguments)


def counted(model, name, witness, margin=Fraction(0), precision=64):
    """Run the checker on a claim that all is right, and take down the classes that it counts."""
    classes = []

    class Curves(subcubic._Curves):
        def bound(self, m, gap, c, ends, difference):
            query, ends = ends
            bound = super().bound(m, gap, c, ends, difference)
            if bound and bound[0] < 0:
                classes.append(Class(query, m, c, gap))
            return bound

    def logits(*arguments):
        result = bounded_logits(*arguments)
        alone = [m for m, gap in enumerate(result.alone) if gap + result.eps < 0]
        classes.extend(Class(m, m, 0, inf) for m in alone)
        return result

    bounded_logits = subcubic.bounded_logits
    options = {"margin": str(margin), "precision": precision, "witness": witness}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subcubic, "QueryScores", QueryScores)
        patch.setattr(subcubic, "_Curves", Curves)
        patch.setattr(subcubic, "bounded_logits", logits)
        found = verdict(model.bytes(), encoded(certificate(model, name, **options)))
    total = model.d_vocab**model.n_ctx
    at_least = total if found.theorem else found.established.get("correct_at_least", 0)
    return Found(found.refusal, at_least, classes)


def require_true_classes(model, name, witness, margin=Fraction(0), precision=64):
    """Hold the promise for one witness: what is counted is right, and counted once; return it."""
    found, truth = counted(model, name, witness, margin, precision), truth_of(model, margin)
    assert found.refusal in {(0, None), (1, "count"), (2, "limit")}, found
    if found.refusal[1] == "limit":
        assert found.at_least == 0
        return found
    recipe = model.recipe, margin, precision, witness
    assert len({x[:3] for x in found.classes}) == len(found.classes)
    for each in found.classes:
        assert truth.all_right(each), (name, each, recipe)
    if model.d_vocab > 1:
        assert found.at_least == sum(map(truth.size, found.classes)), (name, recipe)
    assert found.at_least <= truth.right
    assert (found.refusal == (0, None)) == (found.at_least == truth.total)
    return found
