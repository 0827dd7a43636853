"""The witness of a ladder: a tree of pools for each maximum, read and checked before any use."""

from typing import Any, NamedTuple

from files.witness import demand, list_of, small
from parts.transformer import Shape

MAX_RATE = 2**20
MAX_LANES = 2**14
MAX_MARKED = 4
WALKS = ("walk", "both")
RULES = {
    "ladder": (*WALKS, "moment", "grid", "below"),
    "moment": ("moment", "below"),
    "grid": ("grid", "below"),
}


class Group(NamedTuple):
    """Rivals that one rule counts together; walks have no rate."""

    rule: str
    rivals: list[int]
    rate: int


class Node(NamedTuple):
    """A pool of queries, how its tables are made, and what happens to the rivals it leaves.

    `together` are ranges of rivals that are tried as one. `thresholds` maps rivals to bounds of
    D[q,j] - D[q,m] in 1/1024. Then the `groups` count what is left, or smaller pools, the `parts`.
    """

    queries: range
    near: int
    apart: bool
    together: list[range]
    thresholds: dict[int, int]
    parts: list["Node"]
    groups: list[Group]
    marked: list[int]
    most: int


def read_ladder(fields: dict[str, Any], strategy: str, shape: Shape) -> list[list[Node]]:
    """Return the pools of each maximum from `first` to the last, or refuse them.

    The strategy is `ladder`, `moment` or `grid`. Classes with a maximum below `first` are given up.
    """
    v, rules = shape.d_vocab, RULES[strategy]
    first, values = _object(fields, ("first", "maxima"))
    start = small(first, 0, v)
    maxima = zip(range(start, v), list_of(values, v - start), strict=True)
    return [_nodes(value, m, range(m + 1), v, rules) for m, value in maxima]


def _object(value: Any, keys: tuple[str, ...]) -> list[Any]:
    """Return the values of an object with exactly these keys, in this order."""
    good = isinstance(value, dict) and value.keys() == set(keys)
    demand(good, f"an object with the keys {', '.join(keys)} is expected.")
    return [value[key] for key in keys]


def _nodes(value: Any, m: int, within: range, v: int, rules: tuple[str, ...]) -> list[Node]:
    """Return nodes whose queries lie one after the other in `within`."""
    nodes = []
    for item in list_of(value):
        nodes.append(_node(item, m, within, v, rules))
        within = range(nodes[-1].queries.stop, within.stop)
    return nodes


def _node(value: Any, m: int, within: range, v: int, rules: tuple[str, ...]) -> Node:
    span, near, apart, together, stars, parts, groups, marked, most = _object(value, Node._fields)
    pool = _range(span, within)
    demand(pool[-1] < m or len(pool) == 1, "a pool that holds the maximum holds no other query.")
    pairs = [list_of(pair, 2) for pair in list_of(stars)]
    rivals = _ascending([rival for rival, _ in pairs], v)
    bounds = {j: small(pair[1], -(2**60), 2**60) for j, pair in zip(rivals, pairs, strict=True)}
    cells, tokens = small(near, 0, m), _ascending(marked, m)
    good = len(tokens) <= MAX_MARKED and all(t >= m - cells for t in tokens)
    demand(good, f"at most {MAX_MARKED} tokens are marked, each in a cell of its own.")
    own_rows, kept = bool(small(apart, 0, 1)), small(most, 0, 2)
    tried = [_range(item, range(v)) for item in list_of(together)]
    inner = _nodes(parts, m, pool, v, rules)
    counted = [_group(item, v, rules) for item in list_of(groups)]
    demand(len(counted) <= 4 * v + 16, "a pool has too many groups.")
    return Node(pool, cells, own_rows, tried, bounds, inner, counted, tokens, kept)


def _group(value: Any, v: int, rules: tuple[str, ...]) -> Group:
    rule = value.get("rule") if isinstance(value, dict) else None
    demand(rule in rules, f"a group has as its rule one of {', '.join(rules)}.")
    _, rivals, *rate = _object(value, Group._fields[: 2 if rule in WALKS else 3])
    most = MAX_RATE if rule == "moment" else MAX_LANES
    return Group(str(rule), _ascending(rivals, v), small(rate[0], 1, most) if rate else 0)


def _range(value: Any, within: range) -> range:
    """Return first..last of [first, last], which lies in `within`."""
    first, last = list_of(value, 2)
    start = small(first, within.start, within.stop - 1)
    return range(start, small(last, start, within.stop - 1) + 1)


def _ascending(value: Any, limit: int) -> list[int]:
    """Return strictly increasing tokens below `limit`."""
    tokens = [small(item, 0, limit - 1) for item in list_of(value)]
    demand(tokens == sorted(set(tokens)), "tokens are listed in ascending order, each once.")
    return tokens
