"""The workers of a Dask cluster, as places where a run executes its batches: connect to its scheduler, with TLS files if it has them.

A run talks to the scheduler and to the workers by their own messages, without a client of Dask: nothing of it ends if the scheduler
is started again, and no task exists that Dask could repeat.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import secrets
import sys
import time
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from distributed.core import ConnectionPool
from distributed.protocol.pickle import dumps
from distributed.security import Security

from bulkq.engine.executors.dask_worker import OPERATION, PROBE, begin_session
from bulkq.engine.executors.local_workers import start_workers
from bulkq.engine.executors.unix_socket import StreamServer
from bulkq.engine.executors.worker_channel import LEASE_S, WorkerChannel
from bulkq.engine.executors.worker_roster import WorkerRoster
from bulkq.engine.executors.worker_session import SessionSettings
from bulkq.errors import BulkqError, RefusedError, TargetError, UsageError
from bulkq.model.worker_status import WorkerState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bulkq.model import ExecutorChoice

SCHEDULER_S = 5.0
"""Seconds that a scheduler gets to answer the first time."""

WORKERS_S = 10.0
"""Seconds that a run waits for the first worker of a cluster, which may just be starting."""

ADMIT_S = 10.0
"""Seconds that a worker gets to begin a session."""

LOOK_S = 1.0
"""Seconds between two looks for new workers."""

DIRECT_S = 2.0
"""Seconds in which a worker must be reachable from here. Otherwise the scheduler passes requests on."""


class DaskCluster:
    """Sessions of a run in the workers of a cluster. Workers that join are used, workers that are lost are left out.

    Args:
        choice: of the user.
        settings: of each session, but for its id.
        say: shows a message to the user.
    """

    def __init__(self, choice: ExecutorChoice, settings: SessionSettings, say: Callable[[str], None]) -> None:
        self.choice = choice
        self._settings = settings
        self._say = say
        self._channels: dict[str, WorkerChannel] = {}
        self._refused: dict[str, str] = {}
        self.roster = WorkerRoster(choice.text)
        self._local: Any = None
        self._streams = StreamServer()
        self._pool: Any = None
        self._scheduler = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self.on_new: Callable[[WorkerChannel], Awaitable[None]] | None = None
        """Makes definitions known to a worker before it is used."""

    @property
    def encrypted(self) -> bool:
        """Whether messages to workers are encrypted."""
        return self._scheduler.startswith("tls://")

    def workers(self) -> Sequence[WorkerChannel]:
        """Return the sessions that can be used now."""
        return [channel for channel in self._channels.values() if not channel.lost]

    async def open(self) -> None:
        """Connect to the scheduler, begin a session in each worker, and look for changes from now on.

        Raises:
            TargetError: there is no scheduler, or no worker, or workers of this machine do not start.
            RefusedError: workers have other versions.
        """
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        security = _security(self.choice)
        if self.choice.local:
            await self._streams.open()
            self._local = await start_workers(self.choice.local)
            self._scheduler, security = self._local.scheduler_address, self._local.security
        else:
            self._scheduler = self.choice.address
        self._pool = ConnectionPool(
            connection_args=security.get_connection_args("client"), timeout=SCHEDULER_S, limit=4096
        )
        await self._pool.start()
        found = await self._first_workers()
        errors = await asyncio.gather(*(self._admit(address) for address in found))
        if refused := [str(error) for error in errors if error is not None]:
            raise RefusedError("\n".join(sorted(refused)[:20]))
        self._start(self._look_for_workers())

    async def close(self) -> None:
        """End all sessions; of a cluster that was started here, its processes as well."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(channel.close() for channel in self.workers()))
        self._streams.close()
        if self._pool is not None:
            with contextlib.suppress(Exception):
                await self._pool.close()
        if self._local is not None:
            with contextlib.suppress(Exception):
                await self._local.close()

    # --- workers ---------------------------------------------------------------------------------------------------

    async def _first_workers(self) -> list[str]:
        begins_s = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(SCHEDULER_S):
                    found = await self._addresses()
            except Exception as error:  # noqa: BLE001 - what speaks another protocol ends a message in many ways
                raise TargetError(
                    f"no Dask scheduler answers at {self._scheduler} ({_reason(error)}): start one with dask scheduler, "
                    f"or correct --executor{_tls_advice(self._scheduler, self.choice)}"
                ) from None
            if found or time.monotonic() - begins_s > WORKERS_S:
                break
            await asyncio.sleep(0.2)
        if not found:
            raise TargetError(
                f"the Dask scheduler at {self._scheduler} has no worker: start one with dask worker {self._scheduler}"
            )
        return found

    async def _addresses(self) -> list[str]:
        """Return the addresses of the workers that the scheduler would give tasks."""
        identity = await self._pool(self._scheduler).identity()
        return [
            address
            for address, worker in identity["workers"].items()
            if worker.get("status", "running") in {"running", "paused"}
        ]

    async def _look_for_workers(self) -> None:
        """Begin sessions in workers that join. Workers that leave finish their batches, and get no more."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                async with asyncio.timeout(SCHEDULER_S):
                    found = await self._addresses()
            except Exception:  # noqa: BLE001, S112 - a scheduler that ends or begins breaks messages off in many ways
                continue  # the workers can be reached without it, or are lost one by one
            for address, channel in list(self._channels.items()):
                channel.retiring = address not in found
                if channel.lost:
                    del self._channels[address]
            new = [address for address in found if address not in self._channels and address not in self._refused]
            for address, error in zip(new, await asyncio.gather(*map(self._admit, new)), strict=True):
                if error is not None:
                    self._say(f"{error}: it is not used")
                elif address in self._channels:
                    self._say(f"worker {address} has joined")

    async def _admit(self, address: str) -> BulkqError | None:
        """Begin a session in a worker. Return why it cannot be used; a worker that does not answer is tried again later."""
        try:
            async with asyncio.timeout(ADMIT_S):
                found = await self._run(address, eval, PROBE)
                if wrong := _difference(address, found):
                    self._refuse(address, wrong)
                    return RefusedError(wrong)
                channel = await self._begin(address)
        except Exception:  # noqa: BLE001 - a worker that ends or begins breaks messages off in many ways
            return None
        try:
            if self.on_new is not None:
                await self.on_new(channel)
        except BulkqError as error:
            self._refuse(address, str(error))
            await channel.close()
            return type(error)(f"worker {address}: {error}")
        self._channels[address] = channel
        self.roster.admit(channel)
        self._start(self._keep(channel))
        return None

    async def _begin(self, address: str) -> WorkerChannel:
        wanted = self._settings
        settings = SessionSettings(
            session=secrets.token_hex(8),
            run=wanted.run,
            application_name=wanted.application_name,
            read_only=wanted.read_only,
            folder=wanted.folder,
            lease_s=LEASE_S,
            keeps_interrupts=not self.choice.local,
            socket=self._streams.path,
        )
        expected = self._streams.expect(settings.session)
        session = await self._run(address, begin_session, pickle.dumps(settings))
        if self._streams.path:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DIRECT_S):
                    return WorkerChannel(address, (await expected).send)
        direct = partial(self._send_directly, address, session)
        try:
            async with asyncio.timeout(DIRECT_S):
                await WorkerChannel(address, direct).request("ping")
        except Exception:  # noqa: BLE001 - whatever is in the way: a firewall, a network of its own
            return WorkerChannel(address, partial(self._send_by_scheduler, address, session))
        return WorkerChannel(address, direct)

    async def _keep(self, channel: WorkerChannel) -> None:
        await channel.keep_alive()
        state = self.roster.lose(channel)
        self._say(
            f"worker {channel.address} " + ("has left" if state is WorkerState.LEFT else f"was lost: {channel.lost}")
        )

    def _refuse(self, address: str, why: str) -> None:
        self._refused[address] = why
        self.roster.refuse(address, why)

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- messages --------------------------------------------------------------------------------------------------

    async def _run(self, address: str, function: Callable[..., object], *arguments: object) -> Any:
        """Call a function in a worker, which need not be reachable from here.

        Raises:
            OSError: the worker cannot be reached, or cannot import the function.
        """
        message = {
            "op": "run",
            "function": dumps(function),
            "args": dumps(arguments),
            "kwargs": dumps({}),
            "wait": True,
        }
        answer = await self._pool(self._scheduler).proxy(msg=message, worker=address)
        if not isinstance(answer, dict) or answer.get("status") != "OK":
            raise OSError(f"worker {address} refuses: {str(answer)[:200]}")
        return answer["result"]

    async def _send_directly(self, address: str, session: str, data: bytes) -> bytes:
        return _bytes(await getattr(self._pool(address), OPERATION)(session=session, data=data))

    async def _send_by_scheduler(self, address: str, session: str, data: bytes) -> bytes:
        message = {"op": OPERATION, "session": session, "data": data}
        return _bytes(await self._pool(self._scheduler).proxy(msg=message, worker=address))


def _bytes(answer: object) -> bytes:
    """Return an answer; a worker that was started again has no handler, and gives None."""
    return answer if isinstance(answer, bytes) else b""


def _difference(address: str, found: dict[str, Any]) -> str:
    """Return what a worker has in other versions than this process; "" if nothing."""
    ours = {name: version(name) for name in ("bulkq", "distributed")}
    worker = f"worker {address} on {found['host']}"
    theirs = found["packages"]["bulkq"]
    if not theirs:
        return f"{worker} has no bulkq: run pip install 'bulkq[dask]=={ours['bulkq']}' there"
    if found["loaded"] not in {"", theirs}:
        return (
            f"{worker} has loaded bulkq {found['loaded']} before {theirs} was installed there: start the worker again"
        )
    if theirs != ours["bulkq"]:
        return f"{worker} has bulkq {theirs}, and this process {ours['bulkq']}: install the same version on both"
    python = ".".join(map(str, sys.version_info[:3]))
    if found["python"].split(".")[:2] != python.split(".")[:2]:
        return f"{worker} has Python {found['python']}, and this process {python}: use the same minor version on both"
    if found["packages"]["distributed"] != ours["distributed"]:
        return (
            f"{worker} has distributed {found['packages']['distributed']}, and this process {ours['distributed']}: "
            "install the same version on both"
        )
    return ""


def _security(choice: ExecutorChoice) -> Any:
    """Return the TLS files: those of the configuration, else those of Dask's own.

    Raises:
        UsageError: a file is missing, or is not what it should be.
    """
    if not choice.tls_ca:
        return Security()
    for name in ("tls_ca", "tls_cert", "tls_key"):
        if (file := getattr(choice, name)) and not os.access(file, os.R_OK):
            raise UsageError(
                f"executors.{choice.text}.{name}: {file} is not there, or cannot be read: correct bulkq.toml"
            )
    security = Security(
        require_encryption=True,
        tls_ca_file=choice.tls_ca,
        tls_client_cert=choice.tls_cert or None,
        tls_client_key=choice.tls_key or None,
    )
    try:
        security.get_connection_args("client")
    except OSError as error:  # also ssl.SSLError
        raise UsageError(
            f"executors.{choice.text}: the TLS files cannot be used ({_reason(error)}): tls_ca and tls_cert must be "
            "certificates in PEM format, and tls_key the key of tls_cert"
        ) from None
    return security


def _tls_advice(address: str, choice: ExecutorChoice) -> str:
    """Return what else may be wrong where TLS is used."""
    if not address.startswith("tls://"):
        return ""
    if choice.tls_ca:
        return f" or the TLS files of executors.{choice.text}"
    return ", and name its TLS files in [executors.NAME] of bulkq.toml"


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or f"within {SCHEDULER_S:g}s"
