"""Mutations of a certificate: of any value in it, of what its fields mean, and of its text.

Each takes the random numbers and the certificate's object, changes it in place, and says in words
what it did. `mutate` applies several. Many mutants stay valid, and must then be true.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from itertools import permutations
from math import prod
from random import Random
from typing import Any

from support.ladders import LADDERS, RATES, RULES, wild_ladder
from support.network_seeds import random_task
from support.seeds import Seed
from support.witnesses import SUBCUBIC, wild

Fields = dict[str, Any]
Path = list[Any]
COUNTS = ("total", "correct_at_least", "correct_at_most")
NAMES = ("brute-force", "exact", "cubic", "enumerate", *LADDERS)
STRANGE: tuple[Any, ...] = (None, True, False, [], {}, "", 0, 1, -1, 0.5, 1e300, [[]], "NaN", "-0")
HUGE = (2**60, -(2**60), 2**63, 10**30, -(10**30), 10**1999, 10**2000, 2**28, 2**28 + 1, 20_000)
TEXTS = ("0", "1", "-1", "+1", "01", "1/2", "2/4", "1/0", "1e9", " 1", "1\n", "\u0661", "9" * 2001)
DEEP = json.loads("[" * 15 + "]" * 15)


def child(fields: Any, path: Path) -> Any:
    """Return the value at a path."""
    for key in path:
        fields = fields[key]
    return fields


def any_path(rng: Random, value: Any) -> Path:
    """Return the path of a random value; of a certificate, as often one in the witness as not."""
    path: Path = []
    for key in rng.choice([("claim",), ("proof",), ("proof", "witness"), ("proof", "witness"), ()]):
        if isinstance(value, dict) and key in value:
            path.append(key)
            value = value[key]
    while isinstance(value, dict | list) and value and (not path or rng.random() < 0.93):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        path.append(rng.choice(keys))
        value = value[path[-1]]
    return path


def change_value(rng: Random, fields: Fields, seed: Seed) -> str:
    """Change one value to a neighbour, another type, something huge or something strange."""
    path = any_path(rng, fields)
    if not path:
        return "nothing"
    holder, key = child(fields, path[:-1]), path[-1]
    holder[key] = _other(rng, holder[key])
    return f"changed {path[0]}..{path[-1]}"


def _other(rng: Random, value: Any) -> Any:
    draw = rng.random()
    if draw < 0.15:
        return deepcopy(rng.choice((*STRANGE, *HUGE, DEEP)))
    if isinstance(value, bool) or value is None:
        return rng.choice(STRANGE)
    if isinstance(value, int):
        return _integer(rng, value)
    if isinstance(value, str):
        return _text(rng, value)
    if isinstance(value, list):
        return _list(rng, value)
    return _object(rng, value)


def _integer(rng: Random, value: int) -> Any:
    near = [value + 1, value - 1, -value, 2 * value, value // 2, 0, 1]
    spelt = [str(value), float(value % 99), rng.choice(HUGE)]
    return rng.choice([*near, *near[:2], rng.randint(-8, 8), *spelt])


def _text(rng: Random, value: str) -> Any:
    number = value.lstrip("-")
    if number.isascii() and number.isdigit() and len(number) < 1000 and rng.random() < 0.7:
        return str(_integer(rng, int(value)))
    cut = rng.randint(0, len(value))
    spoilt = [value[:cut] + value[cut + 1 :], value + "0", value + "\n", value.upper(), ""]
    return rng.choice([*spoilt, rng.choice(TEXTS), rng.choice(NAMES), rng.choice(SUBCUBIC)])


def _list(rng: Random, value: list[Any]) -> list[Any]:
    items = deepcopy(value)
    if not items:
        return [rng.choice([0, [], {}, ["1", 0]])]
    i, j = rng.randrange(len(items)), rng.randrange(len(items))
    match rng.randrange(6):
        case 0:
            del items[i]
        case 1:
            items.insert(j, deepcopy(items[i]))
        case 2:
            items[i], items[j] = items[j], items[i]
        case 3:
            items.reverse()
        case 4:
            items[i] = deepcopy(items[j])
        case _:
            items[i] = _other(rng, items[i])
    return items


def _object(rng: Random, value: Fields) -> Fields:
    items = deepcopy(value)
    key = rng.choice([*items, "note"])
    if rng.random() < 0.5:
        items[rng.choice([key + " ", "note", key.upper()])] = items.pop(key, "1")
    elif key in items:
        del items[key]
    return items


def swap_values(rng: Random, fields: Fields, seed: Seed) -> str:
    """Put one value of the certificate in another's place."""
    first, second = any_path(rng, fields), any_path(rng, fields)
    if not first or not second:
        return "nothing"
    value = deepcopy(child(fields, second))
    child(fields, first[:-1])[first[-1]] = value
    return f"put {second[0]}..{second[-1]} at {first[0]}..{first[-1]}"


