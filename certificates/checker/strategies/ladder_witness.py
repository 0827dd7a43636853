"""The witness of a ladder: a tree of pools for each label, read and checked before any use."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from files.witness import demand, list_of, small

T = TypeVar("T")
MAX_RATE = 2**20
MAX_LANES = 2**14
MAX_RARE, MAX_AXES, MAX_ATOMS = 4, 16, 2**12
BRANCHES, MERGED = ("branch", "branch-two-sided"), ("merged", "merged-lower")
RULES = {
    "ladder": (*BRANCHES, "moment", "grid", "grid-lower", *MERGED),
    "moment": ("moment", "grid-lower"),
    "grid": ("grid", "grid-lower"),
}


class Group(NamedTuple):
    """Rivals that one rule counts together.

    `rate` is that of moments and grids. Of merged walks, `atoms` and `cells` are the most that are
    kept apart, and `axes` the rivals whose sums decide what is merged.
    """

    rule: str
    rivals: list[int]
    rate: int = 0
    atoms: int = 0
    cells: int = 0
    axes: tuple[int, ...] = ()


class Node(NamedTuple):
    """A pool of queries, how its tables are made, and what happens to the rivals it leaves.

    `cells` are ranges of several tokens that share entries. `joint_rivals` are ranges of rivals
    that are tried as one. `thresholds` maps rivals to bounds of D[q,j] - D[q,m] in 1/1024. Then the
    `groups` count what is left, or smaller pools, the `subpools`.
    """

    queries: range
    cells: list[range]
    per_position: bool
    joint_rivals: list[range]
    thresholds: dict[int, int]
    subpools: list["Node"]
    groups: list[Group]
    rare_tokens: list[int]
    at_most: int


class Domain(NamedTuple):
    """What the fields of a node range over: the tokens, the answers, and the strategy's rules."""

    tokens: range
    answers: range
    rules: tuple[str, ...]


def read_ladder(fields: dict[str, Any], labels: range, domain: Domain) -> dict[int, list[Node]]:
    """Return the pools of each label that is listed, or refuse them; other labels are given up."""
    (values,) = _object(fields, ("labels",))
    return _by_key(values, labels, lambda nodes: _nodes(nodes, domain.tokens, domain))


def rules_of(nodes: list[Node]) -> set[str]:
    """Return the rules that pools and their subpools count by."""
    below = {rule for node in nodes for rule in rules_of(node.subpools)}
    return below | {group.rule for node in nodes for group in node.groups}


def _object(value: Any, keys: tuple[str, ...]) -> list[Any]:
    """Return the values of an object with exactly these keys, in this order."""
    good = isinstance(value, dict) and value.keys() == set(keys)
    demand(good, f"an object with the keys {', '.join(keys)} is expected.")
    return [value[key] for key in keys]


def _nodes(value: Any, within: range, domain: Domain) -> list[Node]:
    """Return nodes whose queries lie one after the other in `within`."""
    nodes = []
    for item in list_of(value):
        nodes.append(_node(item, within, domain))
        within = range(nodes[-1].queries.stop, within.stop)
    return nodes


def _node(value: Any, within: range, domain: Domain) -> Node:
    queries, cells, apart, joint, bounds, pools, groups, rare, most = _object(value, Node._fields)
    span, shared = _range(queries, within), _cells(cells, domain.tokens)
    tokens = _ascending(rare, domain.tokens)
    alone = not any(token in cell for token in tokens for cell in shared)
    sentence = f"at most {MAX_RARE} tokens are rare, each in a cell of its own."
    demand(len(tokens) <= MAX_RARE and alone, sentence)
    counted = [_group(item, domain) for item in list_of(groups)]
    demand(len(counted) <= 4 * len(domain.answers) + 16, "a pool has too many groups.")
    tried = [_range(item, domain.answers) for item in list_of(joint)]
    thresholds = _by_key(bounds, domain.answers, lambda bound: small(bound, -(2**60), 2**60))
    made = span, shared, bool(small(apart, 0, 1)), tried, thresholds
    return Node(*made, _nodes(pools, span, domain), counted, tokens, small(most, 0, 2))


def _cells(value: Any, tokens: range) -> list[range]:
    """Return ascending ranges of two tokens or more with none in common."""
    cells: list[range] = []
    for item in list_of(value):
        cells.append(_range(item, tokens))
        tokens = range(cells[-1].stop, tokens.stop)
    demand(all(len(cell) > 1 for cell in cells), "a cell that is listed holds several tokens.")
    return cells


def _group(value: Any, domain: Domain) -> Group:
    rule = value.get("rule") if isinstance(value, dict) else None
    demand(rule in domain.rules, f"a group has as its rule one of {', '.join(domain.rules)}.")
    if rule in MERGED:
        return _merged(value, domain)
    _, rivals, *rate = _object(value, Group._fields[: 2 if rule in BRANCHES else 3])
    most = MAX_RATE if rule == "moment" else MAX_LANES
    bound = small(rate[0], 1, most) if rate else 0
    return Group(str(rule), _ascending(rivals, domain.answers), bound)


def _merged(value: Any, domain: Domain) -> Group:
    rule, listed, most, apart, axes = _object(value, ("rule", "rivals", "atoms", "cells", "axes"))
    rivals, chosen = _ascending(listed, domain.answers), _ascending(axes, domain.answers)
    fits = 1 <= len(chosen) <= MAX_AXES and set(chosen) <= set(rivals)
    demand(fits, f"the axes of a group are 1 to {MAX_AXES} of its rivals.")
    atoms, cells = small(most, 1, MAX_ATOMS), small(apart, 1, MAX_ATOMS)
    return Group(str(rule), rivals, 0, atoms, cells, tuple(chosen))


def _range(value: Any, within: range) -> range:
    """Return first..last of [first, last], which lies in `within`."""
    first, last = list_of(value, 2)
    start = small(first, within.start, within.stop - 1)
    return range(start, small(last, start, within.stop - 1) + 1)


def _ascending(value: Any, within: range) -> list[int]:
    """Return strictly increasing integers of a range."""
    found = [small(item, within.start, within.stop - 1) for item in list_of(value)]
    demand(found == sorted(set(found)), "a list ascends, each item once.")
    return found


def _by_key(value: Any, keys: range, read: Callable[[Any], T]) -> dict[int, T]:
    """Return what is read of the values of pairs [key, value] with ascending keys."""
    pairs = [list_of(pair, 2) for pair in list_of(value)]
    found = _ascending([key for key, _ in pairs], keys)
    return {key: read(item) for key, (_, item) in zip(found, pairs, strict=True)}
