"""The connections of one target, on SQLite files that come and go."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.engine import pool
from bulkq.engine.pool import ConnectionPool
from bulkq.errors import StoppedError, TargetError
from bulkq.model import Target
from bulkq.targets import open_target

if TYPE_CHECKING:
    from tests.support.sqlite_files import SqliteFile


def pool_of(path: Path, *, outage_s: float = 0.2, writes: bool = False) -> tuple[ConnectionPool, list[str]]:
    """A pool of the database at `path`, and what it says."""
    said: list[str] = []
    driver = open_target(Target(url=f"sqlite:///{path}"), application_name="test", read_only=not writes)
    return ConnectionPool(driver, outage_s=outage_s, say=said.append, writes=writes), said


async def test_a_healthy_connection_is_used_again(sqlite_file: SqliteFile) -> None:
    """What is given back is the next one; `close` closes what is kept."""
    connections, said = pool_of(sqlite_file())
    one = await connections.first()
    connections.give_back(one)
    assert await connections.open() is one
    two = await connections.open()
    assert two is not one
    connections.give_back(one)
    connections.give_back(two)
    await connections.close()
    three = await connections.first()
    assert three not in (one, two)
    await three.close()
    assert said == []


async def test_the_start_of_a_run_waits_for_no_target(tmp_path: Path) -> None:
    """The first connection is tried once."""
    connections, said = pool_of(tmp_path / "none.db", outage_s=60)
    with pytest.raises(TargetError):
        await asyncio.wait_for(connections.first(), 5)
    assert (said, connections.outages) == ([], 0)


async def test_an_outage_has_an_end(tmp_path: Path) -> None:
    """After its budget the pool gives up, and tells every later lane the same."""
    connections, said = pool_of(tmp_path / "none.db")
    with pytest.raises(StoppedError, match=r"unreachable for 0\.2s"):
        await connections.open()
    assert (len(said), connections.outages) == (1, 1)
    with pytest.raises(StoppedError) as again:
        await connections.open()
    assert again.value is connections.gone


async def test_a_target_that_comes_back(
    tmp_path: Path, sqlite_file: SqliteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All lanes go on, and it is one outage, told once at each end."""
    monkeypatch.setattr(pool, "FIRST_PAUSE_S", 0.01)
    connections, said = pool_of(tmp_path / "late.db", outage_s=30)
    lanes = [asyncio.create_task(connections.open()) for _ in range(3)]
    while not said:
        await asyncio.sleep(0.005)
    sqlite_file(name="late.db")
    found = await asyncio.wait_for(asyncio.gather(*lanes), 20)
    assert said[1:] == ["target is back"]
    assert (connections.outages, connections.lost, connections.gone) == (1, False, None)
    await asyncio.gather(*(connection.close() for connection in found))


async def test_connections_without_a_lane_are_closed(sqlite_file: SqliteFile) -> None:
    """Those that have been kept for longest come first."""
    connections, _ = pool_of(sqlite_file())
    one, two = await connections.first(), await connections.first()
    connections.give_back(one)
    connections.give_back(two)
    assert connections.idle == 2
    await connections.release(1)
    assert connections.idle == 1
    assert await connections.open() is two
    await connections.release(5)
    await two.close()


def test_the_first_limit_counts(tmp_path: Path) -> None:
    """A later look at the server counts connections of this pool as taken."""
    connections, _ = pool_of(tmp_path / "none.db")
    connections.limit(10, "full")
    connections.limit(3, "fuller")
    assert (connections.most, connections.bound) == (10, "full")
    connections, _ = pool_of(tmp_path / "none.db")
    connections.limit(0, "full")
    assert connections.most == 1
