"""Examine a target over one connection: what it is, and what it permits. Executes no statement of the user."""

from __future__ import annotations

from contextlib import AsyncExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bulkq.dialects import dialect_for
from bulkq.drivers import tls_url_options
from bulkq.lifecycle.command_steps import new_run_id
from bulkq.model import Run
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.run import set_fields
from bulkq.targets import open_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.errors import BulkqError
    from bulkq.model import Capabilities, ExecutorChoice, Server, Target

FEW_CONNECTIONS = 8
"""The default of `-j`: with fewer slots free, a run with default options cannot have its lanes."""


@frozen
class Diagnosis:
    """What one connection found; `advice` are lines for people, empty where there is nothing to say."""

    target: str  # without its password
    capabilities: Capabilities
    server: Server
    advice: tuple[str, ...]


async def examine(target: Target) -> Diagnosis:
    """Connect once, read-only, and look around.

    Raises:
        TargetError: the target cannot be reached.
        UsageError: the URL is not understood, or its driver is not installed.
    """
    driver = open_target(target, application_name="bulkq doctor", read_only=True)
    connection = await driver.connect()
    try:
        server = connection.server
    finally:
        await connection.close()
    return Diagnosis(
        driver.target,
        driver.capabilities,
        server,
        (
            *advise(server, local=is_local(target.url), verified=tls_url_options.add_verification(target.url)),
            *faster(driver.capabilities.name, server),
        ),
    )


@frozen
class WorkerDiagnosis:
    """What one worker of an executor says of one target: the server, or why it cannot connect."""

    worker: str
    target: str
    server: Server | None
    error: BulkqError | None


async def examine_workers(choice: ExecutorChoice, targets: Sequence[Target]) -> list[WorkerDiagnosis]:
    """Let each worker look the password of each target up, and connect once, read-only.

    Raises:
        TargetError: there is no scheduler, or no worker.
        RefusedError: workers have other versions, or a secret would be sent without TLS.
        MissingDriver: a package is not installed here.
    """
    from bulkq.lifecycle.open_executor import open_executor

    found: list[WorkerDiagnosis] = []
    async with AsyncExitStack() as stack:
        request = set_fields(Run(), {"executor": choice})
        executor = await open_executor(request, new_run_id(), lambda _: None, stack)
        assert executor is not None, "a choice is a cluster"
        for target in targets:
            local = open_target(target, application_name="bulkq doctor", read_only=True)
            driver = executor.driver(target, local)
            for channel in executor.cluster.workers():
                server, error = await driver.visit(channel)
                found.append(WorkerDiagnosis(channel.address, local.target, server, error))
    return found


def faster(library: str, server: Server) -> list[str]:
    """The library that is faster than `library` for the database of `server`, if there is one."""
    known = dialect_for(server.product).fastest
    if not known or library == known[0]:
        return []
    name, module, package = known
    there = find_spec(module) is not None
    return [
        f"{package} is faster{' and installed' if there else f': pip install {package}'}: write +{name}:// in the URL"
    ]


def is_local(url: str) -> bool:
    """Whether what is sent to `url` stays on this machine."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host in {"", "localhost", "::1"} or host.startswith("127.")


def advise(server: Server, *, local: bool, verified: str = "") -> list[str]:
    """What a DBA would want to know before the first run.

    Args:
        server: as the connection found it.
        local: nothing leaves this machine.
        verified: what to add to the URL so that the server's certificate is verified.
    """
    lines = []
    if server.superuser:
        lines.append(f'"{server.user}" is a superuser: privileges do not limit a mistake, use a role that owns less')
    if server.in_recovery:
        lines.append("the server is a standby in recovery: reads work, --write will be refused")
    if server.tls == "off" and not local:
        lines.append("the connection is not encrypted, as the URL allows")
    if server.tls == "unverified":
        lines.append(
            f"encrypted, but the server's certificate is not verified{f': add {verified} to the URL' if verified else ''}"
        )
    if server.tls == "unknown":
        lines.append("the library does not say whether the connection is encrypted: see its documentation")
    if server.pooled:
        lines.append("the connection goes through a pooler in transaction mode, which keeps no session state")
    free = server.free_connections
    if free is not None and free < FEW_CONNECTIONS:
        lines.append(f"only {free} connections are free: use -j {free + 1} or less")
    return lines
