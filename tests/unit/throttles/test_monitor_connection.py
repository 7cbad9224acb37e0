"""The connection that the signals of a database share, on SQLite."""

from __future__ import annotations

import asyncio

import pytest

from bulkq.errors import DatabaseError, TargetError
from bulkq.model import Target
from bulkq.policy.throttle_expressions import parse_expression
from bulkq.throttles import ThrottleContext
from bulkq.throttles.monitor_connection import MonitorConnection
from bulkq.throttles.signal_reader import SignalReader
from tests.support.throttles import DATABASE


async def test_the_signals_of_a_database_share_a_connection() -> None:
    """Those of another label and of a user's query do not."""
    context = ThrottleContext(application_name="bulkq/r1")

    def signal(label: str, *, alone: bool = False) -> SignalReader:
        return SignalReader(parse_expression("active<5"), context, label, DATABASE, alone=alone)

    signals = [signal("eu"), signal("eu"), signal("us"), signal("eu", alone=True)]
    first, second, other, own = [await one.connected() for one in signals]
    assert first is second
    assert len({id(first), id(other), id(own)}) == 3
    answers = await asyncio.gather(*(one.ask("select {reader}") for one in signals))
    assert {rows[0][0] for rows in answers} == {"bulkq/r1/throttle"}
    for one in signals:
        await one.close()


async def test_who_waits_for_a_connection_gets_its_failure() -> None:
    """One attempt serves all who wait, and the next question tries again. Nothing listens at the port."""
    monitor = MonitorConnection(Target(url="postgresql://127.0.0.1:1/db"), "bulkq/r1/throttle")
    first, second = await asyncio.gather(monitor.connected(), monitor.ask("select 1", 1.0), return_exceptions=True)
    assert isinstance(first, TargetError)
    assert second is first
    with pytest.raises(TargetError) as again:
        await monitor.connected()
    assert again.value is not first


async def test_a_query_that_fails_closes_the_connection() -> None:
    """The next one opens another. A query at work is not interrupted by `close`."""
    monitor = MonitorConnection(DATABASE, "bulkq/r1/throttle")
    before = await monitor.connected()
    with pytest.raises(DatabaseError):
        await monitor.ask("select nothing", 1.0)
    after = await monitor.connected()
    assert after is not before
    rows, _ = await asyncio.gather(monitor.ask("select 2", 1.0), monitor.close())
    assert rows[0][0] == 2
    assert await monitor.connected() is after
    await monitor.close()
