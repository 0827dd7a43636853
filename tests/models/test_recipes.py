"""There is a recipe for every sum and product of two tokens, and for no other task."""

from dataclasses import replace

import pytest

from ballproof.models.errors import ModelError
from ballproof.models.recipes import recipe_of
from ballproof.models.tasks import task_named


@pytest.mark.parametrize(
    ("name", "sizes", "total"),
    [
        ("add-mod-113", (114, 3, 128, 4, 32, 512, 113), 113**2),
        ("add-mod-59[coefficients=1,-1]", (60, 3, 128, 4, 32, 512, 59), 59**2),
        ("product-in-s4", (24, 2, 64, 64, 24), 24**2),
        ("product-in-s5[side=y(x);order=sympy]", (120, 2, 128, 128, 120), 120**2),
        ("product-in-d59", (118, 2, 128, 128, 118), 118**2),
    ],
)
def test_the_sizes_are_those_that_the_task_needs(name, sizes, total):
    shape = recipe_of(name).shape
    assert tuple(shape.fields().values()) == sizes
    assert task_named(name, shape).total == total


@pytest.mark.parametrize("name", ["max-of-4", "sum-mod-10-of-4", "product-in-s5-of-3", "add-mod-0"])
def test_other_tasks_have_none(name):
    assert recipe_of(name) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [("add-mod-7[side=x]", "side=x"), ("product-in-s7", "S7"), ("add-mod-7[reads=0]", "reads")],
)
def test_a_name_that_is_no_task_is_refused(name, words):
    with pytest.raises(ModelError, match=words):
        recipe_of(name)


def test_the_words_tell_recipes_apart():
    recipe = recipe_of("add-mod-113")
    others = [{"steps": 9}, {"batch": 0}, {"fraction": 0.5}, {"weight_decay": 0.1}, {"warm_up": 0}]
    told = {recipe.words(0), recipe.words(1)} | {replace(recipe, **o).words(0) for o in others}
    assert len(told) == len(others) + 2
