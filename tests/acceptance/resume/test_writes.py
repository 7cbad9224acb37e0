"""A resumed write: every set is applied once, and its limits hold."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.support.interrupted_runs import ROWS, TARGET, assert_one_line, killed, query
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.command import Cli


# --- writes ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgres"])
def counters(
    request: pytest.FixtureRequest, folder: Path
) -> Iterator[tuple[str, Callable[[str], list[tuple[object, ...]]]]]:
    """URL of a target with a table of counters, and what asks it."""
    if request.param == "sqlite":
        yield TARGET, lambda sql: query(folder, sql)
        return
    url = request.getfixturevalue("database")
    servers.execute(
        url,
        "CREATE TABLE t (id bigint PRIMARY KEY, n bigint NOT NULL DEFAULT 0)",
        f"INSERT INTO t SELECT i FROM generate_series(1, {ROWS}) AS s(i)",
    )
    yield url, lambda sql: [tuple(row) for row in servers.execute(url, sql)]


def test_a_killed_write_is_applied_once(
    cli: Cli, counters: tuple[str, Callable[[str], list[tuple[object, ...]]]]
) -> None:
    """Killed with -9 in the middle, resumed with other lanes and batches: every row was incremented once."""
    url, ask = counters
    process = cli.start("run", "q.sql:add_slowly", "-t", url, "-p", "ids.csv", "--write", "-j", "2", "--batch", "2")
    run = killed(process, lambda: int(str(ask("select sum(n) from t")[0][0])) >= 20)
    assert ask(f"select count(*) from bulkq_runs where run = '{run}'") == [(1,)]
    done = cli("resume", run, "-j", "3", "--batch", "7")
    assert done.code == 0, done.err
    assert done.counts["ok"] == str(ROWS)
    assert done.counts["changed"] == str(ROWS)
    assert ask("select n, count(*) from t group by n") == [(1, ROWS)]
    assert ask("select count(*) from bulkq_markers") == [(0,)]
    assert ask("select count(*) from bulkq_runs") == [(0,)]


def test_without_its_marker_tables_a_run_is_refused(
    cli: Cli, counters: tuple[str, Callable[[str], list[tuple[object, ...]]]]
) -> None:
    """Somebody has dropped them: nobody can tell what was applied, so nothing is sent."""
    url, ask = counters
    stopped = cli("run", "q.sql:add", "-t", url, "-p", "ids.csv", "--write", "--max-affected", "25", "--batch", "10")
    assert stopped.code == 4, stopped.err
    before = ask("select sum(n) from t")
    if url.startswith("postgres"):
        servers.execute(url, "DROP TABLE bulkq_markers, bulkq_runs")
    else:
        with closing(sqlite3.connect(cli.folder / "app.db")) as database:
            database.executescript("drop table bulkq_markers; drop table bulkq_runs")
    assert_one_line(cli("resume", "--last"), 4, "bulkq_runs", "cannot determine what was applied", "nothing was sent")
    assert ask("select sum(n) from t") == before


@pytest.mark.usefixtures("folder")
async def test_a_takeover_that_waits_can_be_stopped(cli: Cli, database: str) -> None:
    """While another transaction holds the run row: the deadline and a signal end it, with a summary and the way to go on."""
    servers.execute(database, "CREATE TABLE t (id bigint PRIMARY KEY, n bigint NOT NULL DEFAULT 0)")
    stopped = cli(
        "run",
        "q.sql:add",
        "-t",
        database,
        "-p",
        "range:id=1..100",
        "--write",
        "--max-failures",
        "1",
        "--expect-rows",
        "1",
    )
    assert stopped.code == 5, stopped.err
    run = stopped.counts["run"]
    holder = await asyncpg.connect(database)
    try:
        await holder.execute(f"BEGIN; SELECT 1 FROM bulkq_runs WHERE run = '{run}' FOR SHARE")
        late = cli("resume", run, "--deadline", "1s")
        assert (late.code, late.counts["exit"], late.counts["failed"]) == (5, "5", stopped.counts["failed"]), late.err
        assert f'resume="bulkq resume {run}"' in late.err
        process = cli.start("resume", run)
        assert process.stderr is not None
        assert "waiting for transactions" in process.stderr.readline().decode()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 5, err
        assert f'exit=5 resume="bulkq resume {run}"' in err.decode()
    finally:
        await holder.close()
    assert '"status": "stopped"' in cli("runs", run, "--format", "json").text
    assert cli("resume", run, "--max-failures", "1000").code == 1


def test_markers_may_have_other_names_and_stay(cli: Cli, folder: Path) -> None:
    """`--marker-table` names the tables, `--keep-markers` leaves what was applied in them."""
    options = ("--marker-table", "ops", "--keep-markers", "--batch", "100")
    done = cli("run", "q.sql:add", "-t", TARGET, "-p", "ids.csv", "--write", *options)
    assert done.code == 0, done.err
    assert query(folder, "select sum(last - first + 1), sum(rows) from ops_markers") == [(ROWS, ROWS)]
    assert query(folder, "select run from ops_runs") == [(done.counts["run"],)]


@pytest.mark.usefixtures("folder")
def test_a_limit_on_changes_rolls_back(cli: Cli) -> None:
    """`--max-affected`: the batch that would pass it is undone, the run stops, exit code 4."""
    options = ("--batch", "10", "-j", "1", "--max-affected", "25")
    done = cli("run", "q.sql:add", "-t", TARGET, "-p", "ids.csv", "--write", *options)
    assert done.code == 4, done.err
    assert "--max-affected" in done.err
    assert done.counts["changed"] == "20"
    assert query(cli.folder, "select sum(n) from t") == [(20,)]
    again = cli("resume", "--last", "--max-affected", str(ROWS))
    assert (again.code, again.counts["changed"]) == (0, str(ROWS)), again.err
    assert query(cli.folder, "select distinct n from t") == [(1,)]


@pytest.mark.parametrize("command", ["resume", "retry"])
def test_a_limit_that_cannot_hold_is_refused_later_too(cli: Cli, folder: Path, command: str) -> None:
    """A SELECT with --write may call functions that change rows: `--max-affected` of resume and retry is refused as of run."""
    (folder / "some.csv").write_text("id\n1\n2\n")
    cli("run", "-e", "select json(case when :id < 3 then 'x' end) as n", "-t", TARGET, "-p", "some.csv", "--write")
    assert_one_line(cli(command, "--last", "--max-affected", "9"), 2, "--max-affected cannot be enforced")


def test_a_set_that_changes_too_much_fails(cli: Cli, folder: Path) -> None:
    """`--expect-rows 1`: a set that changes none fails by itself, the others are applied; exit code 1."""
    (folder / "some.csv").write_text("id\n1\n9999\n2\n")
    done = cli("run", "q.sql:add", "-t", TARGET, "-p", "some.csv", "--write", "--expect-rows", "1")
    assert (done.code, done.counts["ok"], done.counts["failed"]) == (1, "2", "1"), done.err
    assert "some.csv:3" in done.err
    assert query(folder, "select sum(n) from t where id in (1, 2)") == [(2,)]
