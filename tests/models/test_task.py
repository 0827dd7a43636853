"""Classes of max-of-k split all sequences, and their sizes are counted right."""

import itertools
from collections import Counter

import pytest

from ballproof.models.errors import ModelError
from ballproof.models.task import class_size, label, task_name, total_sequences


@pytest.mark.parametrize(("d_vocab", "n_ctx"), [(4, 3), (5, 1), (1, 4), (3, 5)])
def test_class_sizes_equal_enumeration(d_vocab, n_ctx):
    sequences = itertools.product(range(d_vocab), repeat=n_ctx)
    counted = Counter((sequence[-1], label(sequence)) for sequence in sequences)
    sizes = {
        (query, maximum): class_size(query, maximum, n_ctx)
        for query in range(d_vocab)
        for maximum in range(d_vocab)
    }
    assert {key: size for key, size in sizes.items() if size} == counted
    assert sum(sizes.values()) == total_sequences(d_vocab, n_ctx)


def test_the_task_is_named_by_its_length():
    assert task_name(4) == "max-of-4"


def test_sequences_are_counted_in_two_thousand_digits_and_not_in_more():
    assert len(str(total_sequences(63, 1000))) == 1800
    assert total_sequences(63, 1000) == 63**1000
    with pytest.raises(ModelError, match=r"63\^1001 sequences are too many"):
        total_sequences(63, 1001)
