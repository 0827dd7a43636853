"""What may be bought: offers of (operations, lost sequences), chosen by one price.

With a price for a lost sequence each class, pool and maximum chooses for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from ballproof.verifier.strategies.ladder.pools import Shape

Node = dict[str, Any]
# A certificate holds no threshold farther from 0, in 1/1024 of a logit.
MAX_THRESHOLD = 2**60


@dataclass(frozen=True)
class Offer:
    """One way to treat some queries: what it counts, how many sequences it loses, the witness."""

    operations: int
    lost: int
    node: Node | None

    def price(self, rate: float) -> tuple[float, int]:
        """Return operations plus `rate` for each lost sequence, and what decides among equals."""
        if rate == inf:
            return self.lost, self.operations
        return self.operations + rate * self.lost, self.lost


@dataclass
class PoolMenu:
    """A pool as a filter: its own cost, and the offers of each query that it does not clear.

    `whole` are offers that count the pool's queries alike, without a look at each.
    """

    operations: int
    node: Node
    queries: list[tuple[int, list[Offer]]] = field(default_factory=list)
    whole: list[Offer] = field(default_factory=list)

    def best(self, rate: float) -> Offer:
        """Return the best of counting the pool as a whole and of an offer for each open query."""
        operations, lost, parts = self.operations, 0, []
        for size, offers in self.queries:
            chosen = min([Offer(0, size, None), *offers], key=lambda offer: offer.price(rate))
            operations += chosen.operations
            lost += chosen.lost
            if chosen.node is not None:
                parts.append(chosen.node)
        split = Offer(operations, lost, {**self.node, "parts": parts})
        return min([split, *self.whole], key=lambda offer: offer.price(rate))


@dataclass
class MaximumMenu:
    """A maximum: ways to divide its queries into pools; each pool has a size and some menus."""

    divisions: list[list[tuple[int, list[PoolMenu]]]]

    def best(self, rate: float) -> Offer:
        """Return the best choice for every pool; giving a pool up is one of them."""
        offers = [self._best(pools, rate) for pools in self.divisions]
        return min(offers, key=lambda offer: offer.price(rate))

    def _best(self, pools: list[tuple[int, list[PoolMenu]]], rate: float) -> Offer:
        operations = lost = 0
        nodes = []
        for size, menus in pools:
            choices = [Offer(0, size, None), *(menu.best(rate) for menu in menus)]
            chosen = min(choices, key=lambda offer: offer.price(rate))
            operations += chosen.operations
            lost += chosen.lost
            if chosen.node is not None:
                nodes.append(chosen.node)
        return Offer(operations, lost, {"nodes": nodes})


def empty_node(shape: Shape, m: int) -> Node:
    """Return the node of a pool that clears what it can and counts nothing."""
    pool = {"queries": [shape.first, shape.last], "near": m - shape.far, "apart": int(shape.apart)}
    nothing: Node = {"together": [], "thresholds": [], "parts": [], "groups": []}
    return {**pool, **nothing, "marked": [], "most": 0}


def undominated(offers: Sequence[Offer]) -> list[Offer]:
    """Return the offers that no other beats in both operations and lost sequences."""
    kept: list[Offer] = []
    for offer in sorted(offers, key=lambda offer: (offer.operations, offer.lost)):
        if not kept or offer.lost < kept[-1].lost:
            kept.append(offer)
    return kept


def choose(menus: Sequence[MaximumMenu], rate: float) -> tuple[int, int, dict[str, Any]]:
    """Return (operations, lost sequences, witness) of the best choices at a price."""
    offers = [menu.best(rate) for menu in menus]
    nodes = [offer.node["nodes"] if offer.node else [] for offer in offers]
    first = next((m for m, found in enumerate(nodes) if found), len(nodes))
    operations = sum(offer.operations for offer in offers)
    lost = sum(offer.lost for offer in offers)
    return operations, lost, {"first": first, "maxima": nodes[first:]}
