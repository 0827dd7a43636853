"""Every task against enumeration: exact and brute force count it, from both sides, as it is."""

from fractions import Fraction
from random import Random

import pytest
from support.certify import certificate, encoded, established, verdict
from support.tasks import ToyTask, random_task, with_outputs
from support.toy import Recipe

from tasks import task as tasks
from tasks.rule import of_tokens

FLAVOURS = ("trained", "gaussian", "near ties", "duplicated", "one hot", "absorbing", "sharp")
SIZES = ((4, 3, 3, 2), (3, 4, 2, 2), (5, 2, 3, 1), (4, 1, 2, 2), (2, 3, 2, 1), (1, 2, 1, 1))
MARGINS = (Fraction(0), Fraction(0), Fraction(1, 3))


def asked(seed):
    """Return a toy, with as many outputs as tokens or not, and a task for it."""
    rng = Random(seed)
    v, k, d, h = rng.choice(SIZES)
    model = Recipe(rng.choice(FLAVOURS), v, k, d, h, frozenset({"b_U"}), seed=seed).build()
    if rng.random() < 0.4:
        model = with_outputs(rng, model, rng.randint(1, 6))
    return model, random_task(rng, model), rng.choice(MARGINS)


@pytest.mark.parametrize("strategy", ["exact", "brute-force"])
@pytest.mark.parametrize("seed", range(60))
def test_every_task_is_counted_as_it_is(seed, strategy):
    model, task, margin = asked(seed)
    right = task.count_correct(model, margin)
    found = established(model, strategy, task=task.as_json(), margin=str(margin), precision=33)
    assert found == (right, right)


@pytest.mark.parametrize("strategy", ["exact", "brute-force"])
@pytest.mark.parametrize("seed", range(60, 90))
def test_no_count_beside_the_true_one_is_verified(seed, strategy):
    model, task, margin = asked(seed)
    right = task.count_correct(model, margin)
    options = {"task": task.as_json(), "margin": str(margin)}
    total = len(list(task.inputs()))
    for low, high in ((right, right), (right + 1, total), (0, right - 1)):
        if high >= 0 and low <= total:
            cert = certificate(model, strategy, at_least=low, at_most=high, **options)
            theorem = verdict(model.bytes(), encoded(cert)).theorem
            assert bool(theorem) == (low == high == right)
            assert not theorem or theorem.total == total


def test_inputs_whose_label_is_no_answer_are_wrong_at_both_ends():
    model = Recipe("trained", 4, 3, 3, 2, seed=1).build()
    task = ToyTask("max", 1, ((0, 4),) * 3, (0, 1, 2), (0, 3))
    wrong = sum(task.label(x) == 3 for x in task.inputs())
    for strategy in ("exact", "brute-force"):
        low, high = established(model, strategy, task=task.as_json())
        assert low == high == task.count_correct(model) <= 64 - wrong
    alone = ToyTask("max", 1, ((0, 4),) * 3, (0, 1, 2), (3, 4))
    assert established(model, "exact", task=alone.as_json()) == (wrong, wrong)


@pytest.mark.parametrize("strategy", ["cubic", "subcubic/max-diff-exact/chord/exact"])
def test_what_serves_the_maximum_of_everything_declines_other_tasks(strategy):
    model = Recipe("trained", 4, 3, 3, 2, seed=1).build()
    whole, every = ((0, 4),) * 3, (0, 1, 2)
    for task in (
        ToyTask("min", 1, whole, every, (0, 4)),
        ToyTask("rank", 1, whole, every, (0, 4)),
        ToyTask("argmax", 1, whole, every, (0, 3)),
        ToyTask("max", 1, ((0, 4), (1, 4), (0, 4)), every, (0, 4)),
        ToyTask("max", 1, whole, (0, 2), (0, 4)),
        ToyTask("max", 1, whole, every, (0, 3)),
    ):
        cert = encoded(certificate(model, strategy, task=task.as_json()))
        assert verdict(model.bytes(), cert).refusal == (2, "unsupported")
    wider = with_outputs(Random(0), model, 5)
    task = ToyTask("max", 1, whole, every, (0, 5))
    cert = encoded(certificate(wider, strategy, task=task.as_json()))
    assert verdict(wider.bytes(), cert).refusal == (2, "unsupported")


class Last:
    """A rule of this file: the label is the last token that is read, before the query's."""

    def usual(self, reads, d_vocab, d_vocab_out):
        return of_tokens("last", reads, d_vocab, range(d_vocab_out))

    def label(self, tokens):
        return tokens[-1]

    def labels(self, tokens, reads):
        return tokens

    def kinds(self, label, tokens):
        return [range(token, token + 1) for token in tokens]

    def start(self, label):
        return (0, False)

    def step(self, label, state, index, token):
        return max(state, (index + 1, token == label))

    def accepts(self, label, state):
        return state[1]


def test_a_rule_is_added_by_one_line_of_the_table(monkeypatch):
    monkeypatch.setitem(tasks.RULES, "last", ({}, Last))
    model = Recipe("gaussian", 4, 3, 3, 2, seed=2).build()

    class Asked(ToyTask):
        def label(self, sequence):
            return sequence[max(self.reads)]

    task = Asked("last", 1, ((0, 4), (1, 3), (2, 4)), (0, 1), (0, 4))
    right = task.count_correct(model)
    for strategy in ("exact", "brute-force"):
        assert established(model, strategy, task=task.as_json()) == (right, right)


def test_a_rule_that_loses_inputs_is_found_out(monkeypatch):
    class Dead(Last):
        def accepts(self, label, state):
            return state[1] and label != 1

    monkeypatch.setitem(tasks.RULES, "last", ({}, Dead))
    model = Recipe("gaussian", 4, 3, 3, 2, seed=2).build()
    task = ToyTask("last", 1, ((0, 4),) * 3, (0, 1), (0, 4)).as_json()
    with pytest.raises(ArithmeticError, match="the classes hold 48 of 64 inputs"):
        established(model, "exact", task=task)


def refused(model, path, value):
    """Return the answer to a certificate with another value at this place of the claim."""
    cert = certificate(model, "exact")
    holder = cert["claim"]
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return verdict(model.bytes(), encoded(cert)).refusal


def test_a_task_of_more_inputs_than_can_be_printed_is_refused_like_any_other():
    model = Recipe("trained", 4, 3, 3, 2, seed=1).build()
    huge = [[0, 2**28]] * 2**13
    assert refused(model, ("task", "positions"), huge) == (1, "statement")
    assert refused(model, ("task", "positions"), [[0, 2**28]] * 3) == (1, "statement")


def test_parts_are_compared_as_they_are_written_but_for_the_order_of_keys():
    model = Recipe("trained", 4, 3, 3, 2, seed=1).build()
    cert = certificate(model, "exact", at_least=0)
    parts = [dict(reversed(part.items())) for part in cert["claim"]["model"]["parts"]]
    cert["claim"]["model"]["parts"] = parts
    assert verdict(model.bytes(), encoded(cert)).theorem
    true = [part | ({"heads": True} if "heads" in part else {}) for part in parts]
    assert refused(model, ("model", "parts"), true) == (2, "unsupported")
    for other in ([], parts[:3], [*parts, {"part": "mlp"}], parts[::-1], "embed", None):
        assert refused(model, ("model", "parts"), other) == (2, "unsupported")
