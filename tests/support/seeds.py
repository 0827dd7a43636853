"""Valid certificates of every family for tiny models, as strong as their strategy gives."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any, NamedTuple

from files.verdict import Theorem
from support.certify import certificate, encoded
from support.ladders import LADDERS, plausible_ladder, wild_ladder
from support.network_seeds import NetworkTruth, network_fields, network_truths
from support.toy import Recipe, ToyModel, random_toys
from support.truth import Truth, ask
from support.witnesses import SUBCUBIC, plausible, wild

Fields = dict[str, Any]
UNLIMITED = 10**9
SINGLE = ("brute-force", "exact", "cubic")
ENUMERATE = "enumerate"
SEMANTICS = ("real", "float32")
MARGINS = ("0", "0", "1/8", "3", "1/1048576")
BIASES = frozenset({"b_U", "b_Q"})
RECIPES = (
    Recipe("trained", 5, 3, 4, 2, frozenset({"b_U"}), seed=18),
    Recipe("trained", 4, 3, 3, 2, BIASES, seed=3),
    Recipe("trained", 3, 4, 2, 3, seed=5),
    Recipe("one hot", 4, 3, 4, 3, seed=2),
    Recipe("one hot", 3, 3, 3, 3, seed=7),
    Recipe("near ties", 4, 2, 3, 3, frozenset({"b_O"}), seed=4),
    Recipe("duplicated", 4, 3, 2, 2, seed=9),
    Recipe("dyadic", 3, 3, 2, 2, BIASES, seed=1),
    Recipe("sharp", 4, 3, 3, 2, seed=6),
    Recipe("absorbing", 4, 3, 3, 2, seed=8),
    Recipe("extreme", 3, 3, 2, 2, BIASES, "float64", seed=2),
    Recipe("gaussian", 4, 2, 3, 2, frozenset({"b_V", "b_K"}), "float16", seed=10),
    Recipe("zeros", 3, 2, 2, 2, seed=0),
    Recipe("trained", 6, 1, 3, 2, seed=11),
    Recipe("trained", 2, 5, 2, 2, seed=12),
    Recipe("one hot", 1, 3, 2, 2, seed=13),
)


class Seed(NamedTuple):
    """A certificate, and the truth about the model that it is for; a network is no toy."""

    truth: Truth | NetworkTruth
    model: ToyModel | None
    fields: Fields


@cache
def small_models(count: int = 0) -> list[ToyModel]:
    """Return the fixed tiny models and `count` random ones."""
    fixed = [recipe.build() for recipe in RECIPES]
    return [*fixed, *random_toys(606, count, max_vocab=5, max_ctx=3, max_width=4)]


@cache
def truths(count: int = 0) -> list[Truth | NetworkTruth]:
    """Return what is true of the small models, and after them of the networks."""
    return [*map(Truth, small_models(count)), *network_truths()]


def witness_of(rng: Random, strategy: str, model: ToyModel) -> Fields:
    """Return a witness of the strategy: one that proves much, or any."""
    if strategy in SINGLE:
        return {}
    if strategy == ENUMERATE:
        return {"passes": rng.randint(1, 3)}
    likely = rng.random() < 0.7
    if strategy in LADDERS:
        return (plausible_ladder if likely else wild_ladder)(rng, strategy, model)
    return (plausible if likely else wild)(rng, strategy, model)


def any_strategy(rng: Random) -> str:
    """Return a strategy, every family alike."""
    ours = [*SINGLE, ENUMERATE, rng.choice(LADDERS)]
    return rng.choice([*ours, rng.choice(SUBCUBIC), rng.choice(SUBCUBIC)])


def strongest(truth: Truth, model: ToyModel, rng: Random, strategy: str, semantics: str) -> Fields:
    """Return a certificate of what the strategy establishes, with twice the budget it takes."""
    margin, precision = rng.choice(MARGINS), rng.choice([32, 64, 64, 100])
    precision = 64 if strategy == ENUMERATE else precision
    options = {"witness": witness_of(rng, strategy, model), "margin": margin}
    fields = certificate(model, strategy, precision=precision, operations=UNLIMITED, **options)
    fields["claim"]["semantics"] = semantics
    for _ in range(2):  # The upper end of a float32 claim is looked at only if it claims something.
        answer = ask(truth.weights, encoded(fields), UNLIMITED)
        if isinstance(answer, Theorem):
            break
        for end in ("correct_at_least", "correct_at_most"):
            fields["claim"][end] = answer.established.get(end, fields["claim"][end])
    fields["proof"]["operations"] = str(2 * int(answer.fields().get("tally", 50_000)))
    return fields


@cache
def seed_for(index: int, strategy: str, semantics: str, variant: int, models: int = 0) -> Seed:
    """Return a valid certificate; the same arguments give the same one."""
    toys = small_models(models)
    if index >= len(toys):
        found, fields = network_fields(index - len(toys), variant)
        return Seed(found, None, fields)
    truth, model = truths(models)[index], toys[index]
    rng = Random(f"{index} {strategy} {semantics} {variant}")
    return Seed(truth, model, strongest(truth, model, rng, strategy, semantics))


def seeds(rng: Random, count: int) -> list[tuple[int, Seed]]:
    """Return seeds of every model in turn, with its index, and of every family."""
    found = []
    for number in range(count):
        index, semantics = number % len(truths()), rng.choice(SEMANTICS)
        found.append((index, seed_for(index, any_strategy(rng), semantics, number)))
    return found
