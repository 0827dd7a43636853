"""Compare the verified checker with the kernel in Python: they share no line, and must count alike.

- `zoo`: every max-of-4 model of the zoo at margins 0 and 1/3: all of them, `--sample N`, or `--models
  NAME ..`. Finished ones are kept in a file (`--results`, build/compare.json if not given), for as long
  as the program is the same; `--minutes N` starts none after so long.
- `random`: small models with random weights, many of them with ties, one token or one position
  (`--random N`). One more than is right, or less than the kernel's upper end, must not be verified; of
  the kernel's counts that it does not reach itself (exact ties of exponentials) it is said how many there
  are, and of `cubic` how often it shows one more, with more bits.
- `--strategies` says by which strategies: for `zoo` it is exact, for `random` all that are served.
- `arena`: every case of out/arena (made by `python tests/arena/build.py`): what must not be verified is
  not, but for true claims within a budget that is too small: operations are not counted here.
"""

import argparse
import hashlib
import json
import random
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PROGRAM = HERE / "verified-checker"
KEPT = HERE / "build" / "compare.json"
ARENA = ROOT / "out" / "arena"
MARGINS = ("0", "1/3")
RULES = ("max", "min")
STRATEGIES, EXACT = ("exact", "brute-force", "cubic"), ("exact", "brute-force")
sys.path.insert(0, str(ROOT / "certificates" / "checker"))

from files.tensors import digest, read_tensors  # noqa: E402
from files.verdict import Refusal  # noqa: E402
from kernel import Pins, check  # noqa: E402
from parts.attention_only import PARTS, read_model  # noqa: E402


def claim(
    weights: bytes,
    margin: str,
    at_least: int | None = None,
    at_most: int | None = None,
    strategy: str = "exact",
    rule: str = "max",
) -> dict[str, Any]:
    """A certificate about max-of-k or min-of-k, without a witness; without counts it claims every input."""
    tensors = read_tensors(weights)
    sizes = read_model(tensors).shape._asdict()
    v, k = sizes["d_vocab"], sizes["n_ctx"]
    task = {"rule": rule, "positions": [[0, v]] * k, "reads": list(range(k)), "answers": [0, v]}
    return {
        "format": "ballproof-certificate/2",
        "claim": {
            "model": {"sha256": digest(tensors), "parts": list(PARTS), "sizes": sizes},
            "task": task,
            "semantics": "real",
            "margin": margin,
            "total": str(v**k),
            "correct_at_least": str(v**k if at_least is None else at_least),
            "correct_at_most": str(v**k if at_most is None else at_most),
        },
        "proof": {"tally": 1, "strategy": strategy, "precision": 64, "operations": str(10**11), "witness": {}},
    }  # fmt: skip


def kernel_counts(
    weights: bytes, margin: str, strategy: str = "exact", rule: str = "max"
) -> tuple[int, int]:
    """What the kernel establishes."""
    stated = claim(weights, margin, strategy=strategy, rule=rule)
    try:
        found = check(weights, json.dumps(stated).encode(), Pins())
    except Refusal as refusal:
        if refusal.reason != "count":
            raise
        counts = refusal.established
        return int(counts["correct_at_least"]), int(counts["correct_at_most"])
    return found.correct_at_least, found.total


