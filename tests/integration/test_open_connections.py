"""A run over many targets has a bounded number of connections open, whatever it does with them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from bulkq import query as queries
from bulkq.drivers.sqlite.connection import SqliteConnection
from bulkq.drivers.sqlite.driver import SqliteDriver
from bulkq.engine import pool, run_context
from bulkq.engine.stop_control import Control
from bulkq.errors import UsageError
from bulkq.lifecycle import open_targets
from bulkq.model import Target
from bulkq.model.run import make_run
from bulkq.tasks.check import connect_and_plan, open_check
from bulkq.tasks.check.open_check import CheckRequest
from bulkq.tasks.check.run_checks import check
from bulkq.tasks.run import run

if TYPE_CHECKING:
    from pathlib import Path

MOST = 6
TARGETS = 20
SLOW = "(with recursive c(i) as (select 1 union all select i + 1 from c where i < 20000) select max(i) from c)"


class Counted:
    """Connections of the SQLite driver: how many are open, and how many were at most."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.most = 0
        self._open: set[int] = set()
        connect, close = SqliteDriver.connect, SqliteConnection.close

        async def connected(driver: SqliteDriver) -> SqliteConnection:
            connection = await connect(driver)
            self._open.add(id(connection))
            self.most = max(self.most, len(self._open))
            return connection

        async def closed(connection: SqliteConnection) -> None:
            await close(connection)
            self._open.discard(id(connection))

        monkeypatch.setattr(SqliteDriver, "connect", connected)
        monkeypatch.setattr(SqliteConnection, "close", closed)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """With a bound that a test can reach."""
    for module in (run_context, pool, open_targets, open_check, connect_and_plan):
        monkeypatch.setattr(module, "MOST_OPEN", MOST)
    monkeypatch.setattr(open_check, "MOST_ASKING", MOST // 2)
    return Counted(monkeypatch)


def made(folder: Path, count: int) -> tuple[Target, ...]:
    """Empty databases."""
    for i in range(count):
        sqlite3.connect(folder / f"{i}.db").execute("create table t (n integer)").connection.close()
    return tuple(Target(url=f"sqlite:///{folder}/{i}.db", name=f"t{i}") for i in range(count))


@pytest.mark.parametrize("count", [MOST - 2, TARGETS])
@pytest.mark.parametrize("write", [False, True])
@pytest.mark.long
async def test_a_run_over_many_targets(tmp_path: Path, counted: Counted, count: int, write: bool) -> None:
    """Looking, making markers and working on several lanes per target stay within the bound, and every target is done."""
    sql = "insert into t select :n" if write else f"select :n, {SLOW}"
    asked = make_run(
        queries=(queries.inline(sql, "sqlite"),),
        targets=made(tmp_path, count),
        params=("range:n=1..40",),
        ledger=str(tmp_path / "ledger.db"),
        concurrency=64,
        batch=1,
        write=write,
        output=None if write else str(tmp_path / "out.csv"),
    )
    summary = await run(asked, control=Control())
    assert (summary.exit_code, summary.ok) == (0, 40 * count)
    assert counted.most <= MOST


@pytest.mark.parametrize("params", [(), ("range:n=1..3",), ("sql:select 1 as n",)])
async def test_checks_of_many_targets(tmp_path: Path, counted: Counted, params: tuple[str, ...]) -> None:
    """Checks on many targets stay within the bound, also where a query gives the parameter sets."""
    names = ("a", "b", "c")
    sql = "\n".join(f"-- name: {name}\nselect 1 where {':n < 0' if params else '1 = 0'};" for name in names)
    asked = make_run(
        queries=queries.load(sql, None), targets=made(tmp_path, TARGETS), params=params, ledger="none", concurrency=64
    )
    summary = await check(CheckRequest(run=asked), control=Control())
    assert (summary.exit_code, summary.ok) == (0, 3 * TARGETS * (3 if params[:1] == ("range:n=1..3",) else 1))
    assert counted.most <= MOST


async def test_more_snapshots_than_connections(tmp_path: Path, counted: Counted) -> None:
    """A snapshot holds a connection on its target to the end: more of them than the bound are refused."""
    asked = make_run(queries=queries.load("select 1", None), targets=made(tmp_path, TARGETS), ledger="none")
    with pytest.raises(
        UsageError, match=r"^--snapshot keeps a connection open on each of 20 targets, and 5 are possible"
    ):
        await check(CheckRequest(run=asked, snapshot=True), control=Control())
    assert counted.most == 0
