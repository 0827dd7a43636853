"""Compare what stands for Coq's functions in OCaml with Coq's own evaluation of them.

The extracted program calls Zarith where Coq has definitions: by the lines of Extract.v, and by those of
Coq's ExtrOcamlZBigInt and ExtrOcamlNatBigInt. Each of these lines with a row below is evaluated on
boundary values and random ones, in OCaml and by vm_compute. Every line of Extract.v needs a row.
"""

import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
MAPPING = re.compile(r'^Extract Constant ([\w.]+)\s*=>\s*"((?:[^"])*)"\s*\.', re.MULTILINE)
EDGES = [
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    255,
    256,
    2**30,
    2**31 - 1,
    2**31,
    2**32,
    2**61,
    2**62 - 1,
    2**62,
    2**63,
    2**64,
    2**100,
]
# Coq takes long to read and print more.
MANY = 80
# name: types of the arguments, type of the result. S, s, x, e are small exponents, n a small natural number.
ROWS = {
    **dict.fromkeys(["Z.leb", "Z.ltb", "Z.geb", "Z.gtb", "Z.eqb"], "ZZ:bool"),
    **dict.fromkeys(["Z.add", "Z.sub", "Z.mul", "Z.min", "Z.max", "Z.div", "Z.modulo", "Z.land", "Z.lxor"], "ZZ:Z"),
    **dict.fromkeys(["Z.opp", "Z.abs", "Z.succ", "Z.pred", "Z.log2", "Z.sqrt"], "Z:Z"),
    **dict.fromkeys(["Z.shiftl", "Z.shiftr"], "ZS:Z"),
    "Z.pow": "Zx:Z",
    "Z.compare": "ZZ:comparison",
    "Z.div_eucl": "ZZ:pair",
    "Z.of_nat": "n:Z",
    "Z.to_nat": "s:nat",
    **dict.fromkeys(["Pos.leb", "Pos.ltb", "Pos.eqb"], "PP:bool"),
    **dict.fromkeys(["Pos.add", "Pos.mul", "Pos.sub", "Pos.min", "Pos.max"], "PP:P"),
    "Pos.succ": "P:P",
    "Pos.compare": "PP:comparison",
    **dict.fromkeys(["Nat.ltb", "Nat.leb", "Nat.eqb", "Nat.eq_dec"], "nn:bool"),
    "Nat.pow": "ee:nat",
    **dict.fromkeys(["plus", "mult", "minus", "max", "min"], "nn:nat"),
    "pred": "n:nat",
}  # fmt: skip
# Names of Coq where the line's own name is not the one in use.
COQ = {
    "plus": "Nat.add",
    "mult": "Nat.mul",
    "minus": "Nat.sub",
    "max": "Nat.max",
    "min": "Nat.min",
    "pred": "Nat.pred",
}
RESULTS = {"Z", "P", "nat"}


def mappings() -> dict[str, str]:
    """The OCaml expressions by the names that they stand for; the lines of Extract.v come last."""
    where = subprocess.run(
        ["coqc", "-where"], capture_output=True, text=True, check=True
    ).stdout.strip()
    library = Path(where) / "theories" / "extraction"
    found: dict[str, str] = {}
    for path in (
        library / "ExtrOcamlNatBigInt.v",
        library / "ExtrOcamlZBigInt.v",
        HERE / "Extract.v",
    ):
        found |= dict(MAPPING.findall(path.read_text()))
    own = dict(MAPPING.findall((HERE / "Extract.v").read_text()))
    if missing := own.keys() - ROWS.keys():
        sys.exit(f"no row for {sorted(missing)}")
    if missing := ROWS.keys() - found.keys():
        sys.exit(f"no line for {sorted(missing)}")
    return {name: found[name] for name in ROWS}


def drawn(kind: str, rng: random.Random) -> int:
    """An argument of this type."""
    if kind in "ZP":
        size = (
            rng.choice(EDGES) + rng.choice([-1, 0, 0, 1])
            if rng.random() < 0.6
            else rng.getrandbits(rng.randint(1, 200))
        )
        return max(size, 1) if kind == "P" else size * rng.choice([-1, 1])
    low, high = {"S": (-70, 130), "n": (0, 40), "s": (-20, 60), "e": (0, 4), "x": (-3, 9)}[kind]
    return rng.choice([low, 0, 1, high, rng.randint(low, high)])


