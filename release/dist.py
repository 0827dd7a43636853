"""Build the sdist and the wheel of the last commit, the same bytes wherever they are built.

    python release/dist.py OUT           writes both into the folder OUT
    python release/dist.py OUT --twice   builds them once more, elsewhere, and compares the bytes

Run with the tools that release/build.txt locks (`make dist` does). Only what is committed is built,
and SOURCE_DATE_EPOCH is the time of the last commit: other tools, or another commit, may give
other bytes.
"""

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What may differ between two machines and must not show, the folder and the hour beside it.
SURROUNDINGS = (
    {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
    {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"},
)


def git(*arguments: str) -> bytes:
    """Return what git prints in this clone."""
    return subprocess.run(["git", "-C", ROOT, *arguments], check=True, stdout=-1).stdout


def plain(entry: tarfile.TarInfo, epoch: int) -> tarfile.TarInfo:
    """Return the entry without owner, with the epoch as its time, and with one of two modes."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = epoch
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    entry.pax_headers = {}
    return entry


def normalise(sdist: Path, epoch: int) -> None:
    """Rewrite a .tar.gz in the order of its names, each entry plain: setuptools leaves times in."""
    rewritten = sdist.with_suffix(".new")
    with (
        tarfile.open(sdist) as source,
        rewritten.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=9, fileobj=raw, mtime=epoch) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as target,
    ):
        for entry in sorted(source.getmembers(), key=lambda entry: entry.name):
            content = source.extractfile(entry) if entry.isfile() else None
            target.addfile(plain(entry, epoch), content)
    rewritten.replace(sdist)


def unpack(archive: Path, folder: Path, epoch: int) -> None:
    """Unpack a tar archive of files and folders, each plain."""
    with tarfile.open(archive) as source:
        for entry in source.getmembers():
            source.extract(plain(entry, epoch), folder, filter="fully_trusted")


def build(out: Path, surroundings: dict[str, str]) -> list[Path]:
    """Build both files into a new folder: the sdist of the commit, and the wheel of the sdist."""
    epoch = int(git("log", "-1", "--format=%ct"))
    environment = {**os.environ, **surroundings, "SOURCE_DATE_EPOCH": str(epoch)}

    def run(kind: str, source: Path) -> Path:
        command = [sys.executable, "-m", "build", "--no-isolation", kind, "--outdir", out, source]
        # A wheel keeps the modes of files, and with them the mask of whoever builds it.
        log = subprocess.run(command, env=environment, umask=0o022, stdout=-1, stderr=-2, text=True)
        if log.returncode:
            raise SystemExit(log.stdout)
        return next(out.glob("*.whl" if kind == "--wheel" else "*.tar.gz"))

    with tempfile.TemporaryDirectory() as folder:
        archive, tree = Path(folder) / "commit.tar", Path(folder) / "commit"
        archive.write_bytes(git("archive", "--format=tar", "HEAD"))
        unpack(archive, tree, epoch)
        sdist = run("--sdist", tree)
        normalise(sdist, epoch)
        unpack(sdist, Path(folder) / "sdist", epoch)
        (source,) = (Path(folder) / "sdist").iterdir()
        return [sdist, run("--wheel", source)]


def main() -> None:
    """Build, compare where that is asked for, and print the digests."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--twice", action="store_true", help="build again elsewhere, and compare")
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    with tempfile.TemporaryDirectory() as again, ThreadPoolExecutor() as pool:
        folders = [options.out, Path(again)][: 1 + options.twice]
        built = list(pool.map(build, folders, SURROUNDINGS))
        digests = [
            [hashlib.sha256(path.read_bytes()).hexdigest() for path in both] for both in built
        ]
    for path, digest in zip(built[0], digests[0], strict=True):
        print(digest, path.name)
    if digests[0] != digests[-1]:
        raise SystemExit("built twice, and the bytes differ")
    if options.twice:
        print("built twice, the same bytes")


if __name__ == "__main__":
    main()
