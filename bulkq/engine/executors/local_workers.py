"""Worker processes that a run starts on this machine, and ends."""

from __future__ import annotations

import logging
import signal
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

import dask
import distributed.utils
from distributed import LocalCluster, Nanny, Security

from bulkq.engine.executors.fork_server import start_method
from bulkq.errors import MissingDriver, TargetError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

QUIET = {
    "distributed.worker.daemon": False,
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
}
"""What samples workers for a dashboard takes processor time from the run."""


class DeafSteps:
    """Takes the steps of a coroutine with SIGINT blocked in this thread: threads and processes that they start never receive it.

    Ctrl-C reaches the processes of workers as well. They ignore it once they have a session, but need seconds to get there.
    """

    def __init__(self, work: Coroutine[Any, None, Any]) -> None:
        self._work = work

    def __await__(self) -> Generator[Any, None, Any]:
        """Pass on what the coroutine waits for."""
        steps = self._work.__await__()
        error: BaseException | None = None
        while True:
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                waiting = next(steps) if error is None else steps.throw(error)
            except StopIteration as end:
                return end.value
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            try:
                error = None
                yield waiting
            except BaseException as raised:  # noqa: BLE001 - for the coroutine
                error = raised


class DeafNanny(Nanny):  # type: ignore[misc] # distributed has no types
    """Starts a worker process that does not receive SIGINT."""

    async def instantiate(self) -> Any:
        """See `distributed.Nanny`."""
        if not hasattr(signal, "pthread_sigmask"):
            return await super().instantiate()
        return await DeafSteps(super().instantiate())


async def start_workers(workers: int) -> Any:
    """Start a scheduler in this process and worker processes on this machine, which other users cannot reach.

    Raises:
        MissingDriver: a package for their certificates is not installed.
        TargetError: they do not start.
    """
    dask.config.set(QUIET | {"distributed.worker.multiprocessing-method": start_method()})
    distributed.utils._forkserver_preload_set = True  # noqa: SLF001 - it would import pandas here
    resource_tracker.ensure_running()  # it would unblock SIGINT when a worker starts it
    try:
        return await LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            worker_class=DeafNanny,
            memory_limit=0,
            security=Security.temporary(),  # here, because a cluster that has begun does not end well without it
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",  # without it, workers answer HTTP on all interfaces
            scheduler_kwargs={"dashboard": False},
            asynchronous=True,
            silence_logs=logging.CRITICAL,
        )
    except ImportError as error:  # distributed installs nothing that makes certificates
        raise MissingDriver(
            f"--executor dask:local={workers} needs the package \"{error.name or 'cryptography'}\": pip install 'bulkq[dask]'"
        ) from None
    except (OSError, RuntimeError) as error:  # also a timeout
        why = " ".join(str(error.__cause__ or error).split())[:200]
        if not why or why.startswith("Status."):  # of the nanny
            why = "a worker process ended"
        raise TargetError(
            f"the {workers} workers of dask:local={workers} did not start ({why}): start fewer, or use --executor local"
        ) from None
