"""The strategies, one file each, and the list of all."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache

from ballproof.verifier.counting.problem import Problem
from ballproof.verifier.strategies.base import Group, InAuto, Strategy
from ballproof.verifier.strategies.brute_force import BruteForce
from ballproof.verifier.strategies.compact.cells import CellsKind
from ballproof.verifier.strategies.compact.one_sided import OneSidedKind
from ballproof.verifier.strategies.compact.remainder import RemainderKind
from ballproof.verifier.strategies.compact.strategy import Compact
from ballproof.verifier.strategies.cubic import Cubic
from ballproof.verifier.strategies.enumeration import Enumerate
from ballproof.verifier.strategies.exact import Exact
from ballproof.verifier.strategies.ladder.strategy import LADDERS
from ballproof.verifier.strategies.obstacles import has_needed
from ballproof.verifier.strategies.preference import preference
from ballproof.verifier.strategies.split import Split
from ballproof.verifier.strategies.subcubic.strategy import SUBCUBIC

STRATEGIES: tuple[Strategy, ...] = (
    BruteForce(),
    Cubic(),
    Exact(),
    Enumerate(),
    Compact(RemainderKind()),
    Compact(OneSidedKind()),
    Compact(CellsKind()),
    Split(),
    *LADDERS,
    *SUBCUBIC,
)


class UnknownStrategyError(ValueError):
    """No strategy has this name, or none fits this pattern."""


@cache
def known_strategy(name: str) -> Strategy | None:
    """Return the strategy with this name, if there is one."""
    return next((strategy for strategy in STRATEGIES if strategy.name == name), None)


def of_the_study(name: str) -> bool:
    """Return whether a strategy is one of the study's 102; one that is not known is not."""
    strategy = known_strategy(name)
    return strategy is not None and strategy.of_study


def groups() -> list[Group]:
    """Return the groups as the study orders them, then ours."""
    return sorted({strategy.group for strategy in STRATEGIES}, key=lambda group: group.place)


def leading_strategy() -> Strategy:
    """Return the steerable strategy that `auto` tries first."""
    return next(strategy for strategy in STRATEGIES if strategy.in_auto is InAuto.FIRST)


def steered_strategies() -> list[Strategy]:
    """Return the steerable strategies that `auto` tries: each is a row of lengths and bounds."""
    return [one for one in STRATEGIES if one.steerable and one.in_auto is not InAuto.NEVER]


def settling_strategy(problem: Problem) -> Strategy:
    """Return the strategy that counts every input and that `auto` tries: no proof shows more.

    Where several serve the model, it is the shortest, or the one that is preferred for several
    heads or an MLP; where none does, the last.
    """
    preferred = preference(problem)
    if preferred is not None and preferred.strategy != "split":
        return strategy_named(preferred.strategy)
    settling = [
        one
        for one in STRATEGIES
        if one.two_sided and not one.steerable and one.in_auto is not InAuto.NEVER
    ]
    return next((one for one in settling if has_needed(one, problem)), settling[-1])


def strategies_matching(pattern: str) -> list[Strategy]:
    """Return the strategies that a name, a glob pattern, `all` or `study` stands for."""
    if pattern == "study":
        return [strategy for strategy in STRATEGIES if strategy.of_study]
    glob = "*" if pattern == "all" else pattern
    found = [strategy for strategy in STRATEGIES if fnmatchcase(strategy.name, glob)]
    if found:
        return found
    close = get_close_matches(pattern, [strategy.name for strategy in STRATEGIES], n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "`ballproof strategies` lists them."
    raise UnknownStrategyError(f"{pattern!r} is no strategy; {hint}")


def is_pattern(name: str) -> bool:
    """Return whether a name may stand for several strategies."""
    return name in ("all", "study") or any(character in name for character in "*?[")


def strategy_named(name: str) -> Strategy:
    """Return the strategy with this name."""
    return strategies_matching(name)[0]
