"""`-j auto` on real databases: how many lanes it has, what it opens, and how it ends."""

from __future__ import annotations

import json
import signal
import sqlite3
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

import bulkq
from bulkq import query as queries
from bulkq.drivers.asyncpg.driver import AsyncpgDriver
from bulkq.engine.stop_control import Control
from bulkq.model import Target
from bulkq.model.run import make_run
from bulkq.tasks.run import run
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.servers.postgres import PostgresServer

SLEEP = "select :id::int as id from pg_sleep(0.05)"
AUTO = ("-j", "auto", "--progress", "json")


def states(err: str) -> list[dict[str, object]]:
    """The objects of `--progress json`."""
    found = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    return [one for one in found if "lanes" in one]


def lanes_seen(err: str) -> list[int]:
    """The numbers of lanes, one a second."""
    return [int(str(one["lanes"])) for one in states(err)]


@pytest.mark.long
def test_a_server_with_ten_free_connections(password_url: str, postgres: PostgresServer, cli: Cli) -> None:
    """All of them are used, none is asked for in vain, and the progress names the bound."""
    role = urlsplit(password_url).username
    servers.execute(postgres.url, f"ALTER ROLE {role} CONNECTION LIMIT 10")
    url = password_url.replace("@", ":right@", 1)
    got = cli("run", "-e", SLEEP, "-t", url, "-p", "range:id=1..1000", *AUTO, "--format", "none")
    assert got.code == 0, got.err
    assert (got.counts["ok"], got.counts["failed"], got.counts["retried"]) == ("1000", "0", "0")
    assert max(lanes_seen(got.err)) == 10
    assert "continuing with" not in got.err
    assert "the server has no more free connections" in {one["lanes_why"] for one in states(got.err)}


@pytest.mark.long
def test_sleeps_use_many_lanes_and_a_stopped_run_goes_on_with_another_number(database: str, cli: Cli) -> None:
    """More than 20 within ten seconds; Ctrl-C ends them, and a resume with a number of its own does the rest, each set once."""
    process = cli.start("run", "-e", SLEEP, "-t", database, "-p", "range:id=1..5000", *AUTO, "-o", "out.csv")
    seen = _lanes_until(process, 20)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 5, err
    assert seen > 20
    got = cli("resume", "--last", "-j", "40", "--progress", "json")
    assert got.code == 0, got.err
    assert got.counts["ok"] == "5000"
    assert set(lanes_seen(got.err)) == {40}
    assert (cli.folder / "out.csv").read_text().split() == ["id", *map(str, range(1, 5001))]


def _lanes_until(process: subprocess.Popen[bytes], more_than: int) -> int:
    """The lanes of the first object with more than `more_than`, among those of ten seconds."""
    assert process.stderr is not None
    seen = 0
    for line in process.stderr:
        one = json.loads(line)
        seen = max(seen, one.get("lanes") or 0)
        if seen > more_than or one.get("done", 0) >= 4_500:
            break
    return seen


def test_fast_lookups_in_sqlite_have_two_lanes_at_most(cli: Cli, tmp_path: Path) -> None:
    """One works, the other is for a slow query among them. The report says so, and the last line has the number."""
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute("create table t (id integer primary key)")
        connection.executemany("insert into t values (?)", ((n,) for n in range(1_000)))
    connection.close()
    sql = "select id from t where id = :id"
    arguments = ("-t", "sqlite:///t.db", "-p", "range:id=1..60000", "--format", "none")
    got = cli("run", "-e", sql, *arguments, "--report", "json:report.json", env={"BULKQ_CONCURRENCY": "auto"})
    assert got.code == 0, got.err
    assert " lanes=auto\n" in got.err
    assert got.counts["lanes"] == "2"
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["lanes"] == {"number": 2, "why": "fast queries in this process need no more"}


@pytest.mark.parametrize("concurrency", [8, None])
async def test_few_sets_open_few_connections(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, concurrency: int | None
) -> None:
    """A run of three sets opens no more connections than one with `-j 8`."""
    opened = 0
    connect = AsyncpgDriver.connect

    async def counted(driver: AsyncpgDriver) -> object:
        nonlocal opened
        opened += 1
        return await connect(driver)

    monkeypatch.setattr(AsyncpgDriver, "connect", counted)
    asked = make_run(
        queries=(queries.inline(SLEEP, "postgresql"),),
        targets=(Target(url=database),),
        params=("range:id=1..3",),
        ledger="none",
        concurrency=concurrency,
        output=str(tmp_path / "out.csv"),
    )
    summary = await run(asked, control=Control())
    assert (summary.exit_code, summary.ok) == (0, 3)
    assert opened <= 4  # one of them cuts nothing


async def test_python(database: str) -> None:
    """The second run of a database has the connections of the first."""
    async with bulkq.open(database, concurrency="auto") as db:
        for _ in range(2):
            found = await db.execute("select :id::int as id", [{"id": n} for n in range(500)])
            assert (found.ok, found.exit_code) == (500, 0)


@pytest.mark.parametrize("arguments", [("plan", "run"), ("plan", "check")])
def test_plan_says_auto(database: str, cli: Cli, arguments: tuple[str, str]) -> None:
    """The number is not known before the run."""
    if arguments[1] == "check":
        (cli.folder / "c.sql").write_text("-- name: c\nselect 1 where false;\n")
        got = cli(*arguments, "c.sql", "-t", database, "-j", "auto")
    else:
        got = cli(*arguments, "-e", SLEEP, "-t", database, "-p", "range:id=1..3", "-j", "auto")
    assert got.code == 0, got.err
    assert "-j auto" in got.text


def test_a_check_may_have_it(database: str, cli: Cli) -> None:
    """Checks are executed as the sets of a run."""
    (cli.folder / "c.sql").write_text("-- name: c\nselect 1 where false;\n")
    got = cli("check", "c.sql", "-t", database, "-j", "auto")
    assert got.code == 0, got.err
    assert " lanes=auto" in got.err


def test_targets_are_tried_side_by_side_also_with_auto_in_the_environment(database: str, cli: Cli) -> None:
    """`targets test` has nothing to measure: it keeps its default."""
    (cli.folder / "bulkq.toml").write_text(f'[targets.one]\nurl = "{database}"\n')
    got = cli("targets", "test", env={"BULKQ_CONCURRENCY": "auto"})
    assert got.code == 0, got.err
