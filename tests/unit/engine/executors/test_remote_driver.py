"""In which worker a connection is opened."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.executors.remote_driver import RemoteWarningDriver
from bulkq.engine.executors.worker_session import AttemptAnswer
from bulkq.errors import RefusedError, TargetError, UsageError
from bulkq.model import Decoding
from bulkq.query import inline
from tests.support.loopback_workers import LoopbackWorker, driver_in

if TYPE_CHECKING:
    from bulkq.protocols import Connection


async def test_connections_spread_over_workers(workers: list[LoopbackWorker], database: str) -> None:
    """Also those that are opened at the same time. A worker that is to end, or was killed, gets none if there is another."""
    driver = driver_in(workers, database)
    opened = await asyncio.gather(*(driver.connect() for _ in range(6)))
    assert [worker.channel.connections for worker in workers] == [3, 3]
    workers[0].channel.retiring = True
    opened += [await driver.connect() for _ in range(3)]
    assert [worker.channel.connections for worker in workers] == [3, 6]
    assert driver.better(workers[1].channel) is None
    for connection in opened:
        await connection.close()


async def test_a_lane_moves_to_a_worker_that_joins(workers: list[LoopbackWorker], database: str) -> None:
    """Between two batches, until the workers have as much to do."""
    several = workers[:1]
    driver = driver_in(several, database)
    opened = [await driver.connect() for _ in range(4)]
    several.append(workers[1])
    query = inline("select 1", "sqlite")
    for connection in opened:
        statement = await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
        assert statement.query is query
    assert [worker.channel.connections for worker in workers] == [2, 2]
    workers[0].channel.retiring = True
    for connection in opened:
        await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
    assert [worker.channel.connections for worker in workers] == [0, 4]
    for connection in opened:
        await connection.close()


async def test_a_worker_that_cannot_connect_is_left_out(workers: list[LoopbackWorker], database: str) -> None:
    """The user is told once. If no worker can, the error names one."""
    said: list[str] = []
    driver = driver_in(workers, database, said)

    async def refuse(key: int, connection: int) -> None:
        raise TargetError("no route")

    workers[0].session.on_connect = refuse  # type: ignore[assignment]
    opened = [await driver.connect() for _ in range(3)]
    assert [worker.channel.connections for worker in workers] == [0, 3]
    assert said == [f"worker w1 cannot connect to {driver.target}: no route: other workers go on with it"]
    workers[1].session.on_connect = refuse  # type: ignore[assignment]
    with pytest.raises(TargetError, match="worker w2: no route"):
        await driver.connect()
    for connection in opened:
        await connection.close()


async def test_without_workers_the_target_is_away(workers: list[LoopbackWorker], database: str) -> None:
    """As if the server did not answer: lanes wait, see `--outage`."""
    for worker in workers:
        worker.cut = OSError("gone")
    with pytest.raises(TargetError, match="no worker of the cluster answers"):
        await driver_in(workers, database).connect()
    with pytest.raises(TargetError, match="no worker of the cluster answers"):
        await driver_in([], database).connect()


async def test_all_workers_reach_the_same_database(workers: list[LoopbackWorker], database: str) -> None:
    """A name may lead elsewhere on another host; then nothing is executed there."""
    said: list[str] = []
    found = iter(("a", "b", "b"))

    async def identify(connection: Connection) -> str:
        return next(found)

    driver = driver_in(workers, database, said, identify)
    first = await driver.connect()
    with pytest.raises(RefusedError, match=r"another database in worker w2 \(b\) than in worker w1 \(a\)"):
        await driver.connect()
    assert await driver.connect_in(workers[1].channel) is None
    assert len(said) == 1
    await first.close()


async def test_a_worker_with_other_settings_is_named(workers: list[LoopbackWorker], database: str) -> None:
    """Its sessions would answer otherwise."""

    async def identify(connection: Connection) -> str:
        raise RefusedError("its environment sets x")

    with pytest.raises(RefusedError, match="^worker w1: its environment sets x"):
        await driver_in(workers, database, identify=identify).connect()


async def test_a_worker_without_the_password_is_named(workers: list[LoopbackWorker], database: str) -> None:
    """It looks for it in its own environment."""

    async def refuse(key: int, connection: int) -> None:
        raise UsageError("X is not set")

    workers[0].session.on_connect = refuse  # type: ignore[assignment]
    with pytest.raises(UsageError, match="^worker w1: X is not set"):
        await driver_in(workers, database).connect()


async def test_warnings_of_each_worker_are_counted_once(workers: list[LoopbackWorker]) -> None:
    """Each worker says how many it has counted so far, also in answers that overtake one another; the first texts are kept."""
    driver = driver_in(workers, "mysql+pymysql://a@127.0.0.1:1/b")
    assert isinstance(driver, RemoteWarningDriver)
    one, other = (worker.channel for worker in workers)
    for channel, count, texts in (
        (one, 2, ("a", "b")),
        (other, 3, ("a", "c", "d", "e")),
        (one, 2, ("a", "b")),
        (other, 9, ("a", "c", "d", "e", "f", "g")),
        (other, 4, ("a", "c", "d", "e")),
        (one, 3, ("a", "b")),
    ):
        driver.hear(channel, AttemptAnswer(None, warnings=count, warning_texts=texts))
    assert (driver.warnings.count, list(driver.warnings.first)) == (12, ["a", "b", "c", "d", "e"])
