"""Triggers that give rows other keys: no row is changed twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import targets

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.servers.mariadb import MariaDB
    from tests.support.targets import Target

TABLE = "create table t (ts integer not null, id integer not null, v integer not null, primary key (ts, id))"
ROWS = f"insert into t values {', '.join(f'({n}, {n}, 0)' for n in range(1, 1001))}"
ALL = ("--over", "t", "--set", "v = v + 1", "--max-rows", "100")
FUNCTION = """create function moved() returns trigger language plpgsql as $$ begin
    {body}; return new; end $$"""
TRIGGER = "create trigger moved before update on t for each row execute function moved()"


@pytest.fixture
def postgresql(database: str, tmp_path: Path) -> Target:
    """A thousand rows with a key of two columns."""
    made = targets.make("postgresql", tmp_path, database, None)
    made.execute(TABLE, ROWS)
    return made


@pytest.mark.parametrize("shift", [1, 40, 700])
@pytest.mark.parametrize("more", [(), ("--upper", "open"), ("--ledger", "none")])
def test_a_shift_behind_the_range_stops_the_run(
    cli: Cli, postgresql: Target, shift: int, more: tuple[str, ...]
) -> None:
    """A range whose rows its trigger has moved behind it is rolled back."""
    postgresql.execute(FUNCTION.format(body=f"new.ts := old.ts + {shift}"), TRIGGER)
    done = cli("backfill", "-t", postgresql.url, *ALL, *more)
    assert done.code == 5, done.err
    assert "a trigger or a rule gives the rows of a range keys behind it" in done.err
    assert postgresql.execute("select max(v) from t") in ([(0,)], [(1,)])


def test_a_group_of_the_key_is_looked_at(cli: Cli, postgresql: Target) -> None:
    """Rows that stay in the group of the first column may move within it."""
    postgresql.execute(
        "update t set ts = 1",
        FUNCTION.format(body="new.id := old.id + 1000"),
        TRIGGER,
        "insert into t values (2, 1, 0)",
    )
    done = cli("backfill", "-t", postgresql.url, *ALL)
    assert done.code == 5, done.err
    assert postgresql.execute("select max(v) from t") in ([(0,)], [(1,)])


@pytest.mark.parametrize("body", ["new.ts := old.ts + 100000", "new.v := new.v", "delete from t where ts = 0"])
def test_what_changes_no_row_twice_goes_on(cli: Cli, postgresql: Target, body: str) -> None:
    """Behind the upper end no range comes; and triggers may do other things."""
    postgresql.execute(FUNCTION.format(body=body), TRIGGER)
    done = cli("backfill", "-t", postgresql.url, *ALL)
    assert done.code == 0, done.err
    assert postgresql.execute("select min(v), max(v), count(*) from t") == [(1, 1, 1000)]


def test_a_trigger_that_archives_rows_goes_on(cli: Cli, postgresql: Target) -> None:
    """Rows that leave the table are not moved."""
    postgresql.execute(
        "create table archive as select * from t limit 0",
        FUNCTION.format(body="insert into archive select new.*; delete from t where ts = new.ts").replace(
            "moved()", "archived()"
        ),
        "create trigger archived after update on t for each row execute function archived()",
    )
    done = cli("backfill", "-t", postgresql.url, *ALL)
    assert done.code == 0, done.err
    assert postgresql.execute("select count(*), min(v), max(v) from archive") == [(1000, 1, 1)]


@pytest.mark.parametrize("driver", ["mysql+pymysql", "mysql+aiomysql"])
def test_mariadb(cli: Cli, mariadb_database: tuple[MariaDB, str], driver: str) -> None:
    """A range that has fewer rows afterwards is rolled back; a trigger that leaves the key as it is does no harm."""
    server, name = mariadb_database
    server.execute(name, TABLE, ROWS, "create trigger g before update on t for each row set new.v = new.v")
    url = server.url(name).replace(server.url(name).partition(":")[0], driver)
    assert cli("backfill", "-t", url, *ALL).code == 0
    server.execute(name, "drop trigger g", "create trigger g before update on t for each row set new.ts = old.ts + 40")
    done = cli("backfill", "-t", url, *ALL)
    assert done.code == 5, done.err
    assert "a trigger or a rule gives the rows of a range keys behind it" in done.err


def test_sqlite(cli: Cli, tmp_path: Path) -> None:
    """The text of a trigger says which column it moves; of a later column of the key, ranges are cut in front of it."""
    made = targets.make("sqlite", tmp_path, "", None)
    made.execute(
        TABLE,
        ROWS,
        "create trigger g after update of v on t begin update t set ts = old.ts + 40 where id = old.id; end",
    )
    done = cli("backfill", "-t", made.url, *ALL)
    assert done.code == 2, done.err
    assert 'trigger "g": "ts" is in the key' in done.err
    made.execute(
        "drop trigger g",
        "create trigger g after update on t begin update t set id = old.id + 5000 where ts = old.ts; end",
    )
    done = cli("backfill", "-t", made.url, *ALL)
    assert done.code == 0, done.err
    assert 'trigger "g" changes columns of the key, so ranges are cut by (ts) alone' in done.err
    assert made.execute("select min(v), max(v) from t") == [(1, 1)]
