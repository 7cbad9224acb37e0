"""Runs in the workers of a cluster: the same as in one process, also when workers are killed."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from tests.integration.dask.conftest import DaskProcesses
    from tests.support.command import Cli

CREATE = "create table t (id bigint primary key, v bigint not null default 0)"
FILL = "insert into t select i from generate_series(1, {}) i"
INCREMENT = "update t set v = v + 1 where id = :id"


def executor(cluster: DaskProcesses) -> tuple[str, str]:
    """The options."""
    return "--executor", f"dask={cluster.address}"


def wait_for_begin(process: subprocess.Popen[bytes]) -> None:
    """Wait for the first line of a run."""
    assert process.stderr is not None
    while b"run=" not in (line := process.stderr.readline()):
        assert line, "it has ended"


def run_named(name: str, cli: Cli) -> str:
    """The id of a run."""
    (run,) = [one["run"] for one in json.loads(cli("runs", "--format", "json").text) if one["name"] == name]
    return str(run)


def test_the_same_bytes_come_from_a_cluster(cluster: DaskProcesses, cli: Cli, database: str) -> None:
    """Text and numbers of sets are encoded by workers, in the order of the input."""
    execute(database, CREATE, FILL.format(3000))
    words = ("run", "-e", "select id, v, repeat('x', id::int % 9) as x from t where id = :id", "-t", database)
    words = (*words, "-p", "range:id=1..3000", "--include", "n,params", "--ledger", "none")
    for path, more in (("one.csv", ()), ("two.csv", executor(cluster))):
        done = cli(*words, "-o", path, *more)
        assert done.code == 0, done.err
    assert (cli.folder / "one.csv").read_bytes() == (cli.folder / "two.csv").read_bytes()


@pytest.mark.timeout(240)  # on a busy machine, Dask takes a minute to start, and half of one to start workers again
def test_killed_workers_change_nothing_twice(cluster: DaskProcesses, cli: Cli, database: str) -> None:
    """The batches of a killed worker are sent again, and markers settle them. Its objects are not: the catalog settles them at a resume."""
    tables = "; ".join(f"create table m.t{n} as select g from generate_series(1, 200) as g" for n in range(60))
    execute(database, CREATE, FILL.format(4000), "create schema m", f"do $$ begin {tables}; end $$")
    hold = cli.folder / "hold"
    hold.touch()
    common = ("-t", database, "--throttle", f"file:{hold}", "--throttle-every", "100ms", *executor(cluster))
    words = ("run", "-e", INCREMENT, "--write", "-p", "range:id=1..4000", "--batch", "20", "--max-rate", "1500/s")
    writes = cli.start(*words, "--progress", "json", "--name", "w", *common)
    words = ("maintain", "vacuum", "--schema", "m", "-j", "3", "--max-rate", "40/s")
    vacuums = cli.start(*words, "--name", "m", *common)
    wait_for_begin(writes)
    wait_for_begin(vacuums)
    hold.unlink()  # both are in the middle when the workers are killed, however long each took to begin
    time.sleep(0.5)
    for worker in cluster.workers:
        worker.send_signal(signal.SIGKILL)
        time.sleep(0.3)
    _, err = writes.communicate(timeout=100)
    assert writes.returncode == 0, err
    assert [tuple(row) for row in execute(database, "select v, count(*) from t group by v")] == [(1, 4000)]
    workers = json.loads([line for line in err.splitlines() if line.startswith(b"{")][-1])["workers"]
    done, lost = (sum(worker[key] for worker in workers["listed"]) for key in ("sets", "lost_sets"))
    assert done <= 4000 <= done + lost, workers  # what was applied and not answered was lost, and is not sent again
    gone = [worker["state"] for worker in workers["listed"] if worker["state"] != "working"]
    # On a busy machine, one may hang as well, and join again. If the scheduler misses one before its lanes do, it has left.
    assert gone.count("lost") <= workers["lost"], workers
    assert len(gone) >= 2, workers
    report = json.loads(cli("report", run_named("w", cli), "--format", "json").text)
    assert [one["sets"] for one in report["workers"]["listed"]] == [one["sets"] for one in workers["listed"]]
    _, err = vacuums.communicate(timeout=100)
    if vacuums.returncode:
        ended = cli("resume", run_named("m", cli), "--executor", "local")
        assert (vacuums.returncode, ended.code) == (3, 0), (err, ended.err)
    counts = "select count(*), min(vacuum_count), max(vacuum_count) from pg_stat_user_tables where schemaname = 'm'"
    assert [tuple(row) for row in execute(database, counts)] == [(60, 1, 1)]


def test_a_run_that_is_killed_leaves_no_connection(cluster: DaskProcesses, cli: Cli, database: str) -> None:
    """Workers end by themselves what they do for it; resume goes on in this process."""
    execute(database, CREATE, FILL.format(400))
    slow = "update t set v = v + 1 from pg_sleep(0.05) where id = :id"
    words = ("run", "-e", slow, "--write", "-t", database, "-p", "range:id=1..400", "--batch", "4")
    process = cli.start(*words, *executor(cluster))
    wait_for_begin(process)
    time.sleep(1)
    process.kill()
    process.wait()
    end_s = time.monotonic() + 60  # at once, on a machine that does nothing else
    while execute(database, "select 1 from pg_stat_activity where application_name like 'bulkq/%'"):
        assert time.monotonic() < end_s
        time.sleep(0.2)
    done = cli("resume", "--last", "-j", "20", "--executor", "local")
    assert done.code == 0, done.err
    assert [tuple(row) for row in execute(database, "select v, count(*) from t group by v")] == [(1, 400)]


def test_a_second_signal_cancels_on_the_server(cluster: DaskProcesses, cli: Cli, database: str) -> None:
    """In the workers; nothing of the run goes on."""
    process = cli.start("run", "-e", "select pg_sleep(60)", "-t", database, "--ledger", "none", *executor(cluster))
    wait_for_begin(process)
    busy = "select 1 from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid() and state = 'active'"
    while not execute(database, busy):
        time.sleep(0.05)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    process.wait(60)
    assert process.returncode == 130
    assert not execute(database, busy)


def test_functions_over_rows_are_called_in_workers(cluster: DaskProcesses, cli: Cli, database: str) -> None:
    """An exception is the failure of its set."""
    execute(database, CREATE, FILL.format(50))
    (cli.folder / "odd.py").write_text("def f(rows):\n    return [{'half': 6 // (r['id'] % 25)} for r in rows]\n")
    words = ("run", "-e", "select id from t where id = :id", "-t", database, "-p", "range:id=1..50", "--map", "odd:f")
    done = cli(*words, "-o", "rows.jsonl", "--ledger", "none", *executor(cluster))
    assert (done.code, done.counts["ok"], done.counts["failed"]) == (1, "48", "2"), done.err
    found = [json.loads(line) for line in (cli.folder / "rows.jsonl").read_text().splitlines()]
    assert found[:3] == [{"half": 6}, {"half": 3}, {"half": 2}]


def test_a_backfill_runs_in_workers(cluster: DaskProcesses, cli: Cli, database: str) -> None:
    """Its ranges are cut by the run."""
    execute(database, CREATE, FILL.format(5000))
    words = ("backfill", "--over", "t", "--set", "v = 7", "--where", "v = 0", "-t", database, "--max-rows", "500")
    done = cli(*words, *executor(cluster))
    assert done.code == 0, done.err
    assert [tuple(row) for row in execute(database, "select v, count(*) from t group by v")] == [(7, 5000)]


def test_maintenance_and_checks_run_in_workers(cluster: DaskProcesses, cli: Cli, database: str) -> None:
    """With the messages of the server, and snapshots."""
    execute(database, CREATE, FILL.format(10))
    done = cli("maintain", "vacuum", "-t", database, *executor(cluster))
    assert done.code == 0, done.err
    (cli.folder / "check.sql").write_text("-- name: none\n-- @expect rows <= 1\nselect count(*) from t;\n")
    done = cli("check", "check.sql", "-t", database, *executor(cluster))
    assert done.code == 0, done.err


def test_the_doctor_asks_each_worker(cluster: DaskProcesses, cli: Cli, database: str) -> None:
    """A line for each worker and target; the exit code is that of the worst."""
    away = "postgresql://postgres@127.0.0.1:1/d"
    done = cli("doctor", "-t", database, "-t", away, *executor(cluster))
    lines = done.text.splitlines()
    assert (done.code, len(lines)) == (3, 4), done.err
    assert all(line.startswith("worker tcp://127.0.0.1:") for line in lines)
    assert sum(": postgresql " in line for line in lines) == 2
    assert sum(": error: " in line for line in lines) == 2


def test_bad_input_is_one_line(cluster: DaskProcesses, cli: Cli, database: str) -> None:
    """Nothing is sent."""
    words = ("run", "-e", "select 1", "--ledger", "none")
    for more, code, text in (
        (("-t", database, "--executor", "dask=127.0.0.1:1"), 3, "no Dask scheduler answers at tcp://127.0.0.1:1"),
        (("-t", database, "--executor", "nonsense"), 2, '--executor "nonsense" is unknown'),
        (("-t", "postgresql://u:pw@127.0.0.1:1/d", *executor(cluster)), 4, "would be sent to the workers without TLS"),
        (("-t", database, "--map", "nowhere:f", "-o", "rows.csv", *executor(cluster)), 2, "worker tcp://127.0.0.1:"),
        (("-t", "postgresql://postgres@127.0.0.1:1/d", *executor(cluster)), 3, "worker tcp://127.0.0.1:"),
    ):
        done = cli(*words, *more)
        assert (done.code, text in done.err, "Traceback" in done.err) == (code, True, False), done.err
    assert not list(cli.folder.glob("rows.csv*"))


async def test_sqlite_files_are_read_by_both_workers(cluster: DaskProcesses, cli: Cli) -> None:
    """A relative path means the folder of the run."""
    import sqlite3

    with sqlite3.connect(cli.folder / "s.db") as file:
        file.executescript("create table t (id integer primary key); insert into t values (1), (2), (3);")
    words = ("run", "-e", "select id from t where id = :id", "-t", "sqlite:///s.db", "-p", "range:id=1..3")
    done = await asyncio.to_thread(cli, *words, "--ledger", "none", *executor(cluster))
    assert (done.code, done.text) == (0, '{"id":1}\n{"id":2}\n{"id":3}\n'), done.err
    assert " executor=dask=tcp://" in done.err.splitlines()[0]
