"""What a run of the checker must look like, whatever its verdict."""

import re

from support.certify import established, trained_toy

USAGE, INTERNAL, INTERRUPTED = 64, 70, 130
WORDS = {0: "VERIFIED", 1: "REJECTED", 2: "DECLINED"}
MODEL = trained_toy()
TRUE, _ = established(MODEL, "exact")


def require_agreement(run, exit_code, reason=None):
    """Demand this exit code, the verdict line that goes with it, and nothing on stderr."""
    assert run.exit_code == exit_code, run
    assert run.stdout.count("\n") == 1
    start = f"s {WORDS[exit_code]} "
    assert run.last_line.startswith(start + (f"{reason} " if reason else ""))
    assert run.stderr == ""


def require_no_verdict(run, exit_code):
    """Demand this exit code, no verdict, and a message without a traceback."""
    assert run.exit_code == exit_code, run
    assert not re.search("VERIFIED|REJECTED|DECLINED", run.stdout)
    assert run.stderr
    assert "Traceback" not in run.stderr