def verdict(model: Path, certificate: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and last line of the verified checker."""
    command = [str(PROGRAM), *arguments, "--", str(model), str(certificate)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.returncode, (run.stdout + run.stderr).strip().rpartition("\n")[2]


def verified(model: Path, stated: dict[str, Any]) -> bool:
    """Whether it verifies this certificate; anything but a verdict is an error."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(json.dumps(stated))
        file.flush()
        code, line = verdict(model, Path(file.name))
    if code == 0 and line.startswith("s VERIFIED "):
        return True
    if code == 1 and line.startswith("s REJECTED count "):
        return False
    raise SystemExit(f"{model}: {line}")


def compare_zoo(
    strategies: list[str], names: list[str], sample: int | None, file: Path, minutes: float | None
) -> int:
    """Count the models that differ, at each margin and by each strategy."""
    models = sorted((ROOT / "models" / "zoo").glob("max-of-4-seed-*.safetensors"))
    if names:
        models = [ROOT / "models" / "zoo" / f"{name}.safetensors" for name in names]
    chosen = models if sample is None else random.Random(0).sample(models, min(sample, len(models)))
    program = hashlib.sha256(PROGRAM.read_bytes()).hexdigest()
    kept = json.loads(file.read_text()) if file.exists() else {}
    if kept.get("program") != program:
        kept = {"program": program, "equal": {}}
    start = time.monotonic()
    tried = [
        (path, margin, strategy) for path in chosen for margin in MARGINS for strategy in strategies
    ]
    keys = []
    for path, margin, strategy in tried:
        key = f"{path.stem} {margin} {strategy}"
        if key not in kept["equal"]:
            if minutes is not None and time.monotonic() - start > 60 * minutes:
                continue
            weights = path.read_bytes()
            rule = path.stem.partition("-")[0]
            low, high = kernel_counts(weights, margin, strategy, rule)
            kept["equal"][key] = verified(path, claim(weights, margin, low, high, strategy, rule))
            file.write_text(json.dumps(kept))
        keys.append(key)
    different = [key for key in keys if not kept["equal"][key]]
    print(
        f"zoo: {len(keys) - len(different)} of {len(keys)} counts equal the kernel's,"
        f" {len(tried) - len(keys)} not compared",
        *different,
    )
    return len(different)


def small_model(rng: random.Random) -> bytes:
    """A weights file with few tokens and positions, of one float format, often with equal numbers."""
    v, k, d, h = (
        rng.choice([1, 2, 3, 4, 5]),
        rng.choice([1, 1, 2, 3, 4]),
        rng.randint(1, 3),
        rng.randint(1, 3),
    )
    shapes = {
        "embed.W_E": (v, d), "pos_embed.W_pos": (k, d), "unembed.W_U": (d, v),
        **{f"blocks.0.attn.W_{x}": (1, d, h) for x in "QKV"}, "blocks.0.attn.W_O": (1, h, d),
    }  # fmt: skip
    biases = {
        **{f"blocks.0.attn.b_{x}": (1, h) for x in "QKV"},
        "blocks.0.attn.b_O": (d,),
        "unembed.b_U": (v,),
    }
    shapes |= {name: shape for name, shape in biases.items() if rng.random() < 0.5}
    kind = rng.choice(["zeros", "signs", "halves", "normal", "normal"])
    draw = {
        "zeros": lambda: float(rng.random() < 0.1),
        "signs": lambda: float(rng.randint(-1, 1)),
        "halves": lambda: rng.randint(-4, 4) / 2,
        "normal": lambda: rng.gauss(0, 1.5),
    }[kind]
    dtype = rng.choice(["F16", "BF16", "F32", "F64"])
    header, body = {}, b""
    for name in rng.sample(sorted(shapes), len(shapes)):
        many = 1
        for axis in shapes[name]:
            many *= axis
        data = b"".join(encoded(dtype, draw()) for _ in range(many))
        header[name] = {
            "dtype": dtype,
            "shape": list(shapes[name]),
            "data_offsets": [len(body), len(body) + len(data)],
        }
        body += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def encoded(dtype: str, value: float) -> bytes:
    """The bytes of a float of this format, of bfloat16 the upper half of a float32."""
    if dtype == "BF16":
        return struct.pack("<f", value)[2:]
    return struct.pack({"F16": "<e", "F32": "<f", "F64": "<d"}[dtype], value)


def compare_random(many: int, strategies: tuple[str, ...] | list[str] = STRATEGIES) -> int:
    """Count the models on which the checkers differ."""
    served = [(strategy, rule) for strategy in strategies for rule in RULES]
    return sum(_compare_random(many, *row) for row in served if row != ("cubic", "min"))


def _compare_random(many: int, strategy: str, rule: str) -> int:
    rng, wrong, left, beyond = random.Random(1), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        for _ in range(many):
            weights, margin = small_model(rng), rng.choice(["0", "0", "1/2", "1/3", "7"])
            path.write_bytes(weights)
            low, high = kernel_counts(weights, margin, strategy, rule)
            right = low if strategy in EXACT else kernel_counts(weights, margin)[0]
            total = int(claim(weights, margin)["claim"]["total"])
            if not verified(path, claim(weights, margin, low, high, strategy, rule)):
                left += 1
            if low < right:
                beyond += verified(path, claim(weights, margin, low + 1, high, strategy, rule))
            more = [(right + 1, max(right + 1, high))] if right < total else []
            less = [(min(low, high - 1), high - 1)] if high > 0 else []
            wrong += sum(
                verified(path, claim(weights, margin, *ends, strategy, rule))
                for ends in more + less
            )
    print(
        f"random: {strategy}, {rule}: {many - left} of {many} counts equal the kernel's, {left} left open,"
        f" {beyond} with one more that is true, {wrong} that must not be verified"
    )
    return wrong


def compare_arena() -> int:
    """Count the cases that are verified and must not be."""
    if not ARENA.exists():
        raise SystemExit("out/arena is not there: python tests/arena/build.py")
    wrong, uncounted, outcomes = 0, 0, {"verified": 0, "rejected": 0, "declined": 0, "usage": 0}
    names = {0: "verified", 1: "rejected", 2: "declined", 64: "usage"}
    for manifest in sorted(ARENA.glob("*/manifest.json")):
        listed = json.loads(manifest.read_text())
        for case in listed["cases"]:
            if case["model"].startswith("large:"):
                continue
            stated = case.get("certificate", f"{listed['category']}/{case['name']}.cert")
            if stated.startswith("large:"):
                continue
            model, certificate = ARENA / case["model"], ARENA / stated
            code, line = verdict(
                model, certificate, "--seconds=20", *map(str, case.get("arguments", []))
            )
            if code not in names:
                raise SystemExit(f"arena: {case['name']}: exit code {code}: {line}")
            outcomes[names[code]] += 1
            if code == 0 and case.get("reason") == "budget":
                uncounted += 1
            elif code == 0 and case["exit_code"] != 0:
                wrong += 1
                print(f"arena: {case['name']} must not be verified: {line}")
    words = ", ".join(f"{n} {word}" for word, n in outcomes.items())
    print(
        f"arena: {words}; {wrong} verified that must not be, {uncounted} whose budget is too small, which it does not count"
    )
    return wrong


def main() -> None:
    """Compare what was asked for, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "what", nargs="*", choices=["zoo", "random", "arena", []], help="default: all"
    )
    parser.add_argument("--sample", type=int, help="so many models of the zoo")
    parser.add_argument("--models", nargs="+", default=[], help="these models of the zoo")
    parser.add_argument("--strategies", nargs="+", choices=STRATEGIES, help="by these strategies")
    parser.add_argument("--results", type=Path, default=KEPT, help="where finished ones are kept")
    parser.add_argument("--minutes", type=float, help="start no model after so many minutes")
    parser.add_argument("--random", type=int, default=2000, help="so many small models")
    options = parser.parse_args()
    what = options.what or ["random", "arena", "zoo"]
    differences = 0
    if "random" in what:
        differences += compare_random(options.random, options.strategies or STRATEGIES)
    if "arena" in what:
        differences += compare_arena()
    if "zoo" in what:
        differences += compare_zoo(
            options.strategies or ["exact"],
            options.models,
            options.sample,
            options.results,
            options.minutes,
        )
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
