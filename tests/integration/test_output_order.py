"""One slow query must not stall the others: a first set waits for a lock that the test holds, while the others are done."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest

from bulkq.engine.delivery.base import AHEAD_ANSWERS
from bulkq.engine.delivery.overflow import MEMORY_BYTES
from tests.support.crash.nursery import done_ranges, make_ledger, run_id, start

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.support.command import Cli

DRIVERS = ["postgresql", "postgresql+psycopg2"]
WAITS = "case when :id::int = 1 then pg_advisory_xact_lock_shared(7)::text end"
NO_LIMITS = ("--lock-timeout", "none", "--timeout", "none", "--progress", "json")
LONGEST_S = 90.0


@contextmanager
def locked(url: str) -> Iterator[psycopg2.extensions.connection]:
    """The lock that the first set waits for; `close` of the connection releases it."""
    connection = psycopg2.connect(url)
    try:
        connection.cursor().execute("select pg_advisory_lock(7)")
        yield connection
    finally:
        connection.close()


def through(url: str, scheme: str) -> str:
    """The same database by another driver."""
    return url.replace("postgresql://", f"{scheme}://", 1)


def seen(cli: Cli, process: subprocess.Popen[bytes], *, state: str = "", **wanted: int) -> dict[str, object]:
    """The first progress object with that `state` in which every counter of `wanted` has its value, or more."""
    ends_s = time.monotonic() + LONGEST_S
    while time.monotonic() < ends_s:
        text = (cli.folder / "err").read_text()
        for line in text.splitlines():
            found = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
            if found.get("state") == state and all((found[name] or 0) >= least for name, least in wanted.items()):
                return found
        assert process.poll() is None, text
        time.sleep(0.02)
    raise AssertionError((cli.folder / "err").read_text()[-2000:])


def finished(cli: Cli, process: subprocess.Popen[bytes]) -> dict[str, str]:
    """The last words of a process that has ended."""
    process.wait(LONGEST_S)
    last = (cli.folder / "err").read_text().rstrip("\n").rpartition("\n")[2]
    return dict(part.split("=", 1) for part in last.split() if "=" in part)


def ids_of(cli: Cli, name: str = "out.jsonl") -> list[int]:
    """The column `id` of the output."""
    return [json.loads(line)["id"] for line in (cli.folder / name).read_text().splitlines()]


@pytest.mark.parametrize("scheme", DRIVERS)
def test_all_others_are_answered_behind_a_gap(postgres_url: str, cli: Cli, scheme: str) -> None:
    """Thousands of sets are answered while the first one waits; progress says for which one, and the output is in order."""
    sql = f"select :id::int as id, {WAITS} as waited"
    with locked(postgres_url) as lock:
        where = ("-t", through(postgres_url, scheme), "-p", "range:id=1..2000", "-o", "out.jsonl")
        process = start(cli, "run", "-e", sql, *where, "-j", "3", "--batch", "1", *NO_LIMITS)
        said = seen(cli, process, waiting=1_999, waiting_for=1)
        assert said["waiting_for"] == 1
        assert said["in_flight"] == 1
        assert done_ranges(cli) == []  # nothing is marked that is not written
        lock.close()
        assert finished(cli, process)["ok"] == "2000"
    assert ids_of(cli) == list(range(1, 2_001))


def test_large_answers_wait_in_a_file_without_a_name(postgres_url: str, cli: Cli) -> None:
    """Beyond the bound on memory results wait on disk, where nobody sees them, and come out in order."""
    sql = f"select :id::int as id, {WAITS} as waited, repeat(:id::text, 6000) as long"
    folder = cli.folder / "tmp"
    folder.mkdir()
    with locked(postgres_url) as lock:
        where = ("-t", postgres_url, "-p", "range:id=1..2000", "-o", "out.jsonl")
        cli.environment = lambda more=None, kept=cli.environment: kept(more) | {"TMPDIR": str(folder)}  # type: ignore[method-assign]
        process = start(cli, "run", "-e", sql, *where, "-j", "3", *NO_LIMITS)
        said = seen(cli, process, waiting=1_999, waiting_for=1)
        assert said["waiting_bytes"] > MEMORY_BYTES  # type: ignore[operator]
        assert {path.name for path in folder.iterdir()} <= {
            f"bulkq-{os.getuid()}"
        }  # where its socket is, if the path is short
        opened = [str(fd.readlink()) for fd in Path(f"/proc/{process.pid}/fd").iterdir()]
        assert any(path.startswith(f"{folder}/") and path.endswith(" (deleted)") for path in opened)
        lock.close()
        assert finished(cli, process)["ok"] == "2000"
    rows = [json.loads(line) for line in (cli.folder / "out.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == list(range(1, 2_001))
    assert all(row["long"] == str(row["id"]) * 6_000 for row in rows)


@pytest.mark.long
def test_killed_while_much_waits(postgres_url: str, cli: Cli) -> None:
    """What waited when the process was killed is asked again; file and failures end as those of a run that nobody killed."""
    sql = f"select :id::int as id, {WAITS} as waited, 1 / (:id::int % 100) as one"
    where = ("-t", postgres_url, "-p", "range:id=1..3000", "-j", "3")
    whole = cli(
        "run",
        "-e",
        sql,
        *where,
        "-o",
        "whole.jsonl",
        "--failures",
        "bad.jsonl",
        "--ledger",
        "none",
        timeout_s=LONGEST_S,
    )
    assert whole.code == 1, whole.err
    with locked(postgres_url):
        process = start(
            cli, "run", "-e", sql, *where, "-o", "out.jsonl", "--failures", "failed.jsonl", "--batch", "1", *NO_LIMITS
        )
        seen(cli, process, waiting=2_999)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (cli.folder / "out.jsonl.partial").read_bytes() == b""
    ended = cli("resume", run_id(cli), timeout_s=LONGEST_S)
    assert ended.code == 1, ended.err
    assert (ended.counts["ok"], ended.counts["failed"]) == ("2970", "30")
    assert (cli.folder / "out.jsonl").read_bytes() == (cli.folder / "whole.jsonl").read_bytes()
    assert (cli.folder / "failed.jsonl").read_bytes() == (cli.folder / "bad.jsonl").read_bytes()


@pytest.mark.parametrize("scheme", DRIVERS)
def test_a_write_without_rows_is_recorded_at_once(database: str, cli: Cli, scheme: str) -> None:
    """Sets of a write that gives no rows are on record while the first one waits; failures are still told in order."""
    lock_first = "(:id::int > 1 or pg_advisory_xact_lock_shared(7) is not null)"
    sql = f"insert into written select 1 / (case when :id::int in (5, 900) then 0 else 1 end) where {lock_first}"
    with locked(database) as lock:
        lock.cursor().execute("create table written (n int)")
        lock.commit()
        lock.cursor().execute("select pg_advisory_lock(7)")
        make_ledger(cli)
        where = ("-t", through(database, scheme), "-p", "range:id=1..1000", "--failures", "bad.jsonl", "--write")
        process = start(cli, "run", "-e", sql, *where, "-j", "3", "--batch", "1", *NO_LIMITS)
        ends_s = time.monotonic() + LONGEST_S
        while done_ranges(cli) != [(2, 4), (6, 899), (901, 1_000)]:
            assert process.poll() is None, (cli.folder / "err").read_text()
            assert time.monotonic() < ends_s, done_ranges(cli)
            time.sleep(0.02)
        lock.close()
        assert finished(cli, process)["failed"] == "2"
    bad = [json.loads(line)["n"] for line in (cli.folder / "bad.jsonl").read_text().splitlines()]
    assert bad == [5, 900]


def test_failures_that_wait_are_told_by_the_resumed_run(database: str, cli: Cli) -> None:
    """Sets that failed behind a slow one are on record; a run that goes on after a kill lists them, each once."""
    lock_first = "(:id::int > 1 or pg_advisory_xact_lock_shared(7) is not null)"
    sql = f"insert into written select 1 / (case when :id::int in (5, 90) then 0 else 1 end) where {lock_first}"
    with locked(database) as lock:
        lock.cursor().execute("create table written (n int)")
        lock.commit()
        lock.cursor().execute("select pg_advisory_lock(7)")
        where = ("-t", database, "-p", "range:id=1..100", "--failures", "bad.jsonl", "--write")
        process = start(cli, "run", "-e", sql, *where, "-j", "3", "--batch", "1", *NO_LIMITS)
        seen(cli, process, waiting=2, ok=97)
        process.send_signal(signal.SIGKILL)
        process.wait()
    ended = cli("resume", run_id(cli), timeout_s=LONGEST_S)
    assert (ended.code, ended.counts["ok"], ended.counts["failed"]) == (1, "98", "2"), ended.err
    bad = [json.loads(line) for line in (cli.folder / "bad.jsonl").read_text().splitlines()]
    assert [(row["n"], int(row["params"]["id"]), row["sqlstate"]) for row in bad] == [
        (5, 5, "22012"),
        (90, 90, "22012"),
    ]


@pytest.mark.long
def test_answers_of_a_write_that_wait_are_few(database: str, cli: Cli) -> None:
    """Rows of a write cannot be asked for again: the lanes wait for the first set before a kill would lose too many."""
    sql = "update written set n = n + 1 where id = :id returning id, case when id = 1 then pg_advisory_xact_lock_shared(7)::text end as w"
    lanes = 3
    with locked(database) as lock:
        lock.cursor().execute("create table written as select i as id, 0 as n from generate_series(1, 3000) i")
        lock.commit()
        where = ("-t", database, "-p", "range:id=1..3000", "-o", "out.jsonl", "--write")
        process = start(cli, "run", "-e", sql, *where, "-j", str(lanes), "--batch", "1", *NO_LIMITS)
        seen(cli, process, waiting=AHEAD_ANSWERS)
        process.send_signal(signal.SIGKILL)
        process.wait()
    ended = cli("resume", run_id(cli), timeout_s=LONGEST_S)
    assert ended.code == 3, ended.err
    lost = int(ended.counts["unanswered"])
    assert AHEAD_ANSWERS <= lost <= AHEAD_ANSWERS + lanes
    assert len(ids_of(cli)) == 3_000 - lost
    assert ended.counts["ok"] == "3000"


def test_a_large_answer_does_not_stall_the_others(postgres_url: str, cli: Cli) -> None:
    """Answers of many pieces are kept aside while the first set waits, and follow it whole and in order."""
    sql = f"select :id::int as id, {WAITS} as waited, g from generate_series(1, 12000) g"
    with locked(postgres_url) as lock:
        where = ("-t", postgres_url, "-p", "range:id=1..30", "-o", "out.csv")
        process = start(cli, "run", "-e", sql, *where, "-j", "3", *NO_LIMITS)
        seen(cli, process, waiting=29, waiting_for=1)
        lock.close()
        assert finished(cli, process)["ok"] == "30"
    rows = (cli.folder / "out.csv").read_text().splitlines()[1:]
    assert rows == [f"{n},,{g}" if n > 1 else f'1,"",{g}' for n in range(1, 31) for g in range(1, 12_001)]


def test_a_full_disk_stops_the_run_in_order(postgres_url: str, cli: Cli) -> None:
    """Where the private file cannot grow, one line says so, and the resumed run ends as any other."""
    sql = f"select :id::int as id, {WAITS} as waited, repeat(:id::text, 6000) as long"
    with locked(postgres_url) as lock:
        where = ("-t", postgres_url, "-p", "range:id=1..2000", "-o", "out.jsonl", "-j", "3")
        process = start(cli, "run", "-e", sql, *where, *NO_LIMITS)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (2_000_000, -1))
        seen(cli, process, state="stopping")
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (-1, -1))
        lock.close()
        finished(cli, process)
    said = (cli.folder / "err").read_text()
    assert process.returncode == 5, said
    assert "cannot keep results that wait for an earlier one in " in said
    assert "Traceback" not in said
    assert 0 < len((cli.folder / "out.jsonl.partial").read_bytes().splitlines()) < 2_000
    ended = cli("resume", run_id(cli), timeout_s=LONGEST_S)
    assert (ended.code, ended.counts["ok"]) == (0, "2000"), ended.err
    assert ids_of(cli) == list(range(1, 2_001))
