"""What others do on a target, on SQLite, whose figures are those of a query."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from bulkq.dialects import dialect_for
from bulkq.dialects.throttle_signal_catalog import SignalCatalog, SignalQuery
from bulkq.throttles import ThrottleContext, others_activity
from bulkq.throttles.others_activity import OthersActivity, load_of
from tests.support.throttles import DATABASE

if TYPE_CHECKING:
    import pytest


def activity(said: list[str], query: SignalQuery | None) -> OthersActivity:
    """That of a database with a query."""
    one = OthersActivity(ThrottleContext(say=said.append), "db", DATABASE)
    if query is not None:
        literal = dialect_for("sqlite").literal
        one._database.dialect = cast("Any", SimpleNamespace(literal=literal, signals=SignalCatalog(others=query)))
    return one


async def test_a_database_that_counts_nothing_is_left_at_full_speed() -> None:
    """One line says why: the database, its version, or the error."""
    said: list[str] = []
    for query in (
        None,
        SignalQuery(sql="", impossible="select 'it is off'"),
        SignalQuery(sql="x", impossible="select null"),
    ):
        one = activity(said, query)
        assert not await one.open()
        assert not one.pace.resting
        await one.close()
    begin = "nice=auto: full speed, because there is nothing to compare with: "
    assert said[:2] == [f"{begin}the database does not count the time of its sessions", f"{begin}it is off"]
    assert said[2].startswith(f"{begin}near ")


async def test_a_run_beside_others_begins_with_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read until it is closed; a reading that fails is left out."""
    monkeypatch.setattr(others_activity, "EVERY_S", 0.005)
    said: list[str] = []
    one = activity(said, SignalQuery(sql="select 'a', 1.0, 2.0, 3", impossible="select null"))
    assert await one.open()
    assert one.pace.resting
    assert said == []
    one._query = SignalQuery(sql="select none")
    await asyncio.sleep(0.03)
    one._query = SignalQuery(sql="select 'a', 1.0, 2.0, 0")
    while one.pace.resting:  # no transactions: the run is free
        await asyncio.sleep(0.005)
    await one.close()


async def test_without_others_the_speed_is_said_once() -> None:
    """The line says that no other session is at work."""
    said: list[str] = []
    one = activity(said, SignalQuery(sql="select 'a', 1.0, 2.0, 0", impossible="select null"))
    assert await one.open()
    assert not one.pace.resting
    assert said == ["nice=auto: full speed, because no other session is at work"]
    await one.close()


def test_rows_are_a_load() -> None:
    """A row for each database; without one there is nothing."""
    load = load_of([("1", 2.5, 10.0, 3.0), ("2", 0.0, 0.0, 3.0)])
    assert (dict(load.databases), load.busy) == ({"1": (2.5, 10.0), "2": (0.0, 0.0)}, 3)
    assert load_of([]).busy == 0
