"""The operators: every small way to spoil a statement of the kernel, from its syntax tree.

Left alone are annotations, docstrings, imports, the words of messages, and `strict=True`, which
guards against a bug of the kernel's own and decides nothing.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

Nodes = Iterator[ast.AST]
COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
ARITHMETIC: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add,),
    ast.FloorDiv: (ast.Mod,),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitXor: (ast.BitOr,),
}
# Names that stand for two ends or two roles: each is put where the other belongs.
PAIRS = (
    ("min", "max"),
    ("any", "all"),
    ("low", "high"),
    ("lows", "highs"),
    ("lower", "upper"),
    ("least", "most"),
    ("last_low", "last_high"),
    ("certain", "possible"),
    ("wins", "may_win"),
    ("correct_at_least", "correct_at_most"),
    ("at_least", "at_most"),
    ("near", "far"),
    ("inside", "outside"),
    ("floor", "ceil"),
    ("query", "maximum"),
    ("q", "m"),
    ("first", "last"),
    ("own", "held"),
    ("score", "positional_score"),
    ("tokens", "positions"),
    ("tokens", "places"),
)
COUNTERPARTS: dict[str, list[str]] = {}
for one, other in PAIRS:
    COUNTERPARTS.setdefault(one, []).append(other)
    COUNTERPARTS.setdefault(other, []).append(one)
MESSENGERS = {"decline_unless", "reject_unless", "demand", "Declined", "Rejected"}


def mutations(node: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
    """Yield (operator, what stands in for the node); None deletes a statement."""
    for operator in OPERATORS:
        for changed in operator(node):
            yield operator.__name__, changed
    if isinstance(
        node, ast.Expr | ast.AugAssign | ast.Raise | ast.Assign | ast.Break | ast.Continue
    ):
        yield "statement_dropped", None


def _with(node: ast.AST, **fields: object) -> ast.AST:
    """Return a copy of the node with other fields."""
    made = copy.copy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def comparison(node: ast.AST) -> Nodes:
    """Another comparison: strict for not strict, the other direction, the opposite."""
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            for other in COMPARISONS[type(op)]:
                ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
                yield _with(node, ops=ops)


def connective(node: ast.AST) -> Nodes:
    """`and` for `or` and the other way round, and each condition left out."""
    if isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())
        for place in range(len(node.values)):
            left = [*node.values[:place], *node.values[place + 1 :]]
            yield left[0] if len(left) == 1 else _with(node, values=left)


def arithmetic(node: ast.AST) -> Nodes:
    """Another operation."""
    if isinstance(node, ast.BinOp | ast.AugAssign):
        for other in ARITHMETIC.get(type(node.op), ()):
            yield _with(node, op=other())


def term(node: ast.AST) -> Nodes:
    """One term or factor left out."""
    if isinstance(node, ast.BinOp):
        yield node.left
        if isinstance(node.op, ast.Sub):
            yield ast.UnaryOp(ast.USub(), node.right)
        elif not isinstance(node.op, ast.LShift | ast.RShift | ast.FloorDiv | ast.Mod | ast.Pow):
            yield node.right
    if isinstance(node, ast.AugAssign):
        yield ast.Assign([node.target], node.value)


def _floored(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.RShift | ast.FloorDiv)


def _negated(node: ast.AST) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


def rounding(node: ast.AST) -> Nodes:
    """The floor of a shift or quotient for its ceiling and the other way round."""
    if isinstance(node, ast.BinOp) and _floored(node):
        if _negated(node.left):
            yield _with(node, left=node.left.operand)
        else:
            inner = _with(node, left=ast.UnaryOp(ast.USub(), node.left))
            yield ast.UnaryOp(ast.USub(), inner)
    if isinstance(node, ast.UnaryOp) and _negated(node) and _floored(node.operand):
        inner = node.operand
        if _negated(inner.left):
            yield _with(inner, left=inner.left.operand)


def number(node: ast.AST) -> Nodes:
    """One more and one less."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)


def truth(node: ast.AST) -> Nodes:
    """True for False and the other way round."""
    if isinstance(node, ast.Constant) and type(node.value) is bool:
        yield ast.Constant(not node.value)


