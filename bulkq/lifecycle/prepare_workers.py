"""Begin a session of a run in each worker of a cluster, and prepare the workers before anything is sent."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from bulkq.dialects import dialect_for
from bulkq.drivers.libpq.portable_url import other_settings, write_environment
from bulkq.engine.executors.fork_server import start_fork_server
from bulkq.engine.executors.map_and_encode_rows import PartDefinition
from bulkq.engine.executors.remote_driver import wrap_driver
from bulkq.engine.executors.remote_mapper import RemoteMapper
from bulkq.engine.executors.worker_channel import LEASE_S, WorkerLost
from bulkq.engine.executors.worker_session import SessionSettings, machine
from bulkq.errors import BulkqError, MissingDriver, RefusedError, TargetError, UsageError
from bulkq.lifecycle import database_identity
from bulkq.model.frozen_dataclass import frozen
from bulkq.targets.same_database import list_places
from bulkq.text import urls
from bulkq.text.failed_import import IMPORT_ERRORS, failed_import, is_from_bulkq

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AsyncExitStack

    from bulkq.engine.executors.dask_cluster import DaskCluster
    from bulkq.engine.executors.remote_driver import RemoteDriver
    from bulkq.engine.executors.worker_channel import WorkerChannel
    from bulkq.engine.part_state import PartState
    from bulkq.model import ExecutorChoice, Run, Target
    from bulkq.protocols import Connection, Driver


@frozen
class OpenExecutor:
    """The workers of a run.

    Attributes:
        cluster: with a session in each worker.
        targets: of which the workers know.
        say: shows a message to the user.
    """

    cluster: DaskCluster
    targets: list[Target]
    say: Callable[[str], None]

    def driver(self, target: Target, local: Driver) -> RemoteDriver:
        """Return a driver that opens the connections of `local` in workers.

        Raises:
            RefusedError: a secret would be sent without TLS.
        """
        definition = replace(target, url=_portable(target.url))
        if urls.find_passwords(definition.url) and not self.cluster.encrypted:
            name = target.name or urls.hide_passwords(target.url)
            raise RefusedError(
                f'target "{name}" has a password in its URL, which would be sent to the workers without TLS: '
                "use a scheduler at tls://, or password = { env, file or command } in bulkq.toml, which workers look up themselves"
            )
        self.targets.append(definition)
        return wrap_driver(
            len(self.targets), definition, local, self.cluster.workers, self.say, partial(_identify, definition.url)
        )

    async def prepare(self, request: Run, parts: Sequence[PartState]) -> None:
        """Make targets and parts known to all workers, those that join later included.

        Raises:
            RefusedError: a secret parameter would be sent without TLS.
            BulkqError: a worker lacks a driver or the module of `--map`, or has another file of the same name; a line for each.
        """
        if not self.cluster.encrypted:
            _refuse_secrets(parts)
        definitions = {part.spec.number: _definition(request, part) for part in parts}
        for part in parts:
            part.remote = True

        async def prepare(channel: WorkerChannel) -> None:
            for key, target in enumerate(self.targets, 1):
                await channel.define_target(key, target)
                await _same_file(channel, target)
            for number, definition in definitions.items():
                await channel.define_part(number, definition)

        self.cluster.on_new = prepare  # first, for a worker may join while the others are prepared
        wrong: dict[str, BulkqError] = {}
        gone = ""
        for channel in self.cluster.workers():
            try:
                await prepare(channel)
            except WorkerLost as error:  # prepared again if it answers again
                channel.lose(str(error))
                gone = f"worker {channel.address}: {error}"
            except BulkqError as error:
                wrong[channel.address] = error
        if wrong:
            kind = type(next(iter(wrong.values())))
            raise kind("\n".join(f"worker {address}: {error}" for address, error in sorted(wrong.items())))
        if gone and not self.cluster.workers():
            raise TargetError(f"{gone}, and no other worker is left: run again")

    def map_rows(self, request: Run, parts: Sequence[PartState]) -> None:
        """Let workers apply the function of `--map`, also to rows that they send as values."""
        for part in parts if request.output.map is not None else ():
            part.mapper = RemoteMapper(part.spec.number, self.cluster.workers)


async def begin_sessions(
    request: Run, choice: ExecutorChoice, run: str, say: Callable[[str], None], stack: AsyncExitStack
) -> OpenExecutor:
    """Begin a session in each worker.

    Raises:
        MissingDriver: the package is not installed, or cannot be imported.
        TargetError: there is no scheduler, or no worker.
        RefusedError: workers have other versions.
    """
    if choice.local:
        start_fork_server()
    try:
        from bulkq.engine.executors.dask_cluster import DaskCluster
    except ModuleNotFoundError as error:
        if error.name not in {"dask", "distributed"}:
            raise
        raise MissingDriver(f"--executor {choice.text} needs a package: pip install 'bulkq[dask]'") from None
    except IMPORT_ERRORS as error:
        if is_from_bulkq(error):
            raise
        raise MissingDriver(
            f"--executor {choice.text} needs distributed, which cannot be imported: {failed_import(error)}"
        ) from error
    settings = SessionSettings(
        session="",
        run=run,
        application_name=f"bulkq/{run}",
        read_only=not request.safety.write,
        folder=os.getcwd(),  # noqa: PTH109 - a str
        lease_s=LEASE_S,
    )
    cluster = DaskCluster(choice, settings, say)
    stack.push_async_callback(cluster.close)
    await cluster.open()
    return OpenExecutor(cluster, [], say)


def _refuse_secrets(parts: Sequence[PartState]) -> None:
    """Check that no query has a parameter that is declared secret.

    Raises:
        RefusedError: one has.
    """
    for query in (part.spec.query for part in parts):
        for parameter in query.parameters:
            if parameter.secret:
                raise RefusedError(
                    f"{query.place}: :{parameter.name} is secret, and would be sent to the workers without TLS: "
                    "use a scheduler at tls://, or --executor local"
                )


def _definition(request: Run, part: PartState) -> PartDefinition:
    output = request.output
    encoder = getattr(part.sink, "encoder", None) if part.judge is None else None
    if output.map is None:
        return PartDefinition(part.spec, encoder)
    timeout_s = output.map_timeout_s if output.map_timeout_given else part.spec.limits.timeout_s
    return PartDefinition(part.spec, encoder, output.map, timeout_s)


async def _identify(url: str, connection: Connection) -> str:
    """Return which database a worker reaches.

    Raises:
        RefusedError: the environment of the worker gives its sessions settings that those of this process do not have.
    """
    settings = connection.server.settings
    if settings and (more := other_settings(url, os.environ, settings)):
        raise RefusedError(
            f"its environment sets {more}, and that of this process does not: unset it there, or set it here"
        )
    return await database_identity.identity(connection, url)


def _portable(url: str) -> str:
    """Return the URL that means in workers what it means here: they have other environments, and other current folders."""
    known = dialect_for((urls.parse_scheme(url) or "").partition("+")[0])
    if known.libpq:
        return write_environment(url, os.environ)
    if not known.is_file:
        return url
    scheme, _, rest = url.partition("://")
    path, mark, options = rest.partition("?")
    name = unquote(path.removeprefix("/"))
    if not name or name.startswith((":", "file:", "md:")):
        raise UsageError(f'"{url}" is a database of one process: use a file, or --executor local')
    return f"{scheme}:///{quote(str(Path(name).absolute()))}{mark}{options}"


async def _same_file(channel: WorkerChannel, target: Target) -> None:
    """Check that a database file is the same one in a worker.

    Raises:
        RefusedError: the worker is on another machine, or has another file there.
    """
    if not dialect_for((urls.parse_scheme(target.url) or "").partition("+")[0]).is_file:
        return
    there, found = await channel.request("file", target.url)
    if there != machine() or found != list_places(target.url):
        raise RefusedError(
            f'"{urls.hide_passwords(target.url)}" is another file there, or none: use workers on this machine, or --executor local'
        )
