"""`lag(NAME)` with real standbys that are targets: replay that pauses, a server that goes, and one of another primary."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.model import Target
from bulkq.throttles import ThrottleContext, open_throttle
from tests.support.servers import postgres as servers
from tests.support.servers.standbys import Standby, wake
from tests.support.throttles import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bulkq.throttles import AnyOf
    from tests.support.servers.postgres import PostgresServer
    from tests.support.servers.standbys import Replication

WORK = "insert into t select generate_series(1, 1000)"


@asynccontextmanager
async def opened(primary: str, replica: str, expression: str = "lag(r2)<400ms") -> AsyncIterator[AnyOf]:
    """The throttle of a replica, read often."""
    context = ThrottleContext(
        targets=(("db", Target(url=primary)),), replicas={"r2": Target(url=replica, name="r2")}, every_s=0.1
    )
    async with AsyncExitStack() as stack:
        throttle = await open_throttle([expression], stack, context)
        assert throttle is not None
        yield throttle


async def until_held(throttle: AnyOf, begin: str) -> str:
    """Wait for a reason that begins so."""
    async with asyncio.timeout(20):
        while not (reason := throttle.reason() or "").startswith(begin):
            await asyncio.sleep(0.02)
    return reason


async def test_a_replica_says_itself_how_far_it_is_behind(replication: Replication, primary: str) -> None:
    """Idle it is not behind; with paused replay, and with a receiver that hangs, it is, until it goes on."""
    standby = replication.standbys[1]
    servers.execute(primary, "create table t (n int)")
    async with opened(primary, standby.url) as throttle:
        await asyncio.sleep(0.6)
        assert throttle.reason() is None
        with ExitStack() as stack:
            await asyncio.to_thread(standby.pause)
            stack.callback(standby.resume)
            await asyncio.to_thread(servers.execute, primary, WORK)
            await until_held(throttle, "lag(r2) ")
        await until(throttle, None)
        with ExitStack() as stack:
            stack.callback(wake, await asyncio.to_thread(standby.hang))
            await asyncio.to_thread(servers.execute, primary, WORK)
            await until_held(throttle, "lag(r2) ")
        await until(throttle, None)


async def test_a_replica_that_goes_holds_the_run(replication: Replication, primary: str) -> None:
    """While nothing is known of it, and until it is back."""
    standby = replication.standbys[0]
    async with opened(primary, standby.url, "lag(r2)<64MB") as throttle:
        assert throttle.reason() is None
        with ExitStack() as stack:
            await asyncio.to_thread(standby.stop)
            stack.callback(standby.start)
            await until_held(throttle, "lag(r2) cannot be read: ")
        await until(throttle, None)


async def test_a_server_of_another_primary_is_refused(
    replication: Replication, primary: str, postgres: PostgresServer
) -> None:
    """So is the primary itself, and a server that cannot be reached."""
    for url, message in (
        (postgres.url, "its system identifier is "),
        (primary, "it is not a standby"),
        ("postgresql://postgres@127.0.0.1:1/x", "the replica cannot be reached: "),
    ):
        with pytest.raises(UsageError, match=rf"^--throttle lag\(r2\)<400ms: .*{message}"):
            async with opened(primary, url):
                pass
    with pytest.raises(UsageError, match="the server is a standby: it is read on a primary"):
        async with opened(replication.standbys[0].url, replication.standbys[1].url):
            pass


@pytest.mark.long
async def test_a_replica_that_is_promoted_holds_the_run(replication: Replication, primary: str) -> None:
    """It is not the replica of the target any more, whatever it has applied."""
    standby = await asyncio.to_thread(Standby, replication.primary, "promoted")
    try:
        async with opened(primary, standby.url) as throttle:
            await asyncio.to_thread(servers.execute, standby.url, "select pg_promote()")
            assert await until_held(throttle, "lag(r2): ") == "lag(r2): it is not a standby"
    finally:
        standby.close()
