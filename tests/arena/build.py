"""Write the corpus of the arena again: `python tests/arena/build.py`, about a minute.

The same models give the same bytes. A model that is missing from models/ is made; one that is there
is kept. Needs what the tests need, and the reference checker of this tree for the counts that its
strategies show.
"""

import argparse
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def main() -> None:
    """Write all files, saying what is done."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    sys.path += [str(TESTS), str(TESTS.parent / "certificates" / "checker")]
    from arena_corpus import write

    for line in write():
        print(line, flush=True)


if __name__ == "__main__":
    main()
