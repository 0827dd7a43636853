"""The certificate as an object: every field present, of its type, and within its limits."""

from typing import Any, NamedTuple

from strictjson import count, parse_object, rational, require_keys, small, string
from tally import Tally
from transformer import Shape
from verdict import Declined, Rejected

FORMAT = "ballproof-certificate/1"
MAX_FILE = 64 * 2**20
MAX_SIZE = 2**28
PRECISIONS = (32, 1024)
DEFAULT_MAX_OPERATIONS = 10**11


class Claim(NamedTuple):
    """What the certificate claims, and how it says that this can be proved."""

    sha256: str
    shape: Shape
    task: str
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

    def tally(self) -> Tally:
        """Return a tally with the certificate's own budget."""
        return Tally(self.operations)


class Pins(NamedTuple):
    """What the caller demands of the statement, whatever the certificate says."""

    task: str | None = None
    semantics: str | None = None
    margin: tuple[int, int] | None = None
    at_least: tuple[int, int] | None = None
    max_operations: int = DEFAULT_MAX_OPERATIONS


def read_claim(data: bytes, max_operations: int) -> Claim:
    """Return the claim that a certificate file makes, or decline it."""
    if len(data) > MAX_FILE:
        raise Declined("limit", f"certificate: the file is larger than {MAX_FILE} bytes.")
    top = parse_object(data, "certificate")
    if top.get("format", FORMAT) != FORMAT:
        raise Declined("unsupported", f"certificate: the format is not {FORMAT}.")
    require_keys(top, ("format", "claim", "proof"), "certificate")
    claim = require_keys(top["claim"], _CLAIM_KEYS, "claim")
    model = require_keys(claim["model"], ("sha256", *Shape._fields), "claim.model")
    proof = require_keys(top["proof"], ("strategy", "precision", "operations", "witness"), "proof")
    if not isinstance(proof["witness"], dict):
        raise Declined("syntax", "proof.witness: an object is expected.")
    result = Claim(
        _sha256(model["sha256"]),
        Shape(*(small(model[key], 1, MAX_SIZE, f"claim.model.{key}") for key in Shape._fields)),
        string(claim["task"], "claim.task"),
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
    if result.operations > max_operations:
        raise Declined(
            "limit",
            f"the budget of {result.operations} operations is above the limit of {max_operations}.",
        )
    if result.semantics != "real":
        raise Declined("unsupported", "claim.semantics: only 'real' is supported.")
    return result


_CLAIM_KEYS = (
    "model",
    "task",
    "semantics",
    "margin",
    "total",
    "correct_at_least",
    "correct_at_most",
)


def _margin(value: Any) -> tuple[int, int]:
    numerator, denominator = rational(value, "claim.margin")
    if numerator < 0:
        raise Declined("unsupported", "claim.margin: a margin is not negative.")
    return numerator, denominator


def _sha256(value: Any) -> str:
    text = string(value, "claim.model.sha256")
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise Declined("syntax", "claim.model.sha256: 64 lower-case hex digits are expected.")
    return text


def require_model(claim: Claim, sha256: str, shape: Shape) -> None:
    """Reject a claim about other weights, or one whose statement does not fit them."""
    if claim.sha256 != sha256:
        raise Rejected("digest", f"the certificate is for sha256:{claim.sha256}, not {sha256}.")
    if claim.shape != shape:
        raise Rejected("statement", f"the weights have the shape {tuple(shape)}.")
    if claim.task != f"max-of-{shape.n_ctx}":
        raise Rejected("statement", f"the task of these weights is max-of-{shape.n_ctx}.")
    total = shape.d_vocab**shape.n_ctx
    if claim.total != total:
        raise Rejected("statement", f"there are {total} inputs, not {claim.total}.")
    if not claim.correct_at_least <= claim.correct_at_most <= total:
        raise Rejected("statement", "correct_at_least <= correct_at_most <= total does not hold.")


def require_pins(claim: Claim, pins: Pins) -> None:
    """Reject a claim that is not the one that the caller asked for."""
    if pins.task is not None and claim.task != pins.task:
        raise Rejected("pin", f"the task is {claim.task}, not {pins.task!a}.")
    if pins.semantics is not None and claim.semantics != pins.semantics:
        raise Rejected("pin", f"the semantics are {claim.semantics}, not {pins.semantics!a}.")
    if pins.margin is not None and pins.margin != claim.margin:
        raise Rejected("pin", f"the margin is {claim.margin_text}.")
    if pins.at_least is not None:
        numerator, denominator = pins.at_least
        if claim.correct_at_least * denominator < numerator * claim.total:
            raise Rejected("pin", f"only {claim.correct_at_least} of {claim.total} are claimed.")
