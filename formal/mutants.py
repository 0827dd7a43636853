"""Change the programs, one place at a time: what makes them unsound must stop the proofs.

Each mutant is a change of a program's text. The file and all that rest on it are compiled anew, in a
folder of their own. An unsound mutant has to fail, and at a proof: an error in the changed lines
themselves would say nothing. A sound one has to compile.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
GOAL = "Certificate"


class Mutant(NamedTuple):
    """In a file, the text that is replaced (its first occurrence) and what replaces it."""

    name: str
    file: str
    old: str
    new: str
    sound: bool = False


class Outcome(NamedTuple):
    """Whether it is as it should be, and a line that says what happened."""

    right: bool
    line: str


UNSOUND = [
    # The exponential
    Mutant("a ceiling is a floor", "Exp", "(- Z.shiftl (- m) (e - u))%Z.", "(Z.shiftl m (e - u))%Z."),
    Mutant("a quotient rounds down, not up", "Exp", ":= (- (- a / b))%Z.", ":= (a / b)%Z."),
    Mutant("Taylor's remainder is 2, not 3", "Exp", "acc + 3 * T", "acc + 2 * T"),
    Mutant("Taylor's remainder is left out", "Exp", "acc + 3 * T", "acc"),
    Mutant("the lower terms round up", "Exp", "(floor_at (T * z) (- g) 0 / (i + 1))", "(cdiv (ceil_at (T * z) (- g) 0) (i + 1))"),
    Mutant("the upper terms round down", "Exp", "(cdiv (ceil_at (T * z) (- g) 0) (i + 1))", "(floor_at (T * z) (- g) 0 / (i + 1))"),
    Mutant("a term is divided by one less", "Exp", "(cdiv (ceil_at (T * z) (- g) 0) (i + 1))", "(cdiv (ceil_at (T * z) (- g) 0) (i + 2))"),
    Mutant("trimming rounds the upper end down", "Exp", "ceil_at hi e (e + k), (e + k)%Z)", "floor_at hi e (e + k), (e + k)%Z)"),
    Mutant("trimming forgets the unit", "Exp", "ceil_at hi e (e + k), (e + k)%Z)", "ceil_at hi e (e + k), e)"),
    Mutant("a square keeps its unit", "Exp", "(hi * hi)%Z, (2 * e)%Z)", "(hi * hi)%Z, e)"),
    Mutant("an inverse has its ends swapped", "Exp", "Some ((2 ^ p / hi)%Z, cdiv (2 ^ p) lo,", "Some ((2 ^ p / lo)%Z, cdiv (2 ^ p) hi,"),
    Mutant("the upper argument is the lower one", "Exp", "ceil_at (Y + 1)", "ceil_at Y"),
    # The walks
    Mutant("a tie counts as right", "Walk", "(0 <=? fst r + bests (snd r))%Z", "(0 <? fst r + bests (snd r))%Z"),
    Mutant("the class is larger", "Walk", "S m ^ places - (if holds then 0 else m ^ places)", "S m ^ places"),
    Mutant("the class is smaller by none", "Walk", "(if holds then 0 else m ^ places)", "(if holds then m ^ places else 0)"),
    Mutant("a full prefix counts as right", "Walk", "      | O => 0\n", "      | O => 1\n"),
    Mutant("the label is held from the start", "Walk", "(holds || (t =? m))", "true"),
    Mutant("one token more", "Walk", "(map (step t) live)) (seq 0 (S m)) 0", "(map (step t) live)) (seq 0 (S (S m))) 0"),
    Mutant("a step leaves the sum", "Walk", "((fst r + entry_at t row)%Z, rows)", "(fst r, rows)"),
    Mutant("wins start below zero", "Lose", "(0 <=? fst r + bests (snd r))%Z", "(-1 <=? fst r + bests (snd r))%Z"),
    Mutant("all are lost at a full prefix", "Lose", "         | O => 0\n", "         | O => 1\n"),
    Mutant("the label is held from the start, lost", "Lose", "(holds || (t =? m))", "true"),
    Mutant("a rival is enough that might win", "Lose", "existsb (fun rh => wins_all (fst rh)) live", "existsb keep live"),
    # Tables and classes
    Mutant("the ends of weights are swapped", "Exact", "then (F * snd w)%Z else (F * fst w)%Z", "then (F * fst w)%Z else (F * snd w)%Z"),
    Mutant("the lower table has its ends swapped", "Exact", "then (F * fst w)%Z else (F * snd w)%Z.\nDefinition minl", "then (F * snd w)%Z else (F * fst w)%Z.\nDefinition minl"),
    Mutant("the margin is left out", "Exact", "(gap (tabD T) q j m + epsZ T)%Z in\n  (entry (base", "(gap (tabD T) q j m)%Z in\n  (entry (base"),
    Mutant("the margin has another unit", "Exact", "epsZ := up_by (4 * s) num", "epsZ := up_by (3 * s) num"),
    Mutant("the denominator is left out", "Exact", "tabV := tab2 v v (fun t j => Zpos den * dot d", "tabV := tab2 v v (fun t j => dot d"),
    Mutant("the exchange where the query is the label", "Exact", "(if (q <? m)%nat then (0 <=?", "(if (q <=? m)%nat then (0 <=?"),
    Mutant("the exchange costs more", "Exact", "entry_at m (snd br) - fst br)%Z", "entry_at m (snd br) - fst br - 1)%Z"),
    Mutant("a smallest entry is the largest", "Exact", "(- maxl (map Z.opp l))%Z", "maxl l"),
    Mutant("b_V is left out", "Exact", "+ dot h (get (zbV W)) (fun a => get2 (zO W) a c))%Z in", ")%Z in"),
    Mutant("b_Q is left out", "Exact", "+ up_by s (get (zbQ W) a))%Z in", "+ 0)%Z in"),
    Mutant("the query stands at another position", "Exact", "get2 (zE W) q c + get2 (zPos W) n c", "get2 (zE W) q c + get2 (zPos W) O c"),
    Mutant("keys are values", "Exact", "(fun c => get2 (zK W) c a)) in\n  let PK", "(fun c => get2 (zV W) c a)) in\n  let PK"),
    Mutant("rivals leave out the first token", "Exact", "(filter (fun j => negb (j =? m)%nat) (seq 0 v)) in\n    walk", "(filter (fun j => negb (j =? m)%nat) (seq 1 (pred v))) in\n    walk"),
    Mutant("no enclosure is an enclosure", "Exact", "| None => (0, -1)%Z", "| None => (0, 0)%Z"),
    Mutant("scores are not divided by the root", "Exact", "let sq := Z.of_nat (zh W) in", "let sq := 1%Z in"),
    Mutant("products forget a factor", "Fast", "dot_of (acc + x * y)%Z a b", "dot_of (acc + x)%Z a b"),
    Mutant("gaps have the other sign", "Fast", "(x - y)%Z :: differences", "(y - x)%Z :: differences"),
    # Brute force
    Mutant("a sum of zero is right", "Brute", "forallb (fun s => s <? 0)%Z sums then", "forallb (fun s => s <=? 0)%Z sums then"),
    Mutant("one rival that fails is enough", "Brute", "forallb (fun s => s <? 0)%Z sums then", "existsb (fun s => s <? 0)%Z sums then"),
    Mutant("what is not right is wrong", "Brute", "else if lost_on (rev y) then (0, 1) else (0, 0)", "else (0, 1)"),
    Mutant("an open input is right", "Brute", "then (0, 1) else (0, 0)\n", "then (0, 1) else (1, 0)\n"),
    Mutant("inputs of other labels are counted", "Brute", "  if holds then\n", "  if true then\n"),
    Mutant("every input holds the label", "Brute", "(holds || (fst tc =? m))", "true"),
    Mutant("entries are left out of the sums", "Brute", "(added sums (snd tc))", "sums"),
    Mutant("a sum of entries is a difference", "Brute", "(x + y)%Z :: added a b", "(x - y)%Z :: added a b"),
    Mutant("inputs are evaluated twice", "Brute", "(combine (seq 0 (S m)) row) (0, 0)", "(combine (seq 0 (S m)) row ++ combine (seq 0 (S m)) row) (0, 0)"),
    Mutant("a rival wins below zero", "Brute", "existsb (fun r => 0 <=? total r y)%Z lower", "existsb (fun r => -1 <=? total r y)%Z lower"),
    Mutant("the lower tables are the upper ones", "Brute", "(fun r => 0 <=? total r y)%Z lower) rows", "(fun r => 0 <=? total r y)%Z upper) rows"),
    Mutant("the first rival is not looked at", "Brute", "(seq 0 v) in\n    let upper", "(seq 1 (pred v)) in\n    let upper"),
    Mutant("the first position is left out", "Brute", "upper)) (seq 0 n) in", "upper)) (seq 1 (pred n)) in"),
    Mutant("the query's own entry is left out", "Brute", "(map fst upper) []", "(map (fun _ => 0%Z) upper) []"),
    # The cubic bound
    Mutant("a bound of zero is right", "CubicBound", "(base + entry (get us t * b) (token t) <? 0)%Z", "(base + entry (get us t * b) (token t) <=? 0)%Z"),
    Mutant("one end is enough", "CubicBound", "(negative_at b1 base1 t && negative_at b2 base2 t)", "(negative_at b1 base1 t || negative_at b2 base2 t)"),
    Mutant("only the lower end is looked at", "CubicBound", "negative_at b1 base1 t && negative_at b2 base2 t", "negative_at b1 base1 t && negative_at b1 base1 t"),
    Mutant("the label is a good token", "CubicBound", "(t <? m) &&", "(t <=? m) &&"),
    Mutant("largest sums are the least", "CubicBound", "let highs := extremes Z.max (fun i => snd (place ps i)) n", "let highs := extremes Z.min (fun i => snd (place ps i)) n"),
    Mutant("least sums are of upper ends", "CubicBound", "let lows := extremes Z.min (fun i => fst (place ps i)) n", "let lows := extremes Z.min (fun i => snd (place ps i)) n"),
    Mutant("the ends of the positions' weight are swapped", "CubicBound", "then zsum n (fun i => snd (place i)) else zsum n (fun i => fst (place i))", "then zsum n (fun i => fst (place i)) else zsum n (fun i => snd (place i))"),
    Mutant("the query's position is among the free ones", "CubicBound", "then zsum n (fun i => snd (place i)) else zsum n (fun i => fst (place i))", "then zsum n (fun i => snd (place i)) else zsum (S n) (fun i => fst (place i))"),
    Mutant("the query's own term is left out", "CubicBound", "(entry (get us q) (span_mul (token q) (place n)) + entry", "(entry"),
    Mutant("the label's term is left out", "CubicBound", " + entry (um * (total - b)) (token m))%Z", ")%Z"),
    Mutant("gaps of places are those of the first", "CubicBound", "let worst := maxl (nth j gps []) in", "let worst := get (nth j gps []) 0 in"),
    Mutant("the direct path is left out", "CubicBound", "(fun column => direct + maxl column)%Z", "(fun column => maxl column)%Z"),
    Mutant("the margin is left out of the bound", "CubicBound", "(fun j => gap (tabD T) q j m + epsZ T)%Z rivals) in\n  let sums", "(fun j => gap (tabD T) q j m)%Z rivals) in\n  let sums"),
    Mutant("the largest gap is the least", "CubicBound", "direct + maxl column", "direct + minl column"),
    Mutant("binomials are of one more", "CubicBound", "let row := pascal n in", "let row := pascal (S n) in"),
    Mutant("the power of good tokens is one higher", "CubicBound", "(seq 0 m) ^ c.", "(seq 0 m) ^ S c."),
    Mutant("all tokens may be below the label", "CubicBound", "nsum (S (if q =? m then n else pred n))", "nsum (S n)"),
    Mutant("one input more where all tokens are the label", "CubicBound", "(if alone then 1 else 0)", "1"),
    Mutant("a sum of zero on the label is right", "CubicBound", "(nth j gvs []) (nth j gps []) <? 0)%Z rivals in", "(nth j gvs []) (nth j gps []) <=? 0)%Z rivals in"),
    Mutant("one position and a smaller query", "CubicBound", " && ((q =? m) || (0 <? n)) then", " then"),
    # The mirror image
    Mutant("tokens are numbered from the other end, and one off", "Mirror", "get2 (zE W) (v - S t) c", "get2 (zE W) (v - t) c"),
    Mutant("tokens keep their numbers", "Mirror", "get2 (zE W) (v - S t) c", "get2 (zE W) t c"),
    Mutant("outputs keep their numbers", "Mirror", "get2 (zU W) c (v - S j)", "get2 (zU W) c j"),
    Mutant("biases of outputs keep their numbers", "Mirror", "zbU := map (fun j => get (zbU W) (v - S j)) (seq 0 v)", "zbU := zbU W"),
    Mutant("positions are numbered from the other end", "Mirror", "zPos := zPos W;", "zPos := rev (zPos W);"),
    Mutant("the smallest token is the largest", "Certificate", "Smallest => mirror found end in", "Smallest => found end in"),
    # The file
    Mutant("subnormal numbers have a hidden bit", "Floats", "if e =? 0 then fraction else fraction + 2 ^ mw in", "fraction + 2 ^ mw in"),
    Mutant("an infinity is a number", "Floats", "if e =? 2 ^ ew - 1 then None", "if e =? 2 ^ ew then None"),
    Mutant("the sign is not read", "Floats", "(if 2 ^ (mw + ew) <=? bits then - m else m)", "m"),
    Mutant("the exponent is off by one", "Floats", "Z.max e 1 - (2 ^ (ew - 1) - 1 + mw)", "Z.max e 1 - (2 ^ (ew - 1) + mw)"),
    Mutant("a string ends at no quote", "Json", "if b =? quote then Some ([], rest)", "if b =? comma then Some ([], rest)"),
    Mutant("escapes are not read", "Json", "then\n              match read_inside rest with Some (s, rest) => Some (b :: c :: s, rest)", "then\n              match read_inside rest with Some (s, rest) => Some (c :: s, rest)"),
    Mutant("numbers may start with 0", "Json", "if number_formed ds then Some (Number ds, rest) else None", "Some (Number ds, rest)"),
    Mutant("a key may appear twice", "File", "demand distinct (map fst fields) or Syntax;", ""),
    Mutant("bytes after the header are padding", "File", "demand forallb (Z.eqb 32) padding or Syntax;", ""),
    Mutant("spans need not fit the shape", "File", "\n                && (natural past - natural first =? bytes_of f * fold_right Nat.mul 1 shape) or Syntax;", " or Syntax;"),
    Mutant("shapes are not compared", "File", "demand same_shape (l_shape l) shape or Unsupported;", ""),
    Mutant("other tensors are passed over", "File", "demand forallb (fun key => existsb (same key) (key_metadata :: tensor_keys)) (map fst fields) or Unsupported;", ""),
    Mutant("a weight is shifted too little", "File", "Z.shiftl (fst me) (snd me + s)", "Z.shiftl (fst me) (snd me)"),
    Mutant("W_K is read as W_Q", "File", "do wK <- required fields body key_K", "do wK <- required fields body key_Q"),
    Mutant("b_O is passed over", "File", "do bO <- optional fields body key_bO [d];", "do bO <- Good [];"),
    Mutant("one constant of SHA-256 is another", "Sha256", "1116352408", "1116352409"),
    # The verdict
    Mutant("the digest is not compared", "Certificate", "demand same (digest fields body) (c_digest c) or Digest;", ""),
    Mutant("the total is not compared", "Certificate", "(c_total c =? total)%Z && ", ""),
    Mutant("the sizes are not compared", "Certificate", "(zv W =? c_vocab c) && ", ""),
    Mutant("one input more is right", "Certificate", "(c_at_least c <=? Z.of_nat (fst counts))%Z", "(c_at_least c - 1 <=? Z.of_nat (fst counts))%Z"),
    Mutant("the upper end is not looked at", "Certificate", " && (c_total c - Z.of_nat (snd counts) <=? c_at_most c)%Z", ""),
    Mutant("an upper end that claims something is free", "Certificate", "match c_strategy c, (c_at_most c =? c_total c)%Z with", "match c_strategy c, (c_at_most c <=? c_total c)%Z with"),
]  # fmt: skip

SOUND = [
    Mutant("another unit of weights", "Exact", "- Zpos prec)%Z", "- Zpos prec + 7)%Z", True),
    Mutant("a weaker hint", "Lose", "(0 <=? fst (fst rh) + fold_right", "(-9 <=? fst (fst rh) + fold_right", True),
    Mutant("fewer doublings", "Certificate", "Definition doublings := 3.", "Definition doublings := 1.", True),
    Mutant("smaller limits", "File", "Definition largest_table := (2 ^ 22)%Z.", "Definition largest_table := (2 ^ 20)%Z.", True),
    Mutant("less nesting", "File", "Definition nesting := 16.", "Definition nesting := 4.", True),
]  # fmt: skip


def listed() -> list[str]:
    """The files of _CoqProject, in its order."""
    return [line[:-2] for line in (HERE / "_CoqProject").read_text().split() if line.endswith(".v")]


def imports(file: str) -> set[str]:
    """Our files that a file imports."""
    text = (HERE / f"{file}.v").read_text()
    found = re.findall(r"^From Ballproof Require Import ([\w ]+)\.", text, re.MULTILINE)
    return {name for line in found for name in line.split()}


def dependents(file: str) -> list[str]:
    """The file and all between it and the goal, in an order of compilation."""
    needed, files = {GOAL}, listed()
    for name in reversed(files):
        if name in needed:
            needed |= imports(name)
    touched: list[str] = []
    for name in files:
        if name in needed and (name == file or imports(name) & set(touched)):
            touched.append(name)
    return touched


def compiled(folder: Path, name: str) -> str:
    """Compile a file; return what Coq says against it, or nothing."""
    command = ["coqc", "-q", "-w", "none", "-Q", ".", "Ballproof", f"{name}.v"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return "" if run.returncode == 0 else run.stdout + run.stderr


def at_a_proof(folder: Path, name: str, mutant: Mutant, message: str) -> bool:
    """Whether an error lies outside of the sentence that was changed, or is a test vector's."""
    if name != mutant.file:
        return True
    line = int(re.search(r"line (\d+)", message)[1])
    text = (folder / f"{name}.v").read_text()
    changed = text.index(mutant.new) if mutant.new else -1
    end = text.find(".\n", changed + len(mutant.new)) if mutant.new else -1
    return "Syntax error" not in message and line > text.count("\n", 0, max(end, 0)) + 1


