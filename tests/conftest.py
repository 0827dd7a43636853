"""Make the test helpers, and the kernel's modules under their plain names, importable."""

import os
import sys
from pathlib import Path

from hypothesis import settings

TESTS = Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS))
# Last, so that no kernel module can hide one of the standard library.
sys.path.append(str(TESTS.parent / "certificates" / "checker"))

# Containers like to set it: each of hundreds of commands that tests start would compile all anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Enumerating every sequence of a toy takes longer than hypothesis's default deadline.
settings.register_profile("ballproof", deadline=None)
settings.load_profile("ballproof")
