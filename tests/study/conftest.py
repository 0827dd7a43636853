"""Small models and small sweeps."""

import pytest
from support.toy import Recipe

from verifier.strategies import strategies_matching

# Right on some inputs and wrong on others; one has no rival, one no free position.
RECIPES = (
    Recipe("trained", v=6, k=3, d=4, h=2, seed=1),
    Recipe("one hot", v=4, k=2, d=4, h=4, seed=2),
    Recipe("gaussian", v=5, k=3, d=3, h=2, biases=frozenset({"b_V", "b_U"}), seed=3),
    Recipe("trained", v=1, k=3, d=2, h=2, seed=4),
    Recipe("trained", v=7, k=1, d=4, h=2, seed=5),
)
STRATEGIES = [strategy.name for strategy in strategies_matching("subcubic/*/drop-average/svd")]


@pytest.fixture(scope="session")
def toy_paths(tmp_path_factory):
    """Return the weights files of five toys."""
    folder = tmp_path_factory.mktemp("toys")
    return [
        recipe.build().write(folder / f"toy-{number}.safetensors")
        for number, recipe in enumerate(RECIPES)
    ]
