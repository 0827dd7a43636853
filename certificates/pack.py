"""Pack the standalone checker into one file that any Python 3.11 runs.

Run as `python3 certificates/pack.py OUT.pyz`; needs nothing but the standard library.
"""

import shutil
import sys
import tempfile
import zipapp
from pathlib import Path

CHECKER = Path(__file__).parent / "checker"


def pack(target: Path) -> None:
    """Write the checker's modules, and nothing else, as a zip archive that Python runs."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted(CHECKER.rglob("*.py")):
            copy = Path(folder) / source.relative_to(CHECKER)
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(source, copy)
        zipapp.create_archive(folder, target, interpreter="/usr/bin/env python3")


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
    print(sys.argv[1])
