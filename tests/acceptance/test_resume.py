"""`bulkq resume` and `bulkq retry` as a user types them, after runs that were stopped, killed, or simply failed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import stat
import time
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from tests.support.servers import postgres as servers
from tests.support.servers.processes import wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.command import Cli, Finished

TARGET = "sqlite:///app.db"
ROWS = 400
SETUP = f"""
create table t(id integer primary key, n integer not null default 0);
with recursive c(i) as (select 1 union all select i + 1 from c where i < {ROWS}) insert into t(id) select i from c;
create table parent(id integer primary key);
"""
QUERIES = """\
-- name: slow(id: bigint)
with recursive c(i) as (select 1 union all select i + 1 from c where i < 8000)
select :id as id, count(*) as n from c;

-- name: add(id: bigint)
-- @mode write
update t set n = n + 1 where id = :id;

-- name: add_slowly(id: bigint)
-- @mode write
update t set n = n + 1 where id = :id and (
  with recursive c(i) as (select 1 union all select i + 1 from c where i < 10000) select count(*) from c) > 0;

-- name: inverse(id: bigint)
select json_extract(v, '$.x') as x from j where id = :id;
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a database of counters, queries and parameter sets."""
    (tmp_path / "q.sql").write_text(QUERIES)
    (tmp_path / "ids.csv").write_text("id\n" + "".join(f"{i}\n" for i in range(1, ROWS + 1)))
    with closing(sqlite3.connect(tmp_path / "app.db")) as database:
        database.executescript(SETUP)
        database.execute("create table j(id integer primary key, v text)")
        database.executemany("insert into j values (?, ?)", [(i, '{"x": 1}' if i % 2 else "{") for i in range(1, 7)])
        database.commit()
    return tmp_path


def query(folder: Path, sql: str) -> list[tuple[object, ...]]:
    """Rows of the SQLite target."""
    with closing(sqlite3.connect(folder / "app.db", timeout=10)) as database:
        return database.execute(sql).fetchall()


def begun(process: subprocess.Popen[bytes]) -> str:
    """The id in the first line of a run."""
    assert process.stderr is not None
    line = process.stderr.readline().decode()
    found = re.match(r"run=([0-9a-z]{10}) ", line)
    assert found, line + process.stderr.read().decode()
    return found[1]


def killed(process: subprocess.Popen[bytes], when: Callable[[], bool]) -> str:
    """The id of a run that is killed with -9 as soon as `when`."""
    run = begun(process)
    wait_until(when, "the run has not come so far")
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    return run


def stopped(cli: Cli, *arguments: str) -> Finished:
    """A run over six sets that stopped at the second, consistent and resumable."""
    options = ("-t", TARGET, "-p", "range:id=1..6", "-j", "1", "--batch", "1", "--max-failures", "1")
    done = cli("run", "q.sql:inverse", *options, *arguments)
    assert (done.code, done.counts["ok"], done.counts["failed"]) == (5, "1", "1"), done.err
    return done


def assert_one_line(done: Finished, code: int, *words: str) -> None:
    """One line on stderr that holds all `words`."""
    assert done.code == code, done.err
    assert len(done.err.splitlines()) == 1, done.err
    for word in words:
        assert word in done.err


# --- which run ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_an_unknown_run_names_the_nearest(cli: Cli) -> None:
    """A mistyped id: exit code 2, and the ids that it may have been."""
    run = stopped(cli).counts["run"]
    wrong = run[:-1] + ("0" if run[-1] != "0" else "1")
    for command in ("resume", "retry"):
        assert_one_line(cli(command, wrong), 2, f'"{wrong}"', run)


@pytest.mark.usefixtures("folder")
def test_a_finished_run_needs_nothing(cli: Cli) -> None:
    """Exit code 0, and it says that there is nothing to do; the output is as it was."""
    done = cli("run", "q.sql:add", "-t", TARGET, "-p", "ids.csv", "--write")
    assert done.code == 0, done.err
    assert "resume=" not in done.last
    again = cli("resume", done.counts["run"])
    assert again.code == 0, again.err
    assert "finished" in again.err
    assert query(cli.folder, "select distinct n from t") == [(1,)]


@pytest.mark.usefixtures("folder")
def test_the_last_line_says_how_to_go_on(cli: Cli) -> None:
    """`resume="..."` is a command that can be typed as it is; it changes with what is left to do."""
    first = stopped(cli)
    assert first.last.endswith(f'resume="bulkq resume {first.counts["run"]}"')
    done = cli("run", "q.sql:inverse", "-t", TARGET, "-p", "range:id=1..6", "-o", "x.csv")
    assert done.code == 1
    assert done.last.endswith(f'resume="bulkq retry {done.counts["run"]}"')


@pytest.mark.usefixtures("folder")
def test_the_way_to_go_on_names_the_ledger(cli: Cli) -> None:
    """Where `--ledger` was typed, the command needs it as well; from BULKQ_LEDGER it is known."""
    first = stopped(cli, "--ledger", "my runs.db")
    run = first.counts["run"]
    assert first.last.endswith(f"resume=\"bulkq resume {run} --ledger 'my runs.db'\"")
    assert_one_line(cli("resume", run), 2, "ledger")
    assert cli("resume", run, "--ledger", "my runs.db").counts["run"] == run
    assert "--ledger" not in cli("resume", run, env={"BULKQ_LEDGER": "my runs.db"}).last


@pytest.mark.usefixtures("folder")
def test_a_live_run_is_left_alone(cli: Cli) -> None:
    """A second process on the same run: exit code 4 with host and pid of the first, which goes on."""
    process = cli.start("run", "q.sql:slow", "-t", TARGET, "-p", "range:id=1..3000", "-j", "1", "-o", "x.csv")
    run = begun(process)
    assert_one_line(cli("resume", run), 4, socket.gethostname(), str(process.pid))
    assert_one_line(cli("retry", run), 4, f"bulkq resume {run}")
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 5


@pytest.mark.parametrize("limit", [["-x"], ["--max-failures", "1"]])
@pytest.mark.usefixtures("folder")
def test_a_limit_that_stopped_a_run_can_be_another(cli: Cli, limit: list[str]) -> None:
    """A run that stopped because too many failed goes on with a higher limit."""
    options = ("-t", TARGET, "-p", "range:id=1..6", "-j", "1", "--batch", "1", "-o", "x.csv")
    first = cli("run", "q.sql:inverse", *options, *limit)
    assert first.code == 5, first.err
    done = cli("resume", "--last", "--max-failures", "6")
    assert (done.code, done.counts["ok"], done.counts["failed"]) == (1, "3", "3"), done.err


# --- what must not have changed -------------------------------------------------------------------------------------


def test_a_changed_query_is_refused(cli: Cli, folder: Path) -> None:
    """Exit code 4, and the query that is another one now."""
    run = stopped(cli).counts["run"]
    (folder / "q.sql").write_text(QUERIES.replace("'$.x'", "'$.y'"))
    assert_one_line(cli("resume", run), 4, "q.sql", "inverse", "the SQL changed")
    head = "-- name: inverse(id: bigint)\n"
    changes = {
        f"{head}-- @timeout 5s\n": "q.sql:inverse: @timeout (not given, now 5s) changed since the run began",
        f"{head}-- @mode read\n-- @retries 1\n": "@mode (not given, now read), @retries (not given, now 1) changed",
        "-- name: inverse(id: text = 1)\n": ":id (bigint, now text = 1) changed",
    }
    for now, words in changes.items():
        (folder / "q.sql").write_text(QUERIES.replace(head, now))
        assert_one_line(cli("resume", run), 4, words)
    (folder / "q.sql").unlink()
    assert_one_line(cli("resume", run), 4, "q.sql")


def test_changed_parameters_are_refused(cli: Cli, folder: Path) -> None:
    """Exit code 4, and the file whose consumed part is another one now."""
    options = ("-t", TARGET, "-p", "few.csv", "-j", "1", "--batch", "1", "--max-failures", "1")
    (folder / "few.csv").write_text("id\n1\n2\n3\n")
    first = cli("run", "q.sql:inverse", *options)
    assert first.code == 5
    (folder / "few.csv").write_text("id\n3\n2\n3\n")
    assert_one_line(cli("resume", first.counts["run"]), 4, "few.csv", "changed")


def test_another_target_is_refused(cli: Cli, folder: Path) -> None:
    """`-t` is for a password; another database is another run: exit code 4."""
    run = stopped(cli).counts["run"]
    (folder / "other.db").write_bytes((folder / "app.db").read_bytes())
    assert_one_line(cli("resume", run, "-t", "sqlite:///other.db"), 4, "other.db")


# --- reads ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_an_output_ends_as_if_never_stopped(cli: Cli, folder: Path, number: signal.Signals, name: str) -> None:
    """A read run is interrupted twice or killed; resumed with other lanes and batches its file is the same to the byte."""
    arguments = ("run", "q.sql:slow", "-t", TARGET, "-p", "ids.csv", "-j", "2", "--batch", "3")
    whole = cli(*arguments, "-o", f"whole.{name}")
    assert whole.code == 0, whole.err
    process = cli.start(*arguments, "-o", name)
    run = begun(process)
    partial = folder / f"{name}.partial"
    wait_until(lambda: partial.exists() and partial.stat().st_size > 0, "nothing was written")
    process.send_signal(number)
    if number is signal.SIGINT:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"stopping")
        process.send_signal(number)
    process.communicate()
    assert process.returncode in {-signal.SIGKILL, 5, 130}
    assert not (folder / name).exists()
    done = cli("resume", run, "-j", "3", "--batch", "7")
    assert done.code == 0, done.err
    assert (done.counts["run"], done.counts["ok"]) == (run, str(ROWS))
    assert (folder / name).read_bytes() == (folder / f"whole.{name}").read_bytes()
    assert not partial.exists()


def test_an_output_belongs_to_the_last_run_that_began_it(cli: Cli, folder: Path) -> None:
    """A command that never begins takes nothing from a run that died; one that does is named when the first is resumed."""
    slow = ["run", "q.sql:slow", "-t", TARGET, "-p", "ids.csv", "-o", "out.jsonl", "-j", "1", "--batch", "1"]
    partial = folder / "out.jsonl.partial"
    first = killed(cli.start(*slow), lambda: partial.exists() and partial.stat().st_size > 0)
    before = partial.read_bytes()
    (folder / "bad.csv").write_text("id\n1\n2,3\n")
    assert cli("run", "q.sql:slow", "-t", TARGET, "-p", "bad.csv", "-o", "out.jsonl").code == 2
    assert partial.read_bytes() == before
    second = killed(cli.start(*slow, "--include", "n"), lambda: partial.read_bytes()[:5] == b'{"_n"')
    assert_one_line(cli("resume", first), 4, f"begun anew by run {second}", "start a new run")
    done = cli("resume", second)
    assert done.code == 0, done.err
    assert (folder / "out.jsonl").read_text().count('{"_n"') == ROWS
    done = cli(*slow)
    assert "can no longer be resumed" not in done.err


def test_a_run_goes_on_where_it_was_begun(cli: Cli, folder: Path) -> None:
    """Typed in another folder, the files are those of the run; a report lies where it was asked for."""
    process = cli.start("run", "q.sql:slow", "-t", TARGET, "-p", "ids.csv", "-j", "1", "-o", "rows.csv")
    partial = folder / "rows.csv.partial"
    killed(process, lambda: partial.exists() and partial.stat().st_size > 0)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    done = cli("resume", "--last", "--report", "json:report.json", cwd=elsewhere)
    assert done.code == 0, done.err
    assert (folder / "rows.csv").read_text().count("\n") == ROWS + 1
    assert [path.name for path in elsewhere.iterdir()] == ["report.json"]


PIPED = ("-p", "-", "--params-format", "csv", "-j", "8", "--batch", "1", "-o", "rows.csv")


def test_standard_input_is_kept_until_the_end(cli: Cli, database: str) -> None:
    """What cannot be read again is spooled: named in the first line, for nobody else's eyes, gone when it is finished."""
    sql = "select :id::int as id, pg_sleep(case when :id::int > 3 then 2 else 0 end) is null as slept"
    process = cli.start("run", "-e", sql, "-t", database, *PIPED, stdin=True)
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(b"id\n1\n2\n3\n4\n5\n")
    process.stdin.close()
    process.stdin = None
    first = process.stderr.readline().decode()
    partial = cli.folder / "rows.csv.partial"
    wait_until(lambda: partial.exists() and partial.stat().st_size > 0, "nothing was written")
    process.kill()
    process.communicate()
    (spool,) = [path for path in (cli.folder / "state").rglob("*") if path.is_file() and path.name in first]
    assert stat.S_IMODE(spool.stat().st_mode) == 0o600
    done = cli("resume", "--last")
    assert done.code == 0, done.err
    assert [line.partition(",")[0] for line in (cli.folder / "rows.csv").read_text().splitlines()] == [
        *("id", "1", "2", "3", "4", "5")
    ]
    assert not spool.exists()


