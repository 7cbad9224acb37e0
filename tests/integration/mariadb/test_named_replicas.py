"""`lag(NAME)` with a real primary and a replica of MariaDB."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.model import Target
from bulkq.throttles import ThrottleContext, open_throttle
from tests.support.servers.mariadb import MariaDB, find
from tests.support.throttles import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bulkq.throttles import AnyOf


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[MariaDB, MariaDB]]:
    """A primary, and a replica of it."""
    if find() is None:
        pytest.skip("mariadb is not installed")
    primary = MariaDB("--log-bin=bin", "--server-id=1")
    replica = None
    try:
        replica = MariaDB("--log-bin=bin", "--server-id=2")
        primary.execute(
            "", "create user r@'127.0.0.1' identified by 'r'", "grant replication slave on *.* to r@'127.0.0.1'"
        )
        replica.execute(
            "",
            f"change master to master_host='127.0.0.1', master_port={primary.port}, master_user='r', master_password='r', "
            "master_use_gtid=slave_pos",
            "start slave",
        )
        yield primary, replica
    finally:
        for server in (replica, primary):
            if server is not None:
                server.close()


@asynccontextmanager
async def opened(primary: MariaDB, replica: MariaDB, expression: str = "lag(r2)<400ms") -> AsyncIterator[AnyOf]:
    """The throttle of a replica, read often."""
    named = {"r2": Target(url=replica.url("mysql"), name="r2")}
    context = ThrottleContext(targets=(("db", Target(url=primary.url("mysql"))),), replicas=named, every_s=0.1)
    async with AsyncExitStack() as stack:
        throttle = await open_throttle([expression], stack, context)
        assert throttle is not None
        yield throttle


@pytest.mark.long
async def test_a_replica_says_itself_how_far_it_is_behind(servers: tuple[MariaDB, MariaDB]) -> None:
    """A stopped thread, of either kind, holds the run while the primary writes; a new file of the log does not."""
    primary, replica = servers
    primary.execute("", "create database x", "create table x.t (n int)")
    async with opened(primary, replica) as throttle:
        await until(throttle, None)
        for thread in ("sql_thread", "io_thread"):
            replica.execute("", f"stop slave {thread}")
            primary.execute("", "insert into x.t values (1)")
            async with asyncio.timeout(10):
                while not (throttle.reason() or "").startswith("lag(r2) "):
                    await asyncio.sleep(0.02)
            replica.execute("", "start slave")
            await until(throttle, None)
        primary.execute("", "flush binary logs")
        await asyncio.sleep(0.8)
        assert throttle.reason() is None


@pytest.mark.long
async def test_what_is_no_replica_of_the_target_is_refused(servers: tuple[MariaDB, MariaDB]) -> None:
    """Nor are bytes known, nor replicas without a name."""
    primary, replica = servers
    for one, other, expression, message in (
        (replica, primary, "lag(r2)<1s", "r2 is not a replica of db: it is not a replica"),
        (primary, replica, "lag(r2)<1MB", "db does not say how many bytes a replica is behind: use a time: lag<2s"),
        (primary, replica, "lag<1s", "db: name a replica that is a target of bulkq.toml: lag(NAME)<2s"),
    ):
        with pytest.raises(UsageError) as raised:
            async with opened(one, other, expression):
                pass
        assert str(raised.value) == f"--throttle {expression}: {message}"
