"""Libraries that only some commands need: what to install where one is missing."""

from __future__ import annotations


class MissingExtraError(RuntimeError):
    """A library that a command needs is not installed; the message says how to get it."""

    def __init__(self, purpose: str, library: str, extra: str) -> None:
        super().__init__(f"{purpose} needs {library}: pip install 'ballproof[{extra}]'.")
