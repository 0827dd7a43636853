"""Worker processes that never outlive the one that they serve."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing.process import BaseProcess
from threading import Thread


@cache
def end_with_parent() -> None:
    """In a process that another one started: leave at once when the other ends, even by SIGKILL."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    # Nobody is left to answer to.
    os._exit(1)


@contextmanager
def spawning() -> Iterator[None]:
    """Let processes that are started here not run the caller's script again.

    A fresh interpreter imports the main module of the one that starts it: a script of two lines,
    without `if __name__ == "__main__"`, would start processes that start processes. Nothing of ours
    is in it, so for this while it has neither file nor spec.
    """
    main = sys.modules["__main__"]
    missing = object()
    kept = {name: getattr(main, name, missing) for name in ("__file__", "__spec__")}
    main.__spec__ = None
    if kept["__file__"] is not missing:
        del main.__file__
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is not missing:
                setattr(main, name, value)
