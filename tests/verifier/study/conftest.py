"""Small models for sweeps."""

import pytest
from sweeps import RECIPES


@pytest.fixture(scope="session")
def toy_paths(tmp_path_factory):
    """Return the weights files of five toys."""
    folder = tmp_path_factory.mktemp("toys")
    return [
        recipe.build().write(folder / f"toy-{number}.safetensors")
        for number, recipe in enumerate(RECIPES)
    ]
