"""Tasks on a Dask cluster that is there already (the extra `sweep`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ballproof.verifier.proving.extras import MissingExtraError
from ballproof.verifier.study.events import Event, Failed, Finished, WorkersLostError
from ballproof.verifier.study.work import Task, run_task

# Seconds to wait for the scheduler, and for its first worker.
PATIENCE = 30


def require_dask() -> Any:
    """Return dask's `distributed`; raise MissingExtraError where it is not installed."""
    try:
        import distributed
    except ImportError:
        raise MissingExtraError("--scheduler", "dask", "sweep") from None
    return distributed


def run_on_cluster(tasks: Sequence[Task], address: str) -> Iterator[Event]:
    """Do the tasks on the workers of the scheduler at `address`, and yield what happens to them.

    Weights travel to the workers and certificates back as bytes: no disk is shared. A task whose
    worker dies is done by another; the scheduler gives up on one that has taken several with it.
    Raises WorkersLostError where the cluster cannot be reached, is lost, or cannot do the work.
    """
    distributed = require_dask()
    with _client(distributed, address) as client, client.as_current():
        _require_able_workers(client, address)
        futures = {
            client.submit(run_task, task, pure=False): number for number, task in enumerate(tasks)
        }
        for future in distributed.as_completed(list(futures)):
            number = futures.pop(future)
            try:
                # Waits anew where the result was lost with its worker: another computes it then.
                event: Event = Finished(number, future.result())
            except distributed.client.FutureCancelledError:
                raise WorkersLostError(f"The cluster at {address} was lost.") from None
            except Exception as error:
                if client.status != "running":
                    raise WorkersLostError(f"The cluster at {address} was lost.") from error
                event = Failed(number, f"{type(error).__name__}: {error}")
            yield event
            future.release()


def _client(distributed: Any, address: str) -> Any:
    try:
        return distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise WorkersLostError(f"No Dask scheduler answers at {address}: {error}") from None


def _require_able_workers(client: Any, address: str) -> None:
    """Raise WorkersLostError unless there are workers and all of them run this version."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise WorkersLostError(f"The scheduler at {address} has no workers.") from None
    ours = _ours()
    try:
        versions = client.run(version_here, on_error="return")
    except ModuleNotFoundError as error:
        versions = {"a worker": error}
    for worker, found in versions.items():
        if found != ours:
            raise WorkersLostError(
                f"{worker} has no ballproof {ours}: {found}. Install the same version there."
            )


def _ours() -> str:
    return version_here()


def version_here() -> str:
    """Return the version of ballproof in this process."""
    from importlib.metadata import version

    return version("ballproof")
