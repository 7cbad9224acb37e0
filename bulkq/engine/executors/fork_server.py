"""A process that forks the workers of this machine. It imports what all of them need once, while this process imports the same."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing import forkserver, resource_tracker
from typing import TYPE_CHECKING

from bulkq.engine.executors.unix_socket import LONGEST_PATH

if TYPE_CHECKING:
    from collections.abc import Generator

BEGIN = "bulkq.engine.executors.fork_server_begin"
IMPORTED = ("distributed", "bulkq.engine.executors.dask_worker")

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "PYTHONSAFEPATH": "1",
}
"""What a nanny of Dask sets for its worker: libraries start no threads, which would also not survive a fork. The last one keeps
`queue.py` in the current folder of the user from being imported in place of Python's own.
"""

SOCKET = "/pymp-12345678/listener-12345678"
"""Where `multiprocessing` listens, in the temporary folder."""


def start_method() -> str:
    """Return how worker processes start: "spawn" where the system cannot fork, or the temporary folder has a long name."""
    can_fork = "forkserver" in multiprocessing.get_all_start_methods()
    short = len(os.fsencode(tempfile.gettempdir() + SOCKET)) <= LONGEST_PATH
    return "forkserver" if can_fork and short else "spawn"


def start_fork_server() -> None:
    """Start the process, if workers are forked and distributed is installed. It ends with this one.

    It is killed at the end of the thread that has started it, which may be earlier if that is not the main thread. Then it ends when no
    process of the run is left.
    """
    if find_spec("distributed") is None or start_method() != "forkserver":
        return
    resource_tracker.ensure_running()  # it would unblock SIGINT later
    begin = [BEGIN] if threading.current_thread() is threading.main_thread() else []
    multiprocessing.set_forkserver_preload([*begin, *IMPORTED])
    with _environment(), _without_interrupts():
        forkserver.ensure_running()


@contextmanager
def _environment() -> Generator[None, None, None]:
    """Add `ENVIRONMENT` for a process that is started; what the user has set stays."""
    added = {name: value for name, value in ENVIRONMENT.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


@contextmanager
def _without_interrupts() -> Generator[None, None, None]:
    """Block SIGINT, which processes that are started inherit: Ctrl-C reaches them too."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