def tried(mutant: Mutant) -> Outcome:
    """Make the mutant and compile what it touches."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as temporary:
        folder = Path(temporary)
        for name in listed():
            shutil.copy(HERE / f"{name}.v", folder)
            (folder / f"{name}.vo").symlink_to(HERE / f"{name}.vo")
        path = folder / f"{mutant.file}.v"
        text = path.read_text()
        if mutant.old not in text:
            return Outcome(False, f"{mutant.file}: {mutant.name}: the text is not there")
        path.write_text(text.replace(mutant.old, mutant.new, 1))
        for name in dependents(mutant.file):
            (folder / f"{name}.vo").unlink()
            if message := compiled(folder, name):
                if not at_a_proof(folder, name, mutant, message):
                    return Outcome(False, f"{mutant.file}: {mutant.name}: not a program\n{message}")
                right = not mutant.sound
                return Outcome(right, f"{mutant.file}: {mutant.name}: stops in {name}")
        return Outcome(mutant.sound, f"{mutant.file}: {mutant.name}: compiles")


def main() -> None:
    """Try all mutants, two at a time, or those of the file, or whose name holds, the first argument."""
    chosen = [
        m
        for m in UNSOUND + SOUND
        if sys.argv[1:2] == [] or sys.argv[1] in m.name or sys.argv[1] == m.file
    ]
    wrong = 0
    with ThreadPoolExecutor(2) as pool:
        for outcome in pool.map(tried, chosen):
            wrong += not outcome.right
            print(("" if outcome.right else "WRONG ") + outcome.line, flush=True)
    unsound = sum(not m.sound for m in chosen)
    print(f"{unsound} unsound mutants, {len(chosen) - unsound} sound ones, {wrong} wrong outcomes")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