def test_standard_input_that_was_cut_off_is_not_complete(cli: Cli, folder: Path) -> None:
    """Whoever wrote into the pipe was not done when the run was killed: what was read is done, the rest is unknown."""
    process = cli.start("run", "q.sql:slow", "-t", TARGET, *PIPED, stdin=True)
    assert process.stdin is not None
    process.stdin.write(b"id\n1\n2\n3\n")
    process.stdin.flush()
    partial = folder / "rows.csv.partial"
    run = begun(process)
    wait_until(lambda: partial.exists() and partial.stat().st_size > 0, "nothing was written")
    process.kill()
    process.communicate()
    done = cli("resume", run)
    assert done.code == 3, done.err
    assert "cut off" in done.err
    assert (folder / "rows.csv").read_text() == "id,n\n1,8000\n2,8000\n3,8000\n"
    again = cli("resume", run)
    assert (again.code, again.counts["status"]) == (3, "unknown"), "a loop until all is well must not end"
    assert "a part of its source was lost" in again.err


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


def test_another_file_of_the_same_name_is_another_database(cli: Cli, folder: Path) -> None:
    """A read that goes on in a file that was put there instead would give rows of two databases."""
    done = cli("run", "q.sql:inverse", "-t", TARGET, "-p", "range:id=1..6", "--max-failures", "1", "-o", "x.csv")
    assert done.code == 5, done.err
    (folder / "copy.db").write_bytes((folder / "app.db").read_bytes())
    (folder / "copy.db").replace(folder / "app.db")
    assert_one_line(cli("resume", "--last", "--max-failures", "9"), 4, "another database")


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


