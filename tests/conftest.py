"""Make the test helpers, and the kernel's modules under their plain names, importable."""

import sys
from pathlib import Path

from hypothesis import settings

TESTS = Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS))
# Last, so that no kernel module can hide one of the standard library.
sys.path.append(str(TESTS.parent / "certificates" / "checker"))

# Enumerating every sequence of a toy takes longer than hypothesis's default deadline.
settings.register_profile("ballproof", deadline=None)
settings.load_profile("ballproof")
