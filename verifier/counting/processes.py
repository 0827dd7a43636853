"""Worker processes that never outlive the one that they serve."""

from __future__ import annotations

import multiprocessing
import os
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
