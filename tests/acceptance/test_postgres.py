"""What only a server has: commands that look and do not touch, runs that begin at once, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import pytest

from bulkq.drivers import open_driver
from bulkq.lifecycle.target_markers import make_tables
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli

QUERIES = """\
-- name: one(id: bigint)
select id, v from t where id = :id;

-- name: touch(id)
-- @mode write
update t set v = upper(v) where id = :id;

-- name: wrong
select id,
       nme from t;
"""


@pytest.fixture
def url(database: str, tmp_path: Path) -> str:
    """A database with a table of three rows, and queries and parameter sets in the folder."""
    servers.execute(
        database,
        "CREATE TABLE t (id bigint PRIMARY KEY, v text)",
        "INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')",
    )
    (tmp_path / "q.sql").write_text(QUERIES)
    (tmp_path / "ids.csv").write_text("id\n1\n2\n3\n")
    return database


def values(url: str) -> list[object]:
    """The values in the table."""
    return [row[0] for row in servers.execute(url, "SELECT v FROM t ORDER BY id")]


def test_lint_asks_the_server(cli: Cli, url: str) -> None:
    """SQLSTATE, message, the line in the file and a caret; nothing is executed."""
    done = cli("lint", "q.sql", "--prepare", "-t", url)
    assert done.code == 1
    first, line, caret = done.text.splitlines()
    assert first.startswith('q.sql:10: 42703 column "nme" does not exist')
    assert line.index("nme") == caret.index("^")
    assert "prepared 2 queries" in done.err
    assert values(url) == ["one", "two", "three"]


def test_plan_asks_the_server(cli: Cli, url: str) -> None:
    """Types of parameters and columns come from the server, values are checked, nothing is executed."""
    done = cli("plan", "run", "q.sql:one", "q.sql:touch", "-t", url, "-p", "ids.csv", "--write", "--ledger", "none")
    assert done.code == 0, done.err
    for words in ("server        postgresql ", "id: bigint", "columns     id bigint, v text", "the first 3 checked"):
        assert words in done.text
    assert values(url) == ["one", "two", "three"]


def test_plan_finds_bad_values(cli: Cli, url: str) -> None:
    """A value that the server would not convert is in the plan with its line; exit code 2."""
    (cli.folder / "bad.csv").write_text("id\n1\n12a\n")
    done = cli("plan", "run", "q.sql:one", "-t", url, "-p", "bad.csv")
    assert done.code == 2
    assert 'bad.csv:3: column "id": "12a" is not a bigint (:id of q.sql:one)' in done.text


def test_plan_finds_a_statement_that_is_refused(cli: Cli, url: str) -> None:
    """A statement that cannot be prepared would fail: exit code 1, as the run's."""
    done = cli("plan", "run", "q.sql:wrong", "-t", url)
    assert done.code == 1
    assert 'q.sql:10: 42703 column "nme" does not exist' in done.text


def test_doctor_knows_the_server(cli: Cli, url: str) -> None:
    """Version, database, user, free connections; a superuser draws a note."""
    found = json.loads(cli("doctor", "-t", url, "--format", "json").out)
    assert found["server"]["product"] == "postgresql"
    assert found["server"]["database"] == urlsplit(url).path[1:]
    assert found["server"]["free_connections"] > 0
    assert any("superuser" in note for note in found["notes"])


def test_a_password_in_argv_draws_a_warning(cli: Cli, url: str) -> None:
    """The warning names the better places; the password is nowhere, not even in the command that a plan proposes."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    told = urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:s3cr3t@{host}"))
    for command in (["run"], ["plan", "run"]):
        done = cli(*command, "-e", "select 1 as a", "-t", told)
        assert "PGPASSWORD" in done.err.splitlines()[0]
        assert ".pgpass" in done.err.splitlines()[0]
        assert "s3cr3t" not in done.err + done.text


def test_a_password_that_libpq_would_not_read(cli: Cli) -> None:
    """The advice for another database names no file and no variable of PostgreSQL's."""
    done = cli("run", "-e", "select 1 as a", "-t", "mysql+pymysql://u:s3cr3t@127.0.0.1:9/d")
    assert done.err.splitlines()[0].endswith("put it into BULKQ_TARGET, or name its source in bulkq.toml")
    assert "s3cr3t" not in done.err


def test_a_password_in_the_environment_draws_none(cli: Cli, url: str) -> None:
    """BULKQ_TARGET is not seen by who lists processes."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    told = urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:s3cr3t@{host}"))
    done = cli("run", "-e", "select 1 as a", env={"BULKQ_TARGET": told})
    assert "warning" not in done.err
    assert "s3cr3t" not in done.err


def test_runs_that_begin_at_the_same_moment(cli: Cli, url: str) -> None:
    """On a target without marker tables, several processes make them at once, and all runs are done."""
    servers.execute(url, "alter table t add n int not null default 0")
    rounds = 2
    begin = ("run", "-e", "update t set n = n + 1 where id = :id", "-t", url, "-p", "range:id=1..3", "--write")
    with ThreadPoolExecutor(3) as pool:
        for _ in range(rounds):
            for done in pool.map(lambda number: cli(*begin, "--ledger", f"ledger-{number}.db"), range(3)):
                assert done.code == 0, done.err
            servers.execute(url, "drop table bulkq_runs, bulkq_markers")
    assert [tuple(row) for row in servers.execute(url, "select distinct n from t")] == [(3 * rounds,)]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_wants_no_transaction_is_told_so(cli: Cli, url: str, tmp_path: Path, kind: str) -> None:
    """A VACUUM that fails inside a transaction says how it is sent outside of one."""
    (tmp_path / "a.db").touch()
    target = url if kind == "postgresql" else "sqlite:///a.db"
    done = cli("run", "-e", "vacuum", "-t", target, "--write")
    assert done.code == 1
    assert "-- @transaction off" in done.err


async def test_tables_that_are_made_at_the_same_moment(url: str) -> None:
    """`IF NOT EXISTS` looks before it waits: whoever loses finds the tables of the other."""
    driver = open_driver(url, application_name="bulkq/test", read_only=False)
    connections = [await driver.connect() for _ in range(6)]
    try:
        for number in range(10):
            made = await asyncio.gather(*(make_tables(one, url, f"public.m{number}") for one in connections))
            assert len(set(made)) == 1
    finally:
        for one in connections:
            await one.close()


def test_a_procedure_that_commits(cli: Cli, url: str) -> None:
    """It fails inside a transaction, and the failure names the line that sends it outside; with that line it runs."""
    servers.execute(
        url, "CREATE PROCEDURE p(i int) LANGUAGE plpgsql AS 'begin update t set v = i::text where id = i; commit; end'"
    )
    inside = cli("run", "-e", "call p(:i)", "-t", url, "--param", "i=1", "--write")
    assert inside.code == 1
    assert "[2D000]" in inside.err
    assert 'write "-- @transaction off" above the statement' in inside.err
    outside = cli("run", "-e", "-- @transaction off\ncall p(:i)", "-t", url, "--param", "i=1", "--write")
    assert outside.code == 0
    assert values(url) == ["1", "two", "three"]
