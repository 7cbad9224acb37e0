"""A driver whose connections are opened by workers. Implements `bulkq.protocols.Driver`."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from bulkq.engine.executors.remote_connection import OpenedConnection, RemoteConnection, RemoteSnapshotConnection
from bulkq.engine.executors.worker_channel import WorkerLost
from bulkq.errors import BulkqError, NoRoom, RefusedError, TargetError, UsageError
from bulkq.protocols import WarningDriver

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bulkq.engine.executors.worker_channel import WorkerChannel
    from bulkq.engine.executors.worker_session import AttemptAnswer
    from bulkq.model import Server, Target
    from bulkq.protocols import Connection, Driver, WarningCounts

    Identify = Callable[[Connection], Awaitable[str]]
    """Returns which database a connection leads to. Raises RefusedError if this process would be given another session there."""

NO_WORKER = "no worker of the cluster answers: start workers, or use --executor local"
SHOWN_WARNINGS = 5

_numbers = count(1)


class RemoteDriver:
    """Opens connections to one target, each in the worker that has fewest.

    Args:
        key: number of the target within the run.
        definition: of the target; workers look its password up themselves.
        local: the driver that this process would use, for its capabilities.
        workers: returns the sessions of the workers that can be used now.
        say: shows a message to the user.
        identify: compares the databases that workers reach, once for each worker; None: they are not compared.
    """

    def __init__(
        self,
        key: int,
        definition: Target,
        local: Driver,
        workers: Callable[[], Sequence[WorkerChannel]],
        say: Callable[[str], None],
        identify: Identify | None = None,
    ) -> None:
        self.key = key
        self.target = local.target
        self._local = local
        self.capabilities = local.capabilities
        self._definition = definition
        self._workers = workers
        self._say = say
        self._identify = identify
        self._identities: dict[WorkerChannel, str] = {}
        self._unreachable: dict[str, str] = {}  # why a worker cannot connect to the target, by its address

    async def connect(self) -> Connection:
        """Open a connection in the worker with the fewest. A worker that cannot reach the target is left out if another can.

        Raises:
            TargetError: no worker can connect; the message names one.
            RefusedError: a worker reaches another database than others do.
        """
        failed: dict[str, BulkqError] = {}
        while (channel := self._choose(failed)) is not None:
            try:
                opened = await self._connected(channel)
            except WorkerLost:
                failed[channel.address] = TargetError(NO_WORKER)
                continue
            except NoRoom:
                raise
            except TargetError as error:
                failed[channel.address] = error
                continue
            self._leave_out(failed)
            self._unreachable.pop(channel.address, None)
            kind = RemoteSnapshotConnection if opened.exports else RemoteConnection
            return kind(self, channel, opened)
        if not failed:
            raise TargetError(NO_WORKER)
        address, first = next(iter(failed.items()))
        raise type(first)(f"worker {address}: {first}")

    async def connect_in(self, channel: WorkerChannel) -> OpenedConnection | None:
        """Open a connection in one worker; None if that is not possible now."""
        try:
            return await self._connected(channel)
        except WorkerLost as error:
            self._unreachable[channel.address] = str(error)
        except BulkqError as error:
            self._leave_out({channel.address: error})
        return None

    async def visit(self, channel: WorkerChannel) -> tuple[Server | None, BulkqError | None]:
        """Connect once in one worker. Return what it found, or why it cannot connect."""
        try:
            opened = await self._connected(channel)
        except WorkerLost as error:
            return None, TargetError(f"the worker was lost: {error}")
        except BulkqError as error:
            return None, error
        await RemoteConnection(self, channel, opened).close()
        return opened.server, None

    def better(self, channel: WorkerChannel) -> WorkerChannel | None:
        """Return a worker with at least two connections fewer than `channel`, or any other if that one is to end."""
        found: WorkerChannel | None = None
        for other in self._workers():
            fewer = other.connections + 2 <= channel.connections or channel.retiring
            usable = not other.retiring and other.address not in self._unreachable
            if other is not channel and fewer and usable:
                found = other if found is None or other.connections < found.connections else found
        return found

    def hear(self, channel: WorkerChannel, answer: AttemptAnswer) -> None:
        """Take note of what the target warned of."""

    async def _connected(self, channel: WorkerChannel) -> OpenedConnection:
        """Open a connection. It is counted at once, so that lanes that connect together spread."""
        number = next(_numbers)
        channel.connections += 1
        try:
            await channel.define_target(self.key, self._definition)
            opened = OpenedConnection(number, *await channel.request("connect", self.key, number))
            await self._compare(channel, opened)
        except UsageError as error:  # no driver, no password in its environment
            channel.connections -= 1
            raise type(error)(f"worker {channel.address}: {error}") from None
        except BaseException:
            channel.connections -= 1
            channel.later("close", connection=number)
            raise
        return opened

    async def _compare(self, channel: WorkerChannel, opened: OpenedConnection) -> None:
        """Check, once for each worker, that it reaches the same database as the others: names mean other hosts elsewhere.

        Raises:
            RefusedError: it does not.
        """
        if self._identify is None or channel in self._identities:
            return
        try:
            found = await self._identify(RemoteConnection(self, channel, opened))
        except RefusedError as error:
            raise RefusedError(f"worker {channel.address}: {error}") from None
        for other, known in self._identities.items():
            if known != found:
                raise RefusedError(
                    f"{self.target} is another database in worker {channel.address} ({found}) than in worker {other.address} ({known}): "
                    "write a host that means the same for all workers"
                )
        self._identities[channel] = found

    def _choose(self, failed: dict[str, BulkqError]) -> WorkerChannel | None:
        """Return the worker with the fewest connections. Those that the scheduler does not know any more, or that could not connect
        before, come last: a request to a worker that was killed takes seconds to fail.
        """  # noqa: D205 - the first sentences are longer than a line
        found = [one for one in self._workers() if one.address not in failed]
        return min(
            found, key=lambda one: (one.retiring, one.address in self._unreachable, one.connections), default=None
        )

    def _leave_out(self, failed: dict[str, BulkqError]) -> None:
        for address, error in failed.items():
            if address not in self._unreachable and str(error) != NO_WORKER:
                self._say(f"worker {address} cannot connect to {self.target}: {error}: other workers go on with it")
                self._unreachable[address] = str(error)


class RemoteWarningDriver(RemoteDriver):
    """The same for a target that counts warnings. Implements `bulkq.protocols.WarningDriver`."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        assert isinstance(self._local, WarningDriver)
        self.warnings: WarningCounts = self._local.warnings
        self._heard: dict[WorkerChannel, int] = {}

    def hear(self, channel: WorkerChannel, answer: AttemptAnswer) -> None:
        """Add the warnings since the last answer of the same worker."""
        more = answer.warnings - self._heard.get(channel, 0)
        if more > 0:
            self._heard[channel] = answer.warnings
            self.warnings.count += more
            new = [text for text in answer.warning_texts if text not in self.warnings.first]
            self.warnings.first += new[: SHOWN_WARNINGS - len(self.warnings.first)]


def wrap_driver(
    key: int,
    definition: Target,
    local: Driver,
    workers: Callable[[], Sequence[WorkerChannel]],
    say: Callable[[str], None],
    identify: Identify | None = None,
) -> RemoteDriver:
    """Return a driver that opens the connections of `local` in workers; see `RemoteDriver`."""
    kind = RemoteWarningDriver if isinstance(local, WarningDriver) else RemoteDriver
    return kind(key, definition, local, workers, say, identify)