def splice_other(rng: Random, fields: Fields, seed: Seed) -> str:
    """Take a part over from another certificate, perhaps of another model."""
    part, key = rng.choice(
        [("claim", "model"), ("claim", "margin"), ("proof", "witness"), ("proof", "strategy")]
    )
    if rng.random() < 0.3:
        fields[part] = deepcopy(seed.fields[part])
        return f"took {part} over"
    child(fields, [part])[key] = deepcopy(seed.fields[part][key])
    return f"took {part}.{key} over"


def change_claim(rng: Random, fields: Fields, seed: Seed) -> str:
    """Raise or lower what is claimed, the margin, or the semantics."""
    claim, draw = fields["claim"], rng.randrange(6)
    low, high, total = (int(claim[key]) for key in (*COUNTS[1:], "total"))
    if draw == 0:
        claim["semantics"] = "real" if claim["semantics"] == "float32" else "float32"
        return "other semantics"
    if draw == 1:
        tiny, thousandths = f"1/{2 ** rng.randint(1, 3000)}", f"{rng.randint(1, 999)}/1009"
        claim["margin"] = rng.choice(["0", "1", "7/3", "40", "1/3", "123456789", tiny, thousandths])
        return "other margin"
    steps = [-1, 0, 0, 1, 2, -low, high - low, total - low]
    least = min(max(low + rng.choice(steps), 0), total)
    most = rng.choice([total, least, high, high - 1, high + 1, max(high - 1, least)])
    claim["correct_at_least"], claim["correct_at_most"] = str(least), str(most)
    return "other counts"


