"""A private thread for blocking calls, and how to cancel its work.

A hop is a batch's way into the connection's thread and back. It cannot be cancelled like a task: it is interrupted by
the database's own means, and waited for.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

from bulkq.errors import DatabaseError
from bulkq.model import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

NUDGE_S = 0.02
"""An interrupt that arrives between two statements is forgotten, so it is repeated."""


class DatabaseThread:
    """A thread that one connection has for itself, in the way of `asyncio.to_thread`: with the caller's context variables.

    A daemon: a statement that cannot be stopped does not keep the process from ending.
    """

    def __init__(self, name: str) -> None:
        """Start it; it waits for work."""
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._thread.is_alive()

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Call `work` in the thread, after earlier work. It continues if the future is cancelled."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        context = contextvars.copy_context()

        def task() -> None:
            try:
                result = context.run(work)
            except BaseException as error:  # noqa: BLE001 - it is the waiter's, whatever it is
                _tell(loop, _fail, future, error)
            else:
                _tell(loop, _succeed, future, result)

        self._queue.put(task)
        return future

    def end(self) -> None:
        """Let it end after its present work; does not wait."""
        self._queue.put(None)

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; whether it has come."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _serve(self) -> None:
        while (task := self._queue.get()) is not None:
            task()
            del task  # what it holds is not kept alive by a thread that waits


def _tell(loop: asyncio.AbstractEventLoop, how: Callable[..., None], future: asyncio.Future[T], what: object) -> None:
    with suppress(RuntimeError):  # the loop is closed: no task waits
        loop.call_soon_threadsafe(how, future, what)


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        if isinstance(error, StopIteration):  # no future takes one
            error = RuntimeError(f"unexpected {error!r}")
        future.set_exception(error)


async def interrupt_until_done(future: asyncio.Future[T], interrupt: Callable[[], None], grace_s: float) -> bool:
    """Interrupt until `future` is done, for at most `grace_s`. A cancellation waits for that and is raised then."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + grace_s
    cancelled: asyncio.CancelledError | None = None
    while not future.done() and loop.time() < end_s:
        interrupt()
        try:
            await asyncio.wait([future], timeout=NUDGE_S)
        except asyncio.CancelledError as error:
            cancelled = error
    if future.done() and not future.cancelled():
        future.exception()  # retrieved, because no task awaits it any more
    else:
        future.add_done_callback(lambda late: late.cancelled() or late.exception())
    if cancelled is not None:
        raise cancelled
    return future.done()


def what_lasts(hop: asyncio.Future[T], grace_s: float) -> T:
    """The result of a hop that was called back in or after its COMMIT.

    Raises:
        DatabaseError: it may have committed; the outcome is unknown.
        asyncio.CancelledError: it has not.
    """
    if not hop.done():
        raise DatabaseError(
            f"cancelled during COMMIT, without an answer within {grace_s:g}s",
            sqlstate=None,
            phase=Phase.COMMITTING,
            connection_lost=True,
            confirmed=False,
        )
    error = hop.exception()
    if error is None:
        return hop.result()
    if isinstance(error, DatabaseError) and not error.confirmed:
        raise error
    raise asyncio.CancelledError