# --- retry ----------------------------------------------------------------------------------------------------------


def test_what_failed_is_tried_again(cli: Cli, folder: Path) -> None:
    """A new run over the failed sets with their old numbers, into a file beside the first; then nothing is left."""
    first = cli("run", "q.sql:inverse", "-t", TARGET, "-p", "range:id=1..6", "-o", "x.csv", "--include", "n")
    assert (first.code, first.counts["ok"], first.counts["failed"]) == (1, "3", "3"), first.err
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("""update j set v = '{"x": 2}' where id in (2, 6)""")
        database.commit()
    second = cli("retry", "--last")
    assert (second.code, second.counts["ok"], second.counts["failed"]) == (1, "2", "1"), second.err
    old, new = first.counts["run"], second.counts["run"]
    assert old != new
    assert (folder / "x.csv").read_text() == "_n,x\n1,1\n3,1\n5,1\n"
    assert (folder / f"x.retry-{old}.csv").read_text() == "_n,x\n2,2\n6,2\n"
    assert f"retry of     {old}" in cli("runs", new).text
    assert "n=4" in cli("retry", new).err


def test_a_retried_write_is_applied_once(cli: Cli, folder: Path) -> None:
    """The sets that went through are not sent again."""
    (folder / "ref.sql").write_text(
        "-- name: ref(id: bigint)\n-- @mode write\nupdate t set n = n + json_extract((select v from j where id = :id), '$.x') where id = :id;\n"
    )
    first = cli("run", "ref.sql", "-t", TARGET, "-p", "range:id=1..6", "--write")
    assert (first.code, first.counts["ok"], first.counts["failed"]) == (1, "3", "3"), first.err
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("""update j set v = '{"x": 1}'""")
        database.commit()
    second = cli("retry", first.counts["run"])
    assert (second.code, second.counts["ok"], second.counts["changed"]) == (0, "3", "3"), second.err
    assert query(folder, "select id, n from t where n > 0") == [(i, 1) for i in range(1, 7)]