def cases(signature: str, rng: random.Random) -> list[tuple[int, ...]]:
    """So many tuples of arguments."""
    kinds = signature.split(":")[0]
    return [tuple(drawn(kind, rng) for kind in kinds) for _ in range(MANY)]


def coq_text(name: str, signature: str, arguments: list[tuple[int, ...]]) -> str:
    """A sentence that evaluates the function on all arguments to a list of integers."""
    kinds, result = signature.split(":")
    scopes = {"P": "positive", "n": "nat", "e": "nat"}
    listed = "; ".join(
        "("
        + ", ".join(f"({x})%{scopes.get(kind, 'Z')}" for kind, x in zip(kinds, row, strict=True))
        + ")"
        for row in arguments
    )
    call = f"{COQ.get(name, name)} " + ("(fst x) (snd x)" if len(kinds) == 2 else "x")
    shown = {
        "Z": call, "P": f"Zpos ({call})", "nat": f"Z.of_nat ({call})", "bool": f"(if {call} then 1 else 0)%Z",
        "comparison": f"match {call} with Eq => 0 | Lt => -1 | Gt => 1 end%Z",
        "pair": f"(let (a, b) := {call} in a * 2 ^ 400 + b)%Z",
    }[result]  # fmt: skip
    return f"Eval vm_compute in map (fun x => {shown}) [{listed}].\n"


def ocaml_text(expression: str, signature: str, arguments: list[tuple[int, ...]]) -> str:
    """A statement that prints the same."""
    kinds, result = signature.split(":")
    names = ["a", "b"][: len(kinds)]
    shown = {
        **dict.fromkeys(RESULTS, "Zar.to_string r"), "bool": 'if r then "1" else "0"',
        "comparison": 'match r with Eq -> "0" | Lt -> "-1" | Gt -> "1"',
        "pair": "let (p, q) = r in Zar.to_string (Zar.add (Zar.mul p (Zar.pow (Zar.of_int 2) 400)) q)",
    }[result]  # fmt: skip
    listed = "; ".join('["' + '"; "'.join(map(str, row)) + '"]' for row in arguments)
    return (
        f"let () = let f = {expression} in List.iter (fun row -> match List.map Zar.of_string row with\n"
        f"  | [{'; '.join(names)}] -> let r = f {' '.join(names)} in print_endline ({shown}) | _ -> assert false) [{listed}]\n"
    )


def main() -> None:
    """Evaluate both, and exit with 1 at any difference."""
    rng = random.Random(0)
    coq, ocaml = (
        "From Coq Require Import ZArith List. Import ListNotations.\n",
        "type comparison = Eq | Lt | Gt\n",
    )
    asked: list[tuple[str, tuple[int, ...]]] = []
    for name, expression in mappings().items():
        arguments = cases(ROWS[name], rng)
        asked += [(name, row) for row in arguments]
        coq += coq_text(name, ROWS[name], arguments)
        ocaml += ocaml_text(expression, ROWS[name], arguments)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "zar.ml").write_text("include Z\n")
        (place / "test.ml").write_text(ocaml)
        (place / "Test.v").write_text(coq)
        build = [
            "ocamlfind",
            "ocamlopt",
            "-package",
            "zarith",
            "-linkpkg",
            "-w",
            "-a",
            "zar.ml",
            "test.ml",
            "-o",
            "test",
        ]
        subprocess.run(build, cwd=place, check=True)
        printed = subprocess.run(
            ["./test"], cwd=place, capture_output=True, text=True, check=True
        ).stdout.split()
        evaluated = subprocess.run(
            ["coqc", "Test.v"], cwd=place, capture_output=True, text=True, check=True
        ).stdout
    expected = [
        x
        for block in re.findall(r"= \[(.*?)\]", evaluated, re.DOTALL)
        for x in re.findall(r"-?\d+", block)
    ]
    if not len(expected) == len(printed) == len(asked):
        sys.exit(
            f"{len(asked)} values were asked for, Coq gave {len(expected)}, OCaml {len(printed)}"
        )
    different = [
        f"{name}{row}: Coq {a}, OCaml {b}"
        for (name, row), a, b in zip(asked, expected, printed, strict=True)
        if a != b
    ]
    print(
        *different[:20],
        f"{len(asked)} values of {len(ROWS)} functions, {len(different)} differ",
        sep="\n",
    )
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
