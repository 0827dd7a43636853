"""Build the arena from its seeds: `python tests/arena/build.py`, a few seconds.

Every case must be what tests/arena/manifest.txt says, byte for byte; otherwise nothing is written
and the cases are named. Needs what the tests need, and the reference checker of this tree for the
counts that its strategies show.
"""

import argparse
import hashlib
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
OUT = TESTS.parent / "out" / "arena"


def main() -> int:
    """Build, compare, write; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="the folder (default out/arena)")
    parser.add_argument("--pack", type=Path, metavar="TAR", help="write an archive instead")
    parser.add_argument(
        "--manifest", action="store_true", help="write the manifest anew instead of comparing"
    )
    options = parser.parse_args()
    sys.path += [str(TESTS), str(TESTS.parent / "certificates" / "checker")]
    import arena_corpus as arena
    from arena_models import keep_missing_models

    if options.manifest:
        for name in keep_missing_models():
            print(f"made {arena.ARENA / 'models' / name}.safetensors")
        corpus = arena.build()
        arena.write_manifest(corpus.lines)
        print(f"{arena.MANIFEST}: {len(corpus.lines)} lines")
        return 0
    corpus = arena.build()
    try:
        arena.require(corpus.lines, arena.read_manifest())
    except arena.ManifestError as error:
        print(f"build.py: not what {arena.MANIFEST.name} says: {error}", file=sys.stderr)
        return 1
    files = arena.whole(corpus)
    if options.pack:
        arena.pack(files, options.pack)
        print(f"{options.pack}: SHA-256 {hashlib.sha256(options.pack.read_bytes()).hexdigest()}")
    else:
        arena.write(files, options.out)
        size = sum(map(len, corpus.files.values()))
        print(f"{options.out}: {len(corpus.files)} files, {size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