def test_a_retry_that_was_stopped_goes_on_with_its_own_sets(cli: Cli, folder: Path) -> None:
    """What had gone through in the run that it repeats is none of its business, when it is resumed as well."""
    ask = lambda sql: query(folder, sql)  # noqa: E731 - short in the lines below
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("create table acc(id integer primary key, v integer check (v < 1000))")
        database.executemany("insert into acc values (?, ?)", [(i, 999 if i in {3, 4, 7} else 0) for i in range(1, 11)])
        database.commit()
    change = ("run", "-e", "update acc set v = v + 1 where id = :id", "-t", TARGET, "-p", "range:id=1..10", "--write")
    first = cli(*change)
    assert (first.code, first.counts["ok"], first.counts["failed"]) == (1, "7", "3"), first.err
    stopped = cli("retry", "--last", "--max-failures", "1", "-j", "1", "--batch", "1")
    assert (stopped.code, stopped.counts["failed"], stopped.counts["skipped"]) == (5, "1", "2"), stopped.err
    again = cli("resume", "--last", "--max-failures", "50")
    assert (again.code, again.counts["ok"], again.counts["failed"]) == (1, "0", "3"), again.err
    assert ask("select v, count(*) from acc group by v order by v") == [(1, 7), (999, 3)]
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("update acc set v = 0 where v = 999")
        database.commit()
    done = cli("retry", "--last")
    assert (done.code, done.counts["ok"], done.counts["changed"]) == (0, "3", "3"), done.err
    assert ask("select v, count(*) from acc group by v") == [(1, 10)]


