"""The command `ballproof`, also `python -m ballproof`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command and return its exit code; an interrupt while modules load is one as well."""
    try:
        # Here, because it takes most of the time until the first word is printed.
        from ballproof.verifier.commands.main import main as command

        return command()
    except KeyboardInterrupt:
        print("ballproof: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
