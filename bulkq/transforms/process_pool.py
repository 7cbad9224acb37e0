"""A pool of processes, each of which can be killed alone when a call takes too long.

Each process is a pool of its own, so that a process over its time limit is known by id, and killing it affects no other call.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import sys
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from bulkq.transforms.child import apply_function, begin_process, probe_function

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from bulkq.transforms.child import Answer, Row

T = TypeVar("T")

START_S = 60.0
"""For a process to start and import the function; a heavy library takes its time."""


class CallTimeout(Exception):
    """A call was not done in time, and its process was killed."""


class ProcessCrash(Exception):
    """The process ended in the middle of a call: a crash, the kernel's memory killer, `os._exit`."""


class WorkerProcess:
    """One process, started by its first call and again after it was killed."""

    def __init__(self, spec: str, folder: str) -> None:
        self._spec = spec
        self._folder = folder
        self._executor: ProcessPoolExecutor | None = None
        self._pid = 0

    async def start(self) -> str:
        """Start it; what is wrong with the function, or "".

        Raises:
            CallTimeout, ProcessCrash: it never came so far.
        """
        context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
        self._executor = ProcessPoolExecutor(1, mp_context=context, initializer=begin_process, initargs=(self._folder,))
        self._pid, wrong = await self._run(self._executor, START_S, probe_function, self._spec)
        return wrong

    async def apply(self, sets: list[list[Row]], timeout_s: float | None) -> list[Answer]:
        """The function's answers for `sets`.

        Raises:
            CallTimeout: they took longer than `timeout_s` together.
            ProcessCrash: the process ended.
        """
        if self._executor is None:
            await self.start()
        assert self._executor is not None
        return await self._run(self._executor, timeout_s, apply_function, self._spec, sets)

    def close(self) -> None:
        """End the process."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
            self._kill()

    async def _run(
        self, executor: ProcessPoolExecutor, timeout_s: float | None, function: Callable[..., T], *arguments: object
    ) -> T:
        try:
            with _main_left_out():
                call = asyncio.get_running_loop().run_in_executor(executor, function, *arguments)
            async with asyncio.timeout(timeout_s):
                return await call
        except TimeoutError:
            self.close()
            raise CallTimeout from None
        except BrokenExecutor as error:
            self.close()
            raise ProcessCrash from error
        except asyncio.CancelledError:
            self.close()
            raise

    def _kill(self) -> None:
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        self._pid = 0


@contextlib.contextmanager
def _main_left_out() -> Generator[None, None, None]:
    """Keep a process that starts inside this block from running the caller's main script again, which may be anything.

    `multiprocessing.spawn.get_preparation_data` looks for it in these two attributes; the function is imported by name anyway.
    """
    main = sys.modules["__main__"]
    kept: dict[str, object] = {name: main.__dict__[name] for name in ("__spec__", "__file__") if name in main.__dict__}
    main.__dict__.update(__spec__=None, __file__=None)
    try:
        yield
    finally:
        main.__dict__.pop("__file__", None)
        main.__dict__.update(kept)


class ProcessPool:
    """At most `count` processes, lent to one caller each."""

    def __init__(self, spec: str, folder: str, count: int) -> None:
        self._idle = [WorkerProcess(spec, folder) for _ in range(count)]
        self._all = tuple(self._idle)
        self._free = asyncio.Semaphore(count)

    async def start(self) -> str:
        """Start the first one; what is wrong with the function, or "".

        Raises:
            CallTimeout, ProcessCrash: as `WorkerProcess.start`.
        """
        return await self._all[0].start()

    async def apply(self, sets: list[list[Row]], timeout_s: float | None) -> list[Answer]:
        """As `WorkerProcess.apply`, in the process that was at work last."""
        async with self._free:
            process = self._idle.pop(0)
            try:
                return await process.apply(sets, timeout_s)
            finally:
                self._idle.insert(0, process)

    def close(self) -> None:
        """End them all."""
        for process in self._all:
            process.close()