def test_a_killed_retry_of_standard_input_goes_on(cli: Cli, folder: Path) -> None:
    """It reads the spool of the run that it repeats, which goes when all has gone well."""
    ids = b"id\n" + b"".join(b"%d\n" % i for i in range(1, 7))
    first = cli("run", "q.sql:inverse", "-t", TARGET, "-p", "-", "--params-format", "csv", "-o", "x.csv", stdin=ids)
    assert (first.code, first.counts["failed"]) == (1, "3"), first.err
    spools = lambda: sorted(path.name for path in folder.rglob("*.spool"))  # noqa: E731
    assert len(spools()) == 1
    stopped = cli("retry", "--last", "-j", "1", "--batch", "1", "--max-failures", "1")
    assert (stopped.code, stopped.counts["skipped"]) == (5, "2"), stopped.err
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("""update j set v = '{"x": 2}' where id in (4, 6)""")
        database.commit()
    again = cli("resume", "--last", "--max-failures", "50")
    assert (again.code, again.counts["ok"], again.counts["failed"]) == (1, "2", "1"), again.err
    assert (folder / f"x.retry-{first.counts['run']}.csv").read_text() == "x\n2\n2\n"
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("""update j set v = '{"x": 3}' where id = 2""")
        database.commit()
    last = cli("retry", "--last")
    assert (last.code, last.counts["ok"]) == (0, "1"), last.err
    assert spools() == []


def test_a_header_without_rows_outlives_a_resume(cli: Cli, folder: Path) -> None:
    """The part is done, so that nothing would write it again."""
    there, away = TARGET, "postgresql://nobody@127.0.0.1:9/x"
    sql = "select 1 as a where :id < 0"
    first = cli("run", "-e", sql, "-t", there, "-t", away, "-p", "range:id=1..3", "-o", "{target}.csv")
    assert first.code == 3, first.err
    (made,) = (path for path in folder.glob("*.csv") if path.name != "ids.csv")
    assert made.read_text() == "a\n"
    for _ in range(2):
        assert cli("resume", "--last").code == 3
        assert made.read_text() == "a\n"


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


