"""The three verdicts, their exit codes, and the sentence that states what was proved.

Success is decided in one place only: `kernel.check` returns a `Theorem`. Everything else raises.
"""

from typing import NamedTuple

VERIFIED, REJECTED, DECLINED, USAGE, INTERNAL, INTERRUPTED = 0, 1, 2, 64, 70, 130


class Refusal(Exception):
    """Why a certificate was not verified: a reason code and one sentence."""

    word = "DECLINED"
    exit_code = DECLINED

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(f"{reason} {sentence}")
        self.reason = reason
        self.sentence = sentence
        self.established: dict[str, str] = {}


class Declined(Refusal):
    """The files cannot be read, ask for something unsupported, or exceed a limit."""


class Rejected(Refusal):
    """The files were read, and the claim is not established."""

    word = "REJECTED"
    exit_code = REJECTED


def decline_unless(holds: bool, reason: str, sentence: str) -> None:
    """Raise `Declined` unless the condition holds."""
    if not holds:
        raise Declined(reason, sentence)


def reject_unless(holds: bool, reason: str, sentence: str) -> None:
    """Raise `Rejected` unless the condition holds."""
    if not holds:
        raise Rejected(reason, sentence)


class Theorem(NamedTuple):
    """What a verified certificate proves about the weights with this digest."""

    task: str
    sha256: str
    semantics: str
    margin: str
    total: int
    correct_at_least: int
    correct_at_most: int
    operations: int
    tally: int

    def line(self) -> str:
        """Return the verdict line; the fraction is rounded down to five decimals."""
        share = self.correct_at_least * 10**5 // self.total
        upper = f", at most {self.correct_at_most}" if self.correct_at_most < self.total else ""
        return (
            f"s VERIFIED {self.task} sha256:{self.sha256} {self.semantics} margin {self.margin}: "
            f"at least {self.correct_at_least} of {self.total} correct "
            f"(>= {share // 10**5}.{share % 10**5:05d}){upper}, {self.operations} operations"
        )

    def fields(self) -> dict[str, object]:
        """Return the verdict as JSON fields; large numbers are decimal strings."""
        statement = {key: str(value) for key, value in self._asdict().items()}
        return {"verdict": "VERIFIED", "exit_code": VERIFIED, **statement}


def refusal_line(refusal: Refusal) -> str:
    """Return the verdict line of a rejection or a decline."""
    return f"s {refusal.word} {refusal.reason} {refusal.sentence}"


def refusal_fields(refusal: Refusal) -> dict[str, object]:
    """Return a rejection or a decline as JSON fields, with the counts that were established."""
    fields = {"verdict": refusal.word, "exit_code": refusal.exit_code, "reason": refusal.reason}
    return {**fields, "sentence": refusal.sentence, **refusal.established}
