"""The sessions of runs in a Dask worker, behind a handler of its server.

A request is no Dask task: it takes no slot of the worker, and Dask never repeats it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import pickle
import signal
import time
from typing import TYPE_CHECKING, Any

from bulkq.engine.executors.parent_end import wake_after_parent
from bulkq.engine.executors.unix_socket import connect_session
from bulkq.engine.executors.worker_session import WorkerSession

if TYPE_CHECKING:
    from bulkq.engine.executors.worker_session import SessionSettings

OPERATION = "bulkq"
"""Name of the handler."""

PROBE = (
    "{'python': '.'.join(map(str, __import__('sys').version_info[:3])),"
    " 'packages': {n: next((d.version for d in __import__('importlib.metadata', fromlist=['x']).distributions(name=n)), '')"
    " for n in ('bulkq', 'distributed')},"
    " 'loaded': getattr(__import__('sys').modules.get('bulkq'), '__version__', ''),"
    " 'host': __import__('socket').gethostname(), 'pid': __import__('os').getpid()}"
)
"""What `eval` gives in a worker that may lack bulkq, or have another version of Python. What a former run has loaded there stays."""

NOTICED_S = 1.5
"""Seconds after which runs have noticed that this worker is to end, and send it no more batches."""

GRACE_S = 10.0
"""Seconds that batches get to end in a worker that is retired. It would otherwise end at once, because it has no Dask task."""

LOOK_S = 0.05

_sessions: dict[str, WorkerSession] = {}


class SessionExtension:
    """Lets a worker that closes wait for the batches that it has. Dask awaits `close` before it stops to listen."""

    async def close(self) -> None:
        """Return when no batch is left that began before runs noticed, or after the grace."""
        if not _open():
            return
        ends_s = time.monotonic() + GRACE_S
        await asyncio.sleep(NOTICED_S)
        while any(session.busy for session in _open()) and time.monotonic() < ends_s:  # noqa: ASYNC110 - for some seconds, once
            await asyncio.sleep(LOOK_S)


def _open() -> list[WorkerSession]:
    return [session for session in _sessions.values() if not session.ended]


async def begin_session(packed: bytes, dask_worker: Any = None) -> str:
    """Open a session in this worker, and end older ones of the same run. Return its id.

    Args:
        packed: the `SessionSettings`, pickled.
        dask_worker: given by Dask.
    """
    settings: SessionSettings = pickle.loads(packed)  # noqa: S301 - Dask runs what its clients send
    if not settings.keeps_interrupts:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        wake_after_parent()
        gc.freeze()  # the process is the run's own: what was imported stays
    for session in [one for one in _sessions.values() if one.settings.run == settings.run or one.ended]:
        _sessions.pop(session.settings.session, None)
        await session.end()
    dask_worker.handlers[OPERATION] = respond
    dask_worker.extensions.setdefault(OPERATION, SessionExtension())
    session = _sessions[settings.session] = WorkerSession(settings)
    if settings.socket:
        with contextlib.suppress(OSError):  # also a timeout; then requests come as messages of Dask
            await connect_session(session, settings.socket)
    return settings.session


async def respond(session: str, data: bytes) -> bytes:
    """Answer a request to a session; b"" if there is none of this id."""
    found = _sessions.get(session)
    if found is None or found.ended:
        return b""
    return await found.handle(data)
