"""The certificate as an object: every field present, of its type, and within its limits."""

from typing import Any, NamedTuple

from files.strictjson import count, parse_object, rational, require_keys, small, string
from files.verdict import decline_unless, reject_unless
from parts.architecture import Architecture, Parts
from parts.architectures import architecture_of
from tasks.task import Task, read_task

FORMAT, OLDER = "ballproof-certificate/2", "ballproof-certificate/1"
SEMANTICS = ("real", "float32")
# The rules that operations are counted by (docs/certificate.md).
TALLY = 1
MAX_FILE = 64 * 2**20
MAX_SIZE = 2**28
PRECISIONS = (32, 1024)
DEFAULT_MAX_OPERATIONS = 10**11


# Numbers of inputs, at least and at most.
Counts = tuple[int, int]


class Claim(NamedTuple):
    """What the certificate claims, and how it says that this can be proved."""

    sha256: str
    architecture: Architecture
    parts: Parts
    sizes: dict[str, int]
    task: Task
    semantics: str
    margin_text: str
    margin: tuple[int, int]
    total: int
    correct_at_least: int
    correct_at_most: int
    strategy: str
    precision: int
    operations: int
    witness: dict[str, Any]

    @property
    def words(self) -> str:
        """The model's parts in words."""
        return self.architecture.words(self.parts)

    @property
    def question(self) -> str:
        """The task's name."""
        return self.task.name(self.sizes["d_vocab"], self.sizes["d_vocab_out"])


class Pins(NamedTuple):
    """What the caller demands of the statement, whatever the certificate says."""

    task: str | None = None
    semantics: str | None = None
    margin: tuple[int, int] | None = None
    at_least: tuple[int, int] | None = None
    max_operations: int = DEFAULT_MAX_OPERATIONS


_STATED = ("model", "task", "semantics", "margin", "total", "correct_at_least", "correct_at_most")
_PROVED = ("tally", "strategy", "precision", "operations", "witness")


def read_claim(data: bytes, max_operations: int) -> Claim:
    """Return the claim that a certificate file makes, or decline it."""
    decline_unless(len(data) <= MAX_FILE, "limit", f"certificate: more than {MAX_FILE} bytes.")
    top = parse_object(data, "certificate")
    found = top.get("format", FORMAT)
    advice = "make the certificate again with `ballproof prove`" if found == OLDER else "unknown"
    decline_unless(found == FORMAT, "unsupported", f"format: not {FORMAT}: {advice}.")
    require_keys(top, ("format", "claim", "proof"), "certificate")
    claim = require_keys(top["claim"], _STATED, "claim")
    model = require_keys(claim["model"], ("sha256", "parts", "sizes"), "claim.model")
    architecture, parts = architecture_of(model["parts"])
    sizes = require_keys(model["sizes"], architecture.sizes, "claim.model.sizes")
    proof = require_keys(top["proof"], _PROVED, "proof")
    small(proof["tally"], TALLY, TALLY, "proof.tally")
    decline_unless(isinstance(proof["witness"], dict), "syntax", "proof.witness: not an object.")
    result = Claim(
        _sha256(model["sha256"]),
        architecture,
        parts,
        {
            x: small(sizes[x], x != "d_mlp", MAX_SIZE, f"claim.model.sizes.{x}")
            for x in architecture.sizes
        },
        read_task(claim["task"]),
        string(claim["semantics"], "claim.semantics"),
        claim["margin"],
        _margin(claim["margin"]),
        count(claim["total"], "claim.total"),
        count(claim["correct_at_least"], "claim.correct_at_least"),
        count(claim["correct_at_most"], "claim.correct_at_most"),
        string(proof["strategy"], "proof.strategy"),
        small(proof["precision"], *PRECISIONS, "proof.precision"),
        count(proof["operations"], "proof.operations"),
        proof["witness"],
    )
    budget = f"the budget of {result.operations} operations is above the limit of {max_operations}."
    decline_unless(result.operations <= max_operations, "limit", budget)
    decline_unless(result.semantics in SEMANTICS, "unsupported", "claim.semantics: unknown.")
    return result


def _margin(value: Any) -> tuple[int, int]:
    margin = rational(value, "claim.margin")
    decline_unless(margin[0] >= 0, "unsupported", "claim.margin: a margin is not negative.")
    return margin


def _sha256(value: Any) -> str:
    text = string(value, "claim.model.sha256")
    good = len(text) == 64 and set(text) <= set("0123456789abcdef")
    decline_unless(good, "syntax", "claim.model.sha256: not 64 lower-case hex digits.")
    return text


def require_model(claim: Claim, sha256: str, sizes: dict[str, int]) -> None:
    """Reject a claim about other weights, or one whose statement does not fit them."""
    other = f"the certificate is for sha256:{claim.sha256}, not {sha256}."
    reject_unless(claim.sha256 == sha256, "digest", other)
    task, last = claim.task, max(span.stop for span in claim.task.positions)
    d_vocab, n_ctx, d_vocab_out = (sizes[x] for x in ("d_vocab", "n_ctx", "d_vocab_out"))
    for holds, sentence in (
        (claim.sizes == sizes, f"the weights have the shape {tuple(sizes.values())}."),
        (len(task.positions) == n_ctx, f"the weights have {n_ctx} positions."),
        (last <= d_vocab, f"the weights have {d_vocab} tokens."),
        (task.answers.stop <= d_vocab_out, f"there are {d_vocab_out} outputs."),
    ):
        reject_unless(holds, "statement", sentence)
    # Only now is it known to have no more digits than anybody can print.
    total = task.total
    decline_unless(total > 0, "unsupported", "claim.task: no sequence has a label.")
    ordered = claim.correct_at_least <= claim.correct_at_most <= total
    for holds, sentence in (
        (claim.total == total, f"there are {total} inputs, not {claim.total}."),
        (ordered, "correct_at_least <= correct_at_most <= total does not hold."),
    ):
        reject_unless(holds, "statement", sentence)


def require_pins(claim: Claim, pins: Pins) -> None:
    """Reject a claim that is not the one that the caller asked for."""
    claims = {"task": claim.question, "semantics": claim.semantics, "margin": claim.margin}
    for what, claimed in claims.items():
        wanted = getattr(pins, what)
        sentence = f"the {what} is {claimed}, not {str(wanted)[:80]!a}."
        reject_unless(wanted in (None, claimed), "pin", sentence)
    numerator, denominator = pins.at_least or (0, 1)
    reached = claim.correct_at_least * denominator >= numerator * claim.total
    sentence = f"only {claim.correct_at_least} of {claim.total} are claimed."
    reject_unless(reached, "pin", sentence)