def counterpart(node: ast.AST) -> Nodes:
    """The other end or role: min for max, low for high, the query for the maximum."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for other in COUNTERPARTS.get(node.id, ()):
            yield _with(node, id=other)
    if isinstance(node, ast.Attribute):
        for other in COUNTERPARTS.get(node.attr, ()):
            yield _with(node, attr=other)


def sign(node: ast.AST) -> Nodes:
    """A minus or a `not` left out, and `up` for `not up`."""
    if isinstance(node, ast.UnaryOp):
        yield node.operand
    if isinstance(node, ast.Name) and node.id == "up" and isinstance(node.ctx, ast.Load):
        yield ast.UnaryOp(ast.Not(), node)


def direction(node: ast.AST) -> Nodes:
    """Weighted terms rounded the other way where they are rounded up by default."""
    called = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "weighted"
    if called and len(node.args) == 2 and not node.keywords:
        yield _with(node, keywords=[ast.keyword("up", ast.Constant(False))])


def order(node: ast.AST) -> Nodes:
    """Neighbours swapped: items of a tuple or of a pair, and arguments."""
    if isinstance(node, ast.Tuple) or (isinstance(node, ast.List) and len(node.elts) == 2):
        for elts in _swaps(node.elts):
            yield _with(node, elts=elts)
    called = getattr(node.func, "id", "") if isinstance(node, ast.Call) else "max"
    if called not in MESSENGERS | {"min", "max"}:
        for args in _swaps(node.args):
            yield _with(node, args=args)


def _swaps(items: list[ast.expr]) -> Iterator[list[ast.expr]]:
    for place in range(len(items) - 1):
        yield [*items[:place], items[place + 1], items[place], *items[place + 2 :]]


def bounds(node: ast.AST) -> Nodes:
    """The ends of slices and ranges, one further, or left out."""
    if isinstance(node, ast.Slice):
        for end in ("lower", "upper", "step"):
            value = getattr(node, end)
            if value is not None:
                yield _with(node, **{end: None})
                if end != "step" and not isinstance(value, ast.Constant):
                    yield _with(node, **{end: ast.BinOp(value, ast.Add(), ast.Constant(1))})
                    yield _with(node, **{end: ast.BinOp(value, ast.Sub(), ast.Constant(1))})
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "range":
        for place, value in enumerate(node.args):
            for op in (ast.Add(), ast.Sub()):
                if not isinstance(value, ast.Constant):
                    moved = ast.BinOp(value, op, ast.Constant(1))
                    yield _with(node, args=[*node.args[:place], moved, *node.args[place + 1 :]])


def condition(node: ast.AST) -> Nodes:
    """A condition negated, or taken for granted one way or the other; a filter left out."""
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        yield _with(node, test=_not(node.test))
        if not isinstance(node, ast.While):
            yield _with(node, test=ast.Constant(False))
            yield _with(node, test=ast.Constant(True))
    if isinstance(node, ast.comprehension):
        for place, test in enumerate(node.ifs):
            rest = [*node.ifs[:place], *node.ifs[place + 1 :]]
            yield _with(node, ifs=rest)
            yield _with(node, ifs=[*rest, _not(test)])


def _not(test: ast.expr) -> ast.expr:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    return ast.UnaryOp(ast.Not(), test)


def demanded(node: ast.AST) -> Nodes:
    """A demand that holds of anything."""
    called = isinstance(node, ast.Call) and getattr(node.func, "id", "") in MESSENGERS
    if called and node.args and not isinstance(node.args[0], ast.Constant):
        yield _with(node, args=[ast.Constant(True), *node.args[1:]])


def sorting(node: ast.AST) -> Nodes:
    """A list sorted the other way round, or not at all."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "sorted":
        others = [keyword for keyword in node.keywords if keyword.arg != "reverse"]
        if len(others) == len(node.keywords):
            yield _with(node, keywords=[*others, ast.keyword("reverse", ast.Constant(True))])
        yield ast.Call(ast.Name("list", ast.Load()), node.args, [])


def result(node: ast.AST) -> Nodes:
    """Another result: one more, one less, an enclosure tightened by a unit, the opposite."""
    if not isinstance(node, ast.Return) or node.value is None:
        return
    value, unit = node.value, ast.Constant(1)
    if isinstance(value, ast.Tuple) and len(value.elts) in (2, 3):
        low, high, *rest = value.elts
        raised, lowered = ast.BinOp(low, ast.Add(), unit), ast.BinOp(high, ast.Sub(), unit)
        yield _with(node, value=_with(value, elts=[raised, high, *rest]))
        yield _with(node, value=_with(value, elts=[low, lowered, *rest]))
    elif isinstance(
        value, ast.BinOp | ast.Call | ast.Name | ast.Subscript | ast.IfExp | ast.UnaryOp
    ):
        yield _with(node, value=ast.BinOp(value, ast.Add(), unit))
        yield _with(node, value=ast.BinOp(value, ast.Sub(), unit))
    elif isinstance(value, ast.Compare | ast.BoolOp):
        yield _with(node, value=_not(value))


OPERATORS = (
    *(comparison, connective, arithmetic, term, rounding, number, truth, counterpart, sign),
    *(direction, order, bounds, condition, demanded, sorting, result),
)