def test_maintenance_that_was_cut_off_is_listed(cli: Cli, folder: Path) -> None:
    """Killed while a set was on its way: the resume tells which, with line and values, and the next one does not tell it again."""
    count = "with recursive c(i) as (select 1 union all select i + 1 from c where i < 300000) select count(*) from c"
    sql = f"-- name: m(id: bigint)\n-- @mode maintenance\nupdate t set n = n + 1 where id = :id and ({count}) > 0;\n"
    (folder / "m.sql").write_text(sql)
    process = cli.start("run", "m.sql", "-t", TARGET, "-p", "ids.csv", "--write", "-j", "1", "--failures", "f.jsonl")
    run = killed(process, lambda: int(str(query(folder, "select sum(n) from t")[0][0])) >= 3)
    resumed = cli("resume", run, "--max-failures", "1000", "--deadline", "1s")
    assert resumed.code in {3, 5}, resumed.err
    lines = [json.loads(line) for path in folder.glob("f.jsonl*") for line in path.read_text().splitlines()]
    assert [line["outcome"] for line in lines] == ["unknown"]
    (line,) = lines
    assert line["source"] == f"ids.csv:{line['n'] + 1}"
    assert line["params"] == {"id": line["n"]}
    again = cli("resume", run, "--deadline", "1s")
    assert again.code in {3, 5}, again.err
    told = [json.loads(line)["n"] for path in folder.glob("f.jsonl*") for line in path.read_text().splitlines()]
    assert told.count(line["n"]) == 1
    assert len(told) == len(set(told))


def test_what_was_retried_is_not_retried_again(cli: Cli, folder: Path) -> None:
    """The second retry of a run goes on from the first: what went well there is not applied twice."""
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("create table acc(id integer primary key, v integer check (v < 100))")
        database.executemany("insert into acc values (?, ?)", [(1, 0), (2, 95), (3, 95)])
        database.commit()
    first = cli(
        *("run", "-e", "update acc set v = v + 10 where id = :id", "-t", TARGET, "-p", "range:id=1..3", "--write")
    )
    run = first.counts["run"]
    assert (first.code, first.counts["failed"]) == (1, "2"), first.err
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("update acc set v = 0 where id = 2")
        database.commit()
    second = cli("retry", run)
    assert (second.code, second.counts["ok"], second.counts["failed"]) == (1, "1", "1"), second.err
    assert f"next         bulkq runs {second.counts['run']}" in cli("runs", run).text
    third = cli("retry", run)
    assert (third.code, third.counts["ok"], third.counts["failed"]) == (1, "0", "1"), third.err
    assert f"was retried by run {second.counts['run']}" in third.err
    assert query(folder, "select v from acc order by id") == [(10,), (10,), (95,)]


def test_maintenance_that_went_well_is_settled(cli: Cli, folder: Path) -> None:
    """What is on record as sent is none of the unknowns once its end is known: nothing to retry, nothing to resume."""
    sql = "-- name: m(id: bigint)\n-- @mode maintenance\nupdate t set n = n + 1 where id = :id;\n"
    (folder / "m.sql").write_text(sql)
    options = ("-t", TARGET, "-p", "range:id=1..20", "--write", "--deadline", "10m")
    done = cli("run", "m.sql", *options)
    assert (done.code, done.counts["ok"], done.counts["unknown"]) == (0, "20", "0"), done.err
    shown = cli("runs", done.counts["run"]).text
    assert "failure" not in shown
    again = cli("retry", "--last")
    assert (again.code, "nothing to retry" in again.err) == (0, True), again.err
    assert query(folder, "select sum(n) from t") == [(20,)]


@pytest.mark.usefixtures("folder")
def test_an_unfinished_run_is_resumed_first(cli: Cli) -> None:
    """`retry` of a run with missing sets: exit code 4, and the command that comes first."""
    run = stopped(cli).counts["run"]
    assert_one_line(cli("retry", run), 4, f"bulkq resume {run}")


@pytest.mark.usefixtures("folder")
def test_a_run_without_failures_has_nothing_to_retry(cli: Cli) -> None:
    """Exit code 0, and it says so."""
    done = cli("run", "q.sql:add", "-t", TARGET, "-p", "ids.csv", "--write")
    again = cli("retry", done.counts["run"])
    assert again.code == 0, again.err
    assert query(cli.folder, "select distinct n from t") == [(1,)]


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