def change_proof(rng: Random, fields: Fields, seed: Seed) -> str:
    """Change precision, budget or strategy to another of its domain."""
    proof, draw = fields["proof"], rng.randrange(3)
    if draw == 0:
        proof["precision"] = rng.choice([32, 33, 64, 256, 1024, rng.randint(32, 1024)])
        return "other precision"
    if draw == 1:
        budget = int(proof["operations"])
        proof["operations"] = str(rng.choice([budget // 2, budget // 3, 0, 1, 10 * budget + 10**5]))
        return "other budget"
    same = [x for x in (*RULES, *SUBCUBIC) if _family(x) == _family(str(proof["strategy"]))]
    proof["strategy"] = rng.choice([*NAMES, rng.choice(SUBCUBIC), *(same and [rng.choice(same)])])
    return "other strategy"


def _family(strategy: str) -> str:
    return "ladder" if strategy in LADDERS else strategy.rpartition("/")[2]


def wild_witness(rng: Random, fields: Fields, seed: Seed) -> str:
    """Write a random witness of the strategy for the seed's model."""
    strategy = fields["proof"]["strategy"]
    if strategy == "enumerate":
        fields["proof"]["witness"] = {"passes": rng.randint(1, 4)}
    elif seed.model and (strategy in LADDERS or strategy in SUBCUBIC):
        maker = wild_ladder if strategy in LADDERS else wild
        fields["proof"]["witness"] = maker(rng, strategy, seed.model)
    return "wild witness"


def move_witness(rng: Random, fields: Fields, seed: Seed) -> str:
    """Change numbers of the witness to others of their domain."""
    witness, moved = fields["proof"]["witness"], 0
    for _ in range(rng.choice([1, 1, 3, 10])):
        path = any_path(rng, witness)
        if path:
            moved += _move(rng, child(witness, path[:-1]), path[-1], seed.truth.oracle.d_vocab)
    return f"moved {moved} in the witness"


def _move(rng: Random, holder: Any, key: Any, v: int) -> bool:
    value, old = holder[key], json.dumps(holder[key], default=str)
    if key == "passes":
        holder[key] = rng.randint(0, 5)
    elif key in ("per_position", "at_most", "squarings"):
        holder[key] = rng.randint(0, 12 if key == "squarings" else 2)
    elif key == "rate":
        holder[key] = rng.choice(RATES[rng.choice(["moment", "grid"])])
    elif key in ("atoms", "cells") and type(value) is int:
        holder[key] = rng.choice([1, 2, 9, 2**12])
    elif key == "rule":
        holder[key] = rng.choice(RULES["ladder"])
    elif isinstance(value, list) and len(value) == 2 and isinstance(value[0], str):
        mantissa = int(value[0]) + rng.choice([-2, 2, -4, 64, -64])
        shift = rng.choice([0, 0, 1, -1, 3, -900, 900])
        holder[key] = [str(mantissa), value[1] + shift] if mantissa % 2 else ["0", 0]
    elif isinstance(value, str) and value != "0":
        holder[key] = str(int(value) + rng.choice([-2, 2, -4, 64, -64]))
    elif type(value) is int:
        spread = rng.choice([1, v, 1024, 2**20])
        holder[key] = rng.choice([value + rng.randint(-spread, spread), rng.randint(1, v)])
    return json.dumps(holder[key], default=str) != old


def fix_model(rng: Random, fields: Fields, seed: Seed) -> str:
    """Make the statement about the seed's model: digest and sizes, mostly also parts and task."""
    claim, model = fields["claim"], deepcopy(seed.fields["claim"]["model"])
    parts = model["parts"] if rng.random() < 0.7 else claim["model"]["parts"]
    claim["model"] = model | {"parts": parts}
    if rng.random() < 0.6:
        claim["task"] = deepcopy(seed.fields["claim"]["task"])
    claim["total"] = str(prod(past - first for first, past in claim["task"]["positions"]))
    return "digest and sizes fixed up"


def change_task(rng: Random, fields: Fields, seed: Seed) -> str:
    """Ask for something else: another rule, factor, side, order, label, domain, or answers."""
    claim = fields["claim"]
    task, draw = claim["task"], rng.randrange(5)
    if draw == 0:
        claim["task"] = task = random_task(rng, claim["model"]["sizes"])
    elif draw == 1 and task["rule"] == "product":
        task["side"] = {"x(y)": "y(x)"}.get(task["side"], "x(y)")
        elements = [list(x) for x in permutations(range(3))]
        task["order"] = rng.sample(elements, 6) if task["group"] == "S3" else task["order"]
    elif draw == 2 and "coefficients" in task:
        place = rng.randrange(len(task["coefficients"]))
        task["coefficients"][place] += rng.choice([-1, 1, task["modulus"], -7])
    elif draw == 2 and "labels" in task:
        task["labels"][rng.randrange(len(task["labels"]))] = rng.randrange(4)
    elif draw == 3:
        task["answers"] = [task["answers"][0], max(1, task["answers"][1] + rng.choice([-1, 1]))]
    else:
        span = rng.choice(task["positions"])
        span[rng.randrange(2)] += rng.choice([-1, 1])
    claim["total"] = str(prod(past - first for first, past in task["positions"]))
    return "other task"


def change_parts(rng: Random, fields: Fields, seed: Seed) -> str:
    """State other settings of a part: a share, a mask, heads, layers, inputs."""
    part = rng.choice(fields["claim"]["model"]["parts"])
    match part["part"]:
        case "attention":
            share, normalised = rng.choice(["0", "1/2", "2/3", "3"]), rng.random() < 0.5
            shared = {"softmax": share, "normalised": normalised}
            changes = [shared, shared, {"mask": rng.choice(["none", "causal"])}]
            part |= rng.choice([*changes, {"heads": rng.randint(0, 3)}])
        case "pair":
            part["inputs"] = rng.choice(["added", "sum", "concatenated"])
        case "mlp":
            part |= {"layers": rng.randint(0, 3)} if "layers" in part else {"activation": "gelu"}
    return f"other {part['part']}"


MEANT: tuple[Callable[[Random, Fields, Seed], str], ...] = (
    *(change_value, change_value, swap_values, splice_other),
    *(change_claim, change_claim, change_proof, wild_witness),
    *(move_witness, move_witness, move_witness, fix_model),
    *(change_task, change_task, change_parts),
)


def mutate(rng: Random, fields: Fields, other: Seed, most: int = 4) -> list[str]:
    """Change a certificate in place by 1 to `most` mutations, and say which they were."""
    done = []
    for _ in range(rng.choice([1, 1, 2, rng.randint(1, most)])):
        mutation = rng.choice(MEANT)
        try:
            done.append(mutation(rng, fields, other))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            done.append("nothing")  # An earlier mutation took away what this one changes.
    return done


def written(rng: Random, fields: Fields) -> tuple[bytes, str]:
    """Return the certificate's text, mostly as it should be, and how it was spoilt."""
    text = json.dumps(fields).encode()
    if rng.random() > 0.04:
        return text, ""
    at, end = sorted(rng.randrange(len(text)) for _ in range(2))
    key = rng.choice([b'"format"', b'"claim"', b'"margin"', b'"strategy"', b'"total"'])
    ways = {
        "cut": text[:at],
        "span left out": text[:at] + text[end:],
        "span doubled": text[:end] + text[at:],
        "byte flipped": text[:at] + bytes([text[at] ^ 1 << rng.randrange(8)]) + text[at + 1 :],
        "key doubled": text.replace(key, key + b': "0", ' + key, 1),
        "bytes appended": text + rng.choice([b"\n", b"\n\n", b" ", b"{}", b"\0"]),
        "byte-order mark": b"\xef\xbb\xbf" + text,
        "white space": text.replace(b", ", rng.choice([b",\n", b",\t", b",\x0b"])),
        "surrogate": text.replace(b'"max"', b'"\\ud800max"'),
    }
    way = rng.choice(list(ways))
    return ways[way], way
