"""The three verdicts, their exit codes, and the sentence that states what was proved.

Success is decided in one place only: `kernel.check` returns a `Theorem`. Everything else raises.
"""

from typing import NamedTuple

VERIFIED, REJECTED, DECLINED, USAGE, INTERNAL, INTERRUPTED = 0, 1, 2, 64, 70, 130


class Refusal(Exception):
    """Why a certificate was not verified: a reason code, one sentence, established counts."""

    word, exit_code = "DECLINED", DECLINED

    def __init__(self, reason: str, sentence: str, **established: int) -> None:
        super().__init__(f"{reason} {sentence}")
        self.reason, self.sentence = reason, sentence
        self.established = {key: str(value) for key, value in established.items()}

    def line(self) -> str:
        """Return the verdict line."""
        return f"s {self.word} {self.reason} {self.sentence}"

    def fields(self) -> dict[str, object]:
        """Return the verdict as JSON fields, with the counts as decimal strings."""
        fields = {"verdict": self.word, "exit_code": self.exit_code, "reason": self.reason}
        return {**fields, "sentence": self.sentence, **self.established}


class Declined(Refusal):
    """The files cannot be read, ask for something unsupported, or exceed a limit."""


class Rejected(Refusal):
    """The files were read, and the claim is not established."""

    word, exit_code = "REJECTED", REJECTED


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
    model: str
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
            f"s VERIFIED {self.task} of {self.model} sha256:{self.sha256} "
            f"{self.semantics} margin {self.margin}: "
            f"at least {self.correct_at_least} of {self.total} correct "
            f"(>= {share // 10**5}.{share % 10**5:05d}){upper}, {self.operations} operations"
        )

    def fields(self) -> dict[str, object]:
        """Return the verdict as JSON fields; large numbers are decimal strings."""
        statement = {key: str(value) for key, value in self._asdict().items()}
        return {"verdict": "VERIFIED", "exit_code": VERIFIED, **statement}
