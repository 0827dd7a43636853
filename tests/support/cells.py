"""Classes of max over cells of given sizes, as the checker's counts take them."""

from __future__ import annotations

from counting.cells import Cells, cells_of
from tasks.acceptors import Class, accepted
from tasks.maximum import Maximum


def class_of(query: int, maximum: int, places: int) -> Class:
    """Return the class (query, maximum) of max with some free positions."""
    positions, reads = [range(maximum + 1)] * (places + 1), range(places + 1)
    acceptor = accepted(Maximum(), maximum, positions, reads)
    return Class(query, acceptor.starts[query], acceptor)


def cells_of_class(query: int, maximum: int, places: int) -> Cells:
    """Return the class with every token a cell of its own."""
    return cells_of(class_of(query, maximum, places), [])


def cells_of_sizes(sizes: list[int], places: int, *, holds: bool) -> Cells:
    """Return a class whose cells have these sizes, the label alone in the last.

    `holds`: the query is the label. Where no other token is free, there are no other cells.
    """
    maximum, shared, start = sum(sizes) - 1, [], 0
    for size in sizes:
        shared += [range(start, start + size)] if size > 1 else []
        start += size
    inputs = class_of(maximum if holds else 0, maximum, places)
    return cells_of(inputs, shared if places > (0 if holds else 1) else [])
