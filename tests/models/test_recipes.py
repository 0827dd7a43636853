"""There are recipes for sums and products, for induction and for brackets, not for other tasks."""

from dataclasses import replace

import pytest

from ballproof.models.deep_recipes import deep_recipe, kind_of
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


@pytest.mark.parametrize("name", ["max-of-4", "sum-mod-10-of-2", "product-in-s5-of-3", "add-mod-0"])
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


@pytest.mark.parametrize(
    ("name", "sizes", "total", "words"),
    [
        ("after-6-of-12", (12, 6, 32, 2, 1, 16, 0, 12), 380_160, "2*(attention(1-head,causal,"),
        ("balanced-12", (2, 12, 32, 2, 2, 16, 64, 2), 4096, "mlp(relu)),readout(sum,2-layers)"),
        (
            "sum-mod-10-of-4",
            (10, 4, 32, 2, 4, 8, 128, 10),
            10_000,
            "norm(layer,1/100000),mlp(gelu)",
        ),
        ("parity-12", (2, 12, 32, 2, 2, 16, 64, 2), 4096, "mlp(relu)),readout(last)"),
        ("sum-mod-2-of-12", (2, 12, 32, 2, 2, 16, 64, 2), 4096, "mlp(relu)),readout(last)"),
    ],
)
def test_deep_recipes_have_sizes_and_parts(name, sizes, total, words):
    recipe = recipe_of(name)
    assert tuple(recipe.shape.fields().values()) == sizes
    assert task_named(name, recipe.shape).total == total and words in recipe.design.words
    options = {
        name: getattr(recipe, name) for name in ("batch", "every", "learning_rate", "prefixes")
    }
    again = deep_recipe(recipe.shape, kind_of(recipe), recipe.steps, **options)
    assert again == recipe


@pytest.mark.parametrize("name", ["balanced-30", "sum-mod-100-of-4", "after-9-of-12"])
def test_inputs_that_are_too_many_to_list_have_no_recipe(name):
    assert recipe_of(name) is None
