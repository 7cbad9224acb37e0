"""Ledgers and roles that a run cannot use, and what a ledger keeps."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from tests.support.interrupted_runs import ROWS, TARGET, assert_one_line, killed, query
from tests.support.servers import postgres as servers
from tests.support.servers.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.command import Cli


def test_an_interrupt_while_the_ledger_takes_the_run(cli: Cli, folder: Path) -> None:
    """Whatever the ledger then holds can go on: run row and spool are still there."""
    assert cli("run", "-e", "select 1", "-t", TARGET, "-o", "one.csv").code == 0
    (ledger,) = folder.rglob("ledger.db")
    with closing(sqlite3.connect(ledger, isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        process = cli.start(
            "run", "q.sql:add", "-t", TARGET, "-p", "-", "--params-format", "csv", "--write", stdin=True
        )
        assert process.stdin is not None
        process.stdin.write(b"id\n" + b"".join(b"%d\n" % n for n in range(1, 11)))
        process.stdin.close()
        wait_until(lambda: _has_run_row(folder), "the run row")
        time.sleep(0.3)  # by then it waits for the lock; if it does not, all has to be taken back
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        other.execute("COMMIT")
        process.stdin = None
        _, said = process.communicate(timeout=20)
        assert process.returncode == 5, said
        (recorded,) = other.execute("SELECT count(*) FROM runs WHERE mode = 'write'").fetchone()
    if recorded:
        done = cli("resume", "--last")
        assert (done.code, done.counts["changed"]) == (0, "10"), done.err
        assert query(folder, "select n, count(*) from t group by n order by n") == [(0, ROWS - 10), (1, 10)]
    assert not _has_run_row(folder)
    assert list(folder.rglob("*.spool")) == []


def _has_run_row(folder: Path) -> bool:
    try:
        return bool(query(folder, "select 1 from bulkq_runs"))
    except sqlite3.OperationalError:  # not made yet
        return False


def test_values_are_not_kept_for_a_run_that_the_ledger_refuses(cli: Cli, folder: Path) -> None:
    """A name that is no text; the line says what it is, and no file of values is left."""
    for _ in range(2):  # in a ledger that is made, and in one that is there
        done = cli(
            "run", "-e", "select :k as k", "--param", "k=secret", "-t", TARGET, "-o", os.fsdecode(b"caf\xe9.csv")
        )
        assert (done.code, "is not valid UTF-8" in done.last) == (2, True), done.err
        assert list(folder.rglob("*.params")) == []


def test_a_ledger_whose_name_is_no_text(cli: Cli, folder: Path) -> None:
    """It is a file like any other."""
    name = os.fsdecode(b"caf\xe9.db")
    for _ in range(2):
        done = cli("run", "-e", "select 1", "-t", TARGET, "-o", "one.csv", "--ledger", name)
        assert done.code == 0, done.err
    assert cli("runs", "--ledger", name).code == 0


def test_a_ledger_that_cannot_be_looked_at(cli: Cli, folder: Path) -> None:
    """The line is about the ledger, with exit 2."""
    done = cli("run", "-e", "select 1", "-t", TARGET, "--ledger", str(folder / ("a" * 300)))
    assert (done.code, done.last.startswith('bulkq: ledger "'), "file name too long" in done.last) == (2, True, True), (
        done.err
    )


# --- who may do what, and what nobody may see -----------------------------------------------------------------------


@pytest.fixture
def modest(database: str) -> Iterator[tuple[str, str]]:
    """URL and password of a role that may change the table and make nothing."""
    role, password = f"modest_{uuid4().hex[:8]}", f"pw-canary-{uuid4().hex}"
    servers.execute(
        database,
        f"CREATE ROLE {role} LOGIN PASSWORD '{password}'",
        "CREATE TABLE t (id bigint PRIMARY KEY, n bigint NOT NULL DEFAULT 0, v text UNIQUE)",
        f"INSERT INTO t SELECT i FROM generate_series(1, {ROWS}) AS s(i)",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT SELECT, UPDATE ON t TO {role}",
    )
    parts = urlsplit(database)
    yield urlunsplit(parts._replace(netloc=f"{role}@{parts.hostname}:{parts.port}")), password
    servers.execute(database, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


@pytest.mark.usefixtures("folder")
def test_a_role_without_create_has_three_choices(cli: Cli, database: str, modest: tuple[str, str]) -> None:
    """One line names them, exit code 4, nothing was changed; and each of them works."""
    url, password = modest
    arguments = ("run", "q.sql:add", "-t", url, "-p", "ids.csv", "--write")
    env = {"PGPASSWORD": password}
    assert_one_line(cli(*arguments, env=env), 4, "DBA", "--marker-table", "--idempotent")
    assert servers.execute(database, "SELECT sum(n) FROM t")[0][0] == 0
    assert cli(*arguments, "--idempotent", env=env).code == 0
    role = urlsplit(url).username
    servers.execute(
        database,
        "CREATE SCHEMA ops",
        "CREATE TABLE ops.q_runs (run text PRIMARY KEY, owner text NOT NULL, at timestamptz NOT NULL DEFAULT now())",
        "CREATE TABLE ops.q_markers (run text, part integer, first bigint, last bigint NOT NULL, "
        "rows bigint NOT NULL DEFAULT 0, at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (run, part, first))",
        f"GRANT USAGE ON SCHEMA ops TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ops TO {role}",
    )
    done = cli(*arguments, "--marker-table", "ops.q", env=env)
    assert done.code == 0, done.err
    assert servers.execute(database, "SELECT n, count(*) FROM t GROUP BY n")[0][:] == (2, ROWS)
    servers.execute(database, f"REVOKE UPDATE, DELETE ON ops.q_runs FROM {role}")
    refused = cli(*arguments, "--marker-table", "ops.q", env=env)
    assert_one_line(refused, 4, 'UPDATE, DELETE on "ops"."q_runs"', "GRANT", "--marker-table", "--idempotent")
    assert servers.execute(database, "SELECT n, count(*) FROM t GROUP BY n")[0][:] == (2, ROWS)


def test_no_secret_is_in_the_ledger(cli: Cli, folder: Path, modest: tuple[str, str]) -> None:
    """Neither the password of the target nor a parameter's value nor what an error says of it: the bytes are searched."""
    url, password = modest
    parts = urlsplit(url)
    told = urlunsplit(parts._replace(netloc=f"{parts.username}:{password}@{parts.hostname}:{parts.port}"))
    canaries = [f"canary-{uuid4().hex}" for _ in range(4)]
    typed, from_file, secret, wrong = canaries
    (folder / "v.csv").write_text(f"id,v,w\n1,{from_file},1\n2,{from_file},2\n3,x,{wrong}\n")
    (folder / "v.sql").write_text(
        "-- name: v(id: bigint, v: text, w: text, u: text, s: text)\n-- @mode write\n-- @param s text secret\n"
        "update t set v = :v, n = :w::text::int where id = :id and :u <> :s;\n"
    )
    done = cli(
        *("run", "v.sql", "-p", "v.csv", "--param", f"u={typed}", "--param", f"s={secret}", "--write", "--idempotent"),
        env={"BULKQ_TARGET": told},
    )
    assert (done.code, done.counts["failed"]) == (1, "2"), done.err
    state = folder / "state" / "bulkq"
    data = b"".join(path.read_bytes() for path in sorted(state.glob("ledger*")))
    assert done.counts["run"].encode() in data
    assert [canary for canary in (password, *canaries) if canary.encode() in data] == []


@pytest.mark.usefixtures("folder")
def test_a_password_is_needed_again(cli: Cli, modest: tuple[str, str]) -> None:
    """It is not kept: `resume` takes it from `-t`, or from BULKQ_TARGET as the run did."""
    url, password = modest
    parts = urlsplit(url)
    told = urlunsplit(parts._replace(netloc=f"{parts.username}:{password}@{parts.hostname}:{parts.port}"))
    sql = "select id, pg_sleep(0.02) from t where id = :id"
    process = cli.start(
        *("run", "-e", sql, "-p", "range:id=1..100", "-j", "1", "--batch", "1", "-o", "x.csv"),
        env={"BULKQ_TARGET": told},
    )
    partial = cli.folder / "x.csv.partial"
    killed(process, lambda: partial.exists() and partial.stat().st_size > 0)
    done = cli("resume", "--last", "-j", "4", env={"BULKQ_TARGET": told})
    assert done.code == 0, done.err
    assert password not in done.err
    assert (cli.folder / "x.csv").read_text().count("\n") == 101
