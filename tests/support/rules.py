"""The rules of tasks by their definitions, and their parameters at random."""

from __future__ import annotations

from itertools import pairwise, permutations, product
from math import prod

from hypothesis import strategies as st

GROUPS = {"C3": 3, "D2": 4, "S3": 6, "A3": 3}


def definition(fields, tokens):
    rule, rank = fields["rule"], fields.get("rank")
    if rule in ("max", "min"):
        return max(tokens) if rule == "max" else min(tokens)
    if rule == "rank":
        return sorted(tokens)[-rank]
    if rule == "argmax":
        return sorted(range(len(tokens)), key=lambda place: (-tokens[place], place))[rank - 1]
    if rule == "sum":
        products = [c * t for c, t in zip(fields["coefficients"], tokens, strict=True)]
        return sum(products) % fields["modulus"]
    if rule == "product":
        return of_group(fields, tokens)
    if rule == "after":
        return after(tokens, fields["distinct"])
    if rule == "first-picks":
        return sorted(tokens[1:])[-1 if tokens[0] == fields["picks"][0] else 0]
    if rule == "balanced":
        return fields["labels"][is_balanced(tokens, fields["open"], fields["close"])]
    spans = [fields["positions"][i] for i in fields["reads"]]
    return fields["labels"][list(product(*(range(*x) for x in spans))).index(tuple(tokens))]


def after(tokens, distinct):
    """Return what follows the first place of the last token, if both are before the last."""
    earlier, query = tokens[:-1], tokens[-1]
    if distinct and any(x in earlier[:i] for i, x in enumerate(earlier)):
        return None
    for x, following in pairwise(earlier):
        if x == query:
            return following
    return None


def is_balanced(tokens, opening, closing):
    """Take pairs of brackets out of a word as long as there are some: is nothing left?"""
    word = "".join({opening: "(", closing: ")"}.get(x, "?") for x in tokens)
    while "()" in word:
        word = word.replace("()", "")
    return not word


def of_group(fields, tokens):
    """Compose maps of points, each written out as a tuple of images."""
    letter, n = fields["group"][0], int(fields["group"][1:])
    points = range(n if letter in "SA" else n + n)
    if letter == "C":
        elements = [tuple((i + r) % n for i in points) for r in range(n)]
    elif letter == "D":
        # The map i -> r + (-1)^s i, with s kept apart by a second copy of the points.
        elements = [
            tuple((r + (-i if s else i)) % n + n * ((i // n + s) % 2) for i in points)
            for s in range(2)
            for r in range(n)
        ]
    else:
        elements = list(permutations(points))
        elements = [x for x in elements if letter == "S" or even(x)]
    if fields["order"] != "lexicographic":
        elements = [tuple(x) for x in fields["order"]]
    made = elements[tokens[0]]
    for token in tokens[1:]:
        other = elements[token]
        x, y = (made, other) if fields["side"] == "x(y)" else (other, made)
        made = tuple(x[y[i]] for i in points)
    return elements.index(made)


def even(x):
    return sum(x[i] > x[j] for j in range(len(x)) for i in range(j)) % 2 == 0


@st.composite
def parameters(draw, rule, spans):
    """Return the parameters of a rule on positions that are read, with these tokens."""
    if rule in ("rank", "argmax"):
        return {"rank": draw(st.integers(1, len(spans)))}
    if rule == "sum":
        coefficients = [draw(st.integers(-2, 2)) for _ in spans]
        return {"modulus": draw(st.integers(1, 5)), "coefficients": coefficients}
    if rule == "product":
        last = max(past for _, past in spans)
        group = draw(st.sampled_from([x for x, order in GROUPS.items() if order >= last]))
        listed = (
            list(permutations(range(3))) if group == "S3" else [(0, 1, 2), (1, 2, 0), (2, 0, 1)]
        )
        own = draw(st.permutations([list(x) for x in listed]))
        orders = ["lexicographic", own] if group in ("S3", "A3") else ["lexicographic"]
        sides = st.sampled_from(["x(y)", "y(x)"])
        return {"group": group, "order": draw(st.sampled_from(orders)), "side": draw(sides)}
    if rule == "after":
        return {"distinct": draw(st.booleans())}
    if rule == "first-picks":
        held = range(*spans[0])
        return {"picks": draw(st.permutations([*held, 5, 6][:2]))}
    if rule == "balanced":
        brackets = draw(st.permutations(range(5)))
        labels = draw(st.permutations(range(4)))
        return {"open": brackets[0], "close": brackets[1], "labels": list(labels[:2])}
    if rule == "table":
        entries = prod(past - first for first, past in spans)
        return {"labels": draw(st.lists(st.integers(0, 4), min_size=entries, max_size=entries))}
    return {}


def accepted(class_):
    """Return the inputs of a class of the prover's, by walking its arcs."""
    found = [((), 0)]
    for arcs in class_.arcs:
        found = [
            ((*prefix, token), arc.target)
            for prefix, state in found
            for arc in arcs
            if arc.source == state
            for token in range(arc.first, arc.past)
        ]
    return [(*prefix, class_.query) for prefix, _ in found]
