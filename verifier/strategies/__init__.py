"""The strategies, one file each, and the list of all."""

from __future__ import annotations

from verifier.strategies.base import Strategy
from verifier.strategies.brute_force import BruteForce
from verifier.strategies.cubic import Cubic
from verifier.strategies.exact import Exact

STRATEGIES: tuple[Strategy, ...] = (BruteForce(), Cubic(), Exact())


class UnknownStrategyError(ValueError):
    """No strategy has this name."""


def strategy_named(name: str) -> Strategy:
    """Return the strategy with this name."""
    for strategy in STRATEGIES:
        if strategy.name == name:
            return strategy
    names = ", ".join(strategy.name for strategy in STRATEGIES)
    raise UnknownStrategyError(f"{name!r} is no strategy; there are {names}.")
