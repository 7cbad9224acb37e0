"""A write on sessions that are read-only: refused once, with the reason, and waited for if they become so in the middle of a run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.libpq import SCHEMES, as_scheme
from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.servers.mariadb import MariaDB

SETTING = "default_transaction_read_only"
UPDATE = "update t set n = n + 1 where id = :id"
WRITES = (("-e", UPDATE), ("-e", UPDATE, "--idempotent"), ("-e", "vacuum t"))
"""Exactly once, at least once, maintenance."""


@pytest.fixture
def name(database: str) -> str:
    """A database with a table of 300 rows; its quoted name."""
    execute(database, "create table t as select g as id, 0 as n from generate_series(1, 300) as g")
    return '"' + database.rpartition("/")[2].partition("?")[0] + '"'


@pytest.fixture
def role(database: str, name: str) -> Iterator[str]:
    """The same for a role whose sessions are read-only; the URL."""
    user = name.strip('"').replace("bulkq", "reader")
    execute(database, f"create role {user} login superuser password 'x'", f"alter role {user} set {SETTING} = on")
    yield re.sub(r"//[^@/]*@", f"//{user}:x@", database)
    execute(database, f"drop role {user}")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("what", WRITES)
def test_a_role_that_only_reads(cli: Cli, role: str, scheme: str, what: tuple[str, ...]) -> None:
    """One line says which role, and how to change it: exit code 4; nothing is tried."""
    sets = () if "vacuum t" in what else ("-p", "range:id=1..300")
    done = cli("run", *what, *sets, "-t", as_scheme(role, scheme), "--write")
    assert done.code == 4, done.err
    assert done.err.count("\n") <= 2  # a warning of the password in the URL may stand before it
    assert "nothing can be written: default_transaction_read_only is on for the role" in done.last
    assert "ALTER ROLE" in done.last
    read = cli("run", "-e", "select count(*) from t", "-t", as_scheme(role, scheme))
    assert read.code == 0, read.err


@pytest.mark.parametrize("scheme", SCHEMES)
def test_where_the_setting_is(cli: Cli, database: str, name: str, scheme: str) -> None:
    """A database, and an option of the connection, are named as well."""
    command = ("run", "-e", UPDATE, "-p", "range:id=1..3", "-t", as_scheme(database, scheme), "--write")
    done = cli(*command, env={"PGOPTIONS": f"-c {SETTING}=on"})
    assert (done.code, f"{SETTING} is on in PGOPTIONS: remove it" in done.err) == (4, True)
    execute(database, f"alter database {name} set {SETTING} = on")
    done = cli(*command)
    assert (done.code, f"ALTER DATABASE {name.strip(chr(34))} RESET" in done.err.replace('"', "")) == (4, True)


def test_sessions_that_become_read_only(cli: Cli, database: str, name: str) -> None:
    """The run waits as for a lost server, then stops; a resume applies the rest, each set once."""
    execute(
        database,
        f"""create function turn(id bigint) returns bigint language plpgsql as $$
            begin
              if id = 5 then
                execute 'alter database {name} set {SETTING} = on';
              elsif id = 6 and exists (select from pg_db_role_setting as s join pg_database as d on d.oid = s.setdatabase
                                        where d.datname = current_database()) then
                perform pg_terminate_backend(pg_backend_pid());
              end if;
              return id;
            end $$""",
    )
    sql = "update t set n = n + 1 where id = turn(:id)"
    command = ("run", "-e", sql, "-p", "range:id=1..20", "-t", database, "--write", "-j", "1", "--batch", "1")
    done = cli(*command, "--outage", "1s", "--allow", "unbounded")
    assert done.code == 5, done.err
    assert f"connection lost ({SETTING} is on for the database" in done.err
    assert done.counts["failed"] == "0"
    execute(database, f"set {SETTING} = off", f"alter database {name} reset {SETTING}")
    done = cli("resume", "--last")
    assert done.code == 0, done.err
    assert execute(database, "select distinct n from t where id <= 20") == [(1,)]


@pytest.mark.parametrize("mode", [(), ("--idempotent",)])
def test_a_statement_that_turns_read_only_itself(cli: Cli, database: str, name: str, mode: tuple[str, ...]) -> None:
    """A new session changes nothing: the run is refused after one more try."""
    execute(
        database,
        """create function locked(i bigint) returns void language plpgsql as $$
           begin set local transaction_read_only = on; update t set n = n + 1 where id = i; end $$""",
    )
    done = cli("run", "-e", "select locked(:id)", "-p", "range:id=1..300", "-t", database, "--write", *mode)
    assert (done.code, "the database rejects writes from this session" in done.err) == (4, True), done.err
    assert execute(database, "select sum(n) from t") == [(0,)]


def test_a_file_that_is_open_for_reading(cli: Cli, tmp_path: Path) -> None:
    """DuckDB says it of the database; one line, whatever the mode."""
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "d.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table t as select i as id, 0 as n from range(1, 4) as r(i)")
    for mode in ((), ("--idempotent",)):
        url = f"duckdb:///{path}?access_mode=read_only"
        done = cli("run", "-e", UPDATE, "-p", "range:id=1..3", "-t", url, "--write", *mode)
        assert (done.code, done.err.count("\n")) == (4, 1), done.err
        assert "open for reading only: remove access_mode=read_only from the URL" in done.err


@pytest.mark.parametrize("mode", [(), ("--idempotent",)])
def test_a_mariadb_that_is_read_only(cli: Cli, mariadb: MariaDB, mode: tuple[str, ...]) -> None:
    """`read_only` holds for a user without the privilege to write all the same, and not for one who has it."""
    mariadb.execute(
        "",
        "create or replace database locked",
        "create table locked.t as select 1 as id, 0 as n",
        "create or replace user reader@'127.0.0.1'",
        "grant all on locked.* to reader@'127.0.0.1'",
        "set global read_only = 1",
    )
    try:
        place = f"{mariadb.host}:{mariadb.port}/locked"
        command = ("run", "-e", UPDATE, "-p", "range:id=1..1", "--write", *mode, "-t")
        done = cli(*command, f"mysql+pymysql://reader@{place}")
        assert (done.code, "nothing can be written: read_only is on" in done.err) == (4, True), done.err
        done = cli(*command, f"mysql+pymysql://root@{place}")
        assert done.code == 0, done.err
    finally:
        mariadb.execute("", "set global read_only = 0")
