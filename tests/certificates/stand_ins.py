"""A ladder without a model, and nodes of its witness, for tests of single steps."""

from types import SimpleNamespace

from arithmetic.tally import Tally
from strategies.ladder import Ladder
from strategies.ladder_witness import Node

DIRECT = [[0, 10, 20, 30], [5, 10, 20, 30], [9, 10, 20, 30], [0, 0, 0, 0]]


def node(queries, **fields):
    """Return a node of these queries; fields that are not given are empty."""
    empty = {"near": 0, "apart": True, "together": [], "thresholds": {}, "parts": [], "groups": []}
    return Node(queries, **(empty | {"marked": [], "most": 0} | fields))


class StandIn(Ladder):
    """A ladder that knows its direct path and nothing else of its model, and has lost nothing."""

    def __init__(self, places=2, direct=DIRECT):
        self.tables = SimpleNamespace(direct=direct, one=1024)
        self.tally, self.places = Tally(10**9), places
        self.terrain = SimpleNamespace(gaps={})
        self.certain = self.possible = 0
