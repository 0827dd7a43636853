"""The arena, built once for all tests that read its files."""

import arena_corpus
import pytest
from scorecard import read_cases


@pytest.fixture(scope="session")
def corpus():
    """Return the files and the manifest's lines as they are built."""
    return arena_corpus.build()


@pytest.fixture(scope="session")
def arena(corpus, tmp_path_factory):
    """Return the folder of the arena as others get it."""
    folder = tmp_path_factory.mktemp("arena")
    arena_corpus.write(arena_corpus.whole(corpus), folder)
    return folder


@pytest.fixture(scope="session")
def cases(arena):
    """Return the cases of each category."""
    return {name: read_cases(arena, [name]) for name in arena_corpus.CATEGORIES}
