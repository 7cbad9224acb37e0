"""What a library that bulkq does not know gets wrong is seen at connect, and what it does not say is not believed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from bulkq.drivers import open_driver
from bulkq.engine.stop_control import Control
from bulkq.errors import AlreadyApplied, DatabaseError, RefusedError, TargetError
from bulkq.lifecycle import target_markers
from bulkq.model import Claim, Decoding, Limits, Run, Target
from bulkq.model.own_error_states import MARKER_EARLY
from bulkq.model.run import make_run
from bulkq.query import inline
from bulkq.tasks.run import run as new_run
from tests.support import odd_libraries

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.protocols import Connection
    from tests.support.command import Cli

ROWS = 50
WRITES = Limits(timeout_s=20, lock_timeout_s=5, read_only=False)
READS = Limits(timeout_s=20, lock_timeout_s=5)
BUMP = "update items set qty = qty + 1 where id = :id"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A file with `ROWS` items."""
    odd_libraries.register()
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("create table items (id integer primary key, qty integer not null default 0)")
        database.executemany("insert into items (id) values (?)", [(i,) for i in range(1, ROWS + 1)])
    return path


def quantities(shop: Path) -> dict[int, int]:
    """How many items have which quantity."""
    with closing(sqlite3.connect(shop)) as database:
        return dict(database.execute("select qty, count(*) from items group by qty").fetchall())


def asked(url: str, sql: str, folder: Path, **more: object) -> Run:
    """A run of `sql` for every item."""
    return make_run(
        queries=(inline(sql),),
        targets=(Target(url=url),),
        params=(f"range:id=1..{ROWS}",),
        format="none",
        ledger=str(folder / "ledger.db"),
        **more,
    )


async def connect(url: str, *, read_only: bool = False) -> Connection:
    return await open_driver(url, application_name="x", read_only=read_only).connect()


@pytest.mark.parametrize("library", ["silent", "forgetful"])
async def test_a_write_that_is_said_to_be_applied_is_there(shop: Path, library: str) -> None:
    """The claim is proved by the marker's own row, whatever the library says of row counts, and every row was changed once."""
    summary = await new_run(asked(f"sqlite+{library}:///{shop}", BUMP, shop.parent, write=True), control=Control())
    assert (summary.ok, summary.changed, summary.exit_code) == (ROWS, ROWS, 0)
    assert quantities(shop) == {1: ROWS}


async def test_every_set_has_its_rows(shop: Path) -> None:
    """A cursor that is of no use after its first answer is used once."""
    connection = await connect(f"sqlite+forgetful:///{shop}", read_only=True)
    statement = await connection.prepare(
        inline("select id from items where id = :id"), Decoding.PYTHON, typed=True, identifiers={}
    )
    reply = await connection.attempt(statement, [(3,), (1,), (2,)], READS)
    await connection.close()
    assert list(reply.values[0]) == [3, 1, 2]


async def test_a_library_that_loses_answers_is_refused(shop: Path) -> None:
    """The same question is asked twice when the session is opened."""
    with pytest.raises(TargetError, match="hollow gave 0 rows for SELECT 1, which has one"):
        await connect(f"sqlite+hollow:///{shop}", read_only=True)


async def test_a_library_without_transactions_promises_nothing(shop: Path) -> None:
    """A write and its ROLLBACK at connect show it, and nothing is made or sent."""
    with pytest.raises(RefusedError, match=r"could not verify.*rolls back a transaction.*--idempotent"):
        await new_run(asked(f"sqlite+loose:///{shop}", BUMP, shop.parent, write=True), control=Control())
    assert quantities(shop) == {0: ROWS}
    with closing(sqlite3.connect(shop)) as database:
        assert database.execute("select name from sqlite_master where name like 'bulkq%'").fetchall() == []


@pytest.mark.parametrize("more", [{"max_affected": 10}, {"expect_rows": 1}])
async def test_options_that_need_a_count(shop: Path, more: dict[str, int]) -> None:
    """They are refused before the first statement where the library counts nothing; SQLite counts by itself."""
    summary = await new_run(
        asked(f"sqlite+silent:///{shop}", BUMP, shop.parent, write=True, idempotent=True, **more), control=Control()
    )
    assert summary.exit_code == (4 if "max_affected" in more else 0)
    assert sum(number for quantity, number in quantities(shop).items() if quantity) == (
        10 if "max_affected" in more else ROWS
    )


async def test_markers_say_who_wrote_them(shop: Path) -> None:
    """A marker of another attempt counts as applied; one that was committed before its work makes its sets unknown."""
    url = f"sqlite+silent:///{shop}"
    connection = await connect(url)
    tables = await target_markers.make_tables(connection, url, None)
    await target_markers.begin(connection, tables, "r", "me")
    statement = await connection.prepare(inline(BUMP), Decoding.PYTHON, typed=True, identifiers={})
    claim = Claim("r", "me", 1, 1, 2, tables)
    reply = await connection.attempt(statement, [(1,), (2,)], WRITES, claim=claim)
    assert reply.changed == 2
    with pytest.raises(AlreadyApplied) as applied:
        await connection.attempt(statement, [(1,), (2,)], WRITES, claim=claim)
    assert (applied.value.last, applied.value.rows) == (2, 2)
    with closing(sqlite3.connect(shop, isolation_level=None)) as database:
        database.execute(f"update {tables.markers} set rows = -77")
    with pytest.raises(DatabaseError) as early:
        await connection.attempt(statement, [(1,), (2,)], WRITES, claim=claim)
    assert early.value.sqlstate == MARKER_EARLY
    await connection.close()
    assert quantities(shop) == {0: ROWS - 2, 1: 2}


def test_the_process_ends_and_stdout_is_data(shop: Path, cli: Cli, tmp_path: Path) -> None:
    """A library that prints and keeps a thread changes neither the rows, nor the exit code, nor the end of the process."""
    done = cli(
        *(
            "run",
            "-e",
            "select id from items where id = :id",
            "-t",
            f"sqlite+lingering:///{shop}",
            "-p",
            "range:id=1..3",
        ),
        *("--format", "csv"),
        env=odd_libraries.install(tmp_path / "installed"),
    )
    assert (done.code, done.text) == (0, "id\n1\n2\n3\n")
    assert done.counts["exit"] == "0"
    assert "### printed by the library" in done.err
    assert "### written by the library" in done.err
