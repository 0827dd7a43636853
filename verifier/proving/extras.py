"""Libraries that only some commands need: what to install where one is missing."""

from __future__ import annotations


def installing(extra: str) -> str:
    """Return the command that installs an extra: the project is installed from its own folder."""
    return f"pip install '.[{extra}]' in the project's folder"


class MissingExtraError(RuntimeError):
    """A library that a command needs is not installed; the message says how to get it."""

    def __init__(self, purpose: str, library: str, extra: str) -> None:
        super().__init__(f"{purpose} needs {library}: {installing(extra)} provides it.")
