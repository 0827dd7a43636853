"""Parameters of the rules of tasks outside of their domain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from arena_case import LIMIT, SYNTAX, UNSUPPORTED, Case, Fields
from network_cases import ELEMENTS, refused
from network_models import added, multiplied, network, stated, table


def domains() -> Iterator[Case]:
    """Parameters of rules outside their domain."""
    clock, cosets = network("clock"), network("cosets")
    summed, product = added(clock, 3, 1, 1), multiplied(cosets, "S3")
    listed = table(network("pair-sum"))
    even = [ELEMENTS[0], *ELEMENTS[4:]]
    for name, model, task, answer in (
        ("modulus.zero", "clock", summed | {"modulus": 0}, LIMIT),
        ("modulus.large", "clock", summed | {"modulus": 2**20 + 1}, LIMIT),
        ("modulus.text", "clock", summed | {"modulus": "3"}, SYNTAX),
        ("coefficients.few", "clock", summed | {"coefficients": [1]}, SYNTAX),
        ("coefficients.many", "clock", summed | {"coefficients": [1, 1, 1]}, SYNTAX),
        ("coefficients.large", "clock", summed | {"coefficients": [1, 2**20]}, LIMIT),
        ("coefficients.low", "clock", summed | {"coefficients": [1, -(2**20)]}, LIMIT),
        ("coefficients.true", "clock", summed | {"coefficients": [1, True]}, SYNTAX),
        ("coefficients.object", "clock", summed | {"coefficients": {}}, SYNTAX),
        ("group.s7", "cosets", product | {"group": "S7"}, UNSUPPORTED),
        ("group.a7", "cosets", product | {"group": "A7"}, UNSUPPORTED),
        ("group.c4097", "cosets", product | {"group": "C4097"}, UNSUPPORTED),
        ("group.d2049", "cosets", product | {"group": "D2049"}, UNSUPPORTED),
        ("group.small", "cosets", product | {"group": "A3"}, UNSUPPORTED),
        ("group.case", "cosets", product | {"group": "s3"}, UNSUPPORTED),
        ("group.zero", "cosets", product | {"group": "C0"}, UNSUPPORTED),
        ("group.unknown", "cosets", product | {"group": "Q8"}, UNSUPPORTED),
        ("group.number", "cosets", product | {"group": 3}, SYNTAX),
        ("side.unknown", "cosets", product | {"side": "xy"}, UNSUPPORTED),
        ("side.null", "cosets", product | {"side": None}, UNSUPPORTED),
        ("order.name", "cosets", product | {"order": "sympy"}, SYNTAX),
        ("order.short", "cosets", product | {"order": ELEMENTS[:5]}, UNSUPPORTED),
        ("order.twice", "cosets", product | {"order": [*ELEMENTS, ELEMENTS[0]]}, UNSUPPORTED),
        ("order.instead", "cosets", product | {"order": [*ELEMENTS[:5], [0] * 3]}, UNSUPPORTED),
        ("order.true", "cosets", product | {"order": [*ELEMENTS[:5], [2, 0, True]]}, UNSUPPORTED),
        ("order.odd", "clock", multiplied(clock, "A3", order=ELEMENTS[:3]), UNSUPPORTED),
        ("order.of-c3", "clock", multiplied(clock, "C3", order=even), UNSUPPORTED),
        ("labels.few", "pair-sum", listed | {"labels": listed["labels"][1:]}, SYNTAX),
        ("labels.many", "pair-sum", listed | {"labels": [*listed["labels"], 0]}, SYNTAX),
        ("labels.negative", "pair-sum", _labelled(listed, -1), LIMIT),
        ("labels.large", "pair-sum", _labelled(listed, 2**20), LIMIT),
        ("labels.text", "pair-sum", _labelled(listed, "0"), SYNTAX),
        ("labels.object", "pair-sum", listed | {"labels": {}}, SYNTAX),
        ("key.extra", "clock", summed | {"rank": 1}, SYNTAX),
        ("key.missing", "clock", {x: y for x, y in summed.items() if x != "modulus"}, SYNTAX),
        ("rule.unknown", "clock", summed | {"rule": "difference"}, UNSUPPORTED),
    ):
        total = (
            stated("cosets", product) if model == "cosets" else stated(model, table(network(model)))
        )
        cert = total | {"claim": total["claim"] | {"task": task}}
        about = "A parameter of the rule outside its domain."
        yield refused(f"domain.{name}", about, model, cert, answer)


def _labelled(task: Fields, label: Any) -> Fields:
    return task | {"labels": [label, *task["labels"][1:]]}
