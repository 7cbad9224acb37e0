"""`bulkq runs` and `bulkq ledger` as a user runs them, and what is said of ledgers that cannot be used."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bulkq.ledger import new_owner, open_ledger
from bulkq.ledger.revision_constants import HEAD
from bulkq.model import Failure, Mark, Outcome, RunRecord, RunState, SinkPosition, SourcePosition
from bulkq.model.run_event import EventKind
from tests.support.command import Finished
from tests.support.servers.processes import NOBODY

if TYPE_CHECKING:
    from tests.support.command import Cli

RECORD = RunRecord(
    run="01kb4x0001",
    state=RunState.RUNNING,
    mode="write",
    name="users.sql:touch",
    targets=("postgresql://me:hunter2@db/app",),
    request='{"queries": ["users.sql:touch"]}',
    fingerprint='{"sql": "ab"}',
    owner="elsewhere:7:1.2.3:4",
    started_at="2026-11-22T10:00:00Z",
)


def failure(n: int, outcome: Outcome = Outcome.ROLLED_BACK) -> Failure:
    """A failed set."""
    return Failure(n, f"f.csv:{n + 1}", "db", "touch", {"v": "hunter2"}, outcome, "22012", "division by zero", 1)


@pytest.fixture
async def ledger(tmp_path: Path) -> Path:
    """Four runs: finished, failed, stopped, and one whose process has ended without a word."""
    path = tmp_path / "state" / "bulkq" / "ledger.db"
    path.parent.mkdir(parents=True)
    opened = await open_ledger(str(path))
    ends = [(RunState.FINISHED, 0), (RunState.FINISHED, 1), (RunState.STOPPED, 5), (None, None)]
    for n, (state, code) in enumerate(ends, 1):
        run = replace(RECORD, run=f"01kb4x000{n}", started_at=f"2026-11-22T10:00:0{n}Z", name=f"job\n{n}")
        await opened.begin(run, [str(tmp_path / f"spool-{n}")])
        (tmp_path / f"spool-{n}").touch()
        opened.attach(positions=lambda: [(0, SinkPosition("out.csv", 812))])
        fails = (failure(118),) if code == 1 else ()
        opened.mark(Mark(0, ((1, 117), (119, 997)), fails, changed=7, source=SourcePosition(100, 4711, 101, "ab")))
        await opened.sync()
        if state is not None:
            counts = {"ok": 996, "failed": len(fails), "changed": 7, "elapsed_s": 65.0}
            await opened.finish(replace(run, state=state, exit_code=code, ended_at="2026-11-22T10:05:00Z", **counts))
    async with opened.database.writing() as connection:
        await connection.exec_driver_sql("update runs set heartbeat_s = heartbeat_s - 60")
    await opened.close()
    return path


# --- runs -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("ledger")
async def test_runs_are_a_table(cli: Cli) -> None:
    """The newest first, in columns, with what became of them."""
    done = await cli.run("runs")
    lines = done.text.splitlines()
    assert lines[0].split() == ["run", "name", "mode", "status", "ok", "failed", "unknown", "started", "elapsed"]
    assert [line.split()[0][-1] + line.split()[3] for line in lines[1:]] == ["4dead", "3stopped", "2failed", "1ok"]
    assert "job\\n2" in lines[3]
    assert lines[3].endswith("2026-11-22 10:00:02Z    1m05s")
    assert (done.code, done.err) == (0, "")


@pytest.mark.usefixtures("ledger")
async def test_runs_are_chosen_by_name_status_and_number(cli: Cli) -> None:
    """`--status` takes every word of the column; JSON is for programs."""
    chosen = {}
    for status in ("ok", "failed", "unknown", "refused", "stopped", "running", "dead"):
        done = await cli.run("runs", "--status", status, "--format", "json")
        chosen[status] = [run["run"][-1] for run in json.loads(done.text)]
    assert chosen == {"ok": ["1"], "failed": ["2"], "unknown": [], "refused": [], "stopped": ["3"], "running": [], "dead": ["4"]}  # fmt: skip
    assert len((await cli.run("runs", "--limit", "2")).text.splitlines()) == 3
    assert len((await cli.run("runs", "--name", "job\n3")).text.splitlines()) == 2
    assert (await cli.run("runs", "--status", "lost")).err.startswith("bulkq runs: --status lost: no such value")


@pytest.mark.usefixtures("ledger")
async def test_one_run_is_everything_that_is_known(cli: Cli) -> None:
    """Counts, ranges, positions, failures without values, and what to do next."""
    done = await cli.run("runs", "01kb4x0002")
    assert done.code == 0
    for line in (
        "status       failed (exit 1)",
        "target       postgresql://me:***@db/app",
        "counts       ok=996 failed=1 unknown=0 skipped=0 retried=0 changed=7 unanswered=0",
        'process      host "elsewhere", process 7',
        "request      see bulkq runs 01kb4x0002 --format json",
        "part 0       996 done: 1..117, 119..997",
        "             source read to set 100, line 101, byte 4711",
        '             output "out.csv" durable to byte 812',
        "failure      n=118 f.csv:119 touch rolled_back 22012: division by zero",
        "next         bulkq retry 01kb4x0002",
    ):
        assert line in done.text.splitlines(), done.text
    assert "hunter2" not in done.text


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("run", "step"), [("1", None), ("2", "bulkq retry 01kb4x0002"), ("3", "bulkq resume 01kb4x0003"), ("4", "bulkq resume 01kb4x0004")]
)  # fmt: skip
async def test_the_next_step_is_named(cli: Cli, run: str, step: str | None) -> None:
    """What is missing is resumed, what failed is retried, and a complete run needs nothing."""
    found = json.loads((await cli.run("runs", f"01kb4x000{run}", "--format", "json")).text)
    assert found["next"] == step
    assert found["request"] == {"queries": ["users.sql:touch"]}
    assert found["parts"][0]["done"] == [[1, 117], [119, 997]]
    assert found["parts"][0]["sinks"] == [{"path": "out.csv", "offset": 812}]


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"mode": "maintenance"}, "bulkq resume 01kb4x0001"),
        ({}, "bulkq resume 01kb4x0001 --again"),
        ({"advice": "new"}, "start the backfill again"),
        ({"advice": "verify"}, "bulkq resume 01kb4x0001"),
        ({"request": '{"run": {"backfill": {"capture": true}}}'}, "start the backfill again"),
        ({"name": "undo 01kb4x0000", "state": RunState.FINISHED}, "bulkq undo 01kb4x0000 --dry-run"),
    ],
)
async def test_the_next_step_of_a_run_without_failures_that_is_not_ok(
    cli: Cli, tmp_path: Path, changes: dict[str, Any], step: str
) -> None:
    """Skipped objects are resumed. Rows that are left need a second pass, or a second undo. The step is one that is not refused."""
    opened = await open_ledger(str(tmp_path / "l.db"))
    advice = {key: value for key, value in changes.items() if key == "advice"}
    record = replace(RECORD, **{key: value for key, value in changes.items() if key not in advice})
    await opened.begin(replace(record, state=RunState.RUNNING), [])
    if advice:
        opened.record_event(EventKind.INCOMPLETE, "5 rows of t are left", data=advice)
    await opened.finish(replace(record, state=changes.get("state", RunState.STOPPED), exit_code=1, skipped=2))
    await opened.close()
    status = "incomplete" if step.endswith("again") or advice else "failed"
    (found,) = json.loads((await cli.run("runs", "--status", status, "--format", "json", "--ledger", "l.db")).text)
    assert found["status"] == status
    assert json.loads((await cli.run("runs", "01kb", "--format", "json", "--ledger", "l.db")).text)["next"] == step


async def test_a_living_run_is_running(cli: Cli, tmp_path: Path) -> None:
    """As long as its process is there; nobody is told to resume it, and it cannot be forgotten."""
    opened = await open_ledger(str(tmp_path / "l.db"))
    await opened.begin(replace(RECORD, owner=new_owner()), [])
    try:
        done = await cli.run("runs", "01kb", "--ledger", "l.db")
        assert "status       running" in done.text
        assert "next         the run is in progress: bulkq runs 01kb4x0001 --watch shows it" in done.text
        assert "ended" not in done.text
        done = await cli.run("ledger", "forget", "01kb", "--yes", "--ledger", "l.db")
        assert done.code == 4
        assert f"process {os.getpid()}" in done.err
    finally:
        await opened.close()


async def test_unknown_sets_are_a_case_for_resume(cli: Cli, tmp_path: Path) -> None:
    """`retry` would refuse."""
    opened = await open_ledger(str(tmp_path / "l.db"))
    await opened.begin(RECORD, [])
    marks = Mark(0, tuple((n, n) for n in range(1, 50, 2)), tuple(failure(n, Outcome.UNKNOWN) for n in range(2, 50, 2)))
    opened.mark(marks)
    await opened.finish(replace(RECORD, state=RunState.FINISHED, exit_code=3, unknown=24, failed=1))
    await opened.close()
    text = (await cli.run("runs", "01kb", "--ledger", "l.db")).text
    assert "next         bulkq resume 01kb4x0001" in text
    assert "and 15 more ranges" in text
    assert "and 4 more: --format json shows them" in text


async def test_no_ledger_is_no_error_but_no_run_is(cli: Cli) -> None:
    """Before the first run there is nothing to list, and nothing is made by looking."""
    done = await cli.run("runs")
    assert (done.code, done.out) == (0, b"")
    assert "the first run creates it" in done.err
    assert (await cli.run("runs", "--format", "json")).text == "[]\n"
    done = await cli.run("runs", "01kb")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert not (cli.folder / "state").exists()


@pytest.mark.usefixtures("ledger")
async def test_a_mistyped_run_is_one_line_with_the_nearest(cli: Cli) -> None:
    """Exit 2."""
    done = await cli.run("runs", "01kb4y0001")
    assert done.code == 2
    assert "did you mean 01kb4x0001" in done.err
    assert len(done.err.splitlines()) == 1


# --- ledger ---------------------------------------------------------------------------------------------------------


async def test_check_says_what_it_is(cli: Cli, ledger: Path) -> None:
    """Revision, size, rows; exit 0 when sound, and the bytes are as before."""
    before = ledger.read_bytes()
    done = await cli.run("ledger", "check")
    assert done.code == 0
    assert "runs         4" in done.text
    assert "state        sound" in done.text
    found = json.loads((await cli.run("ledger", "check", "--format", "json")).text)
    assert (found["problems"], found["revision"], found["rows"]["failures"]) == ([], HEAD, 1)
    assert ledger.read_bytes() == before


async def test_check_finds_damage(cli: Cli, ledger: Path) -> None:
    """Exit 1 with what SQLite says, or one line and exit 2 where it cannot even be opened."""
    whole = ledger.read_bytes()
    page = len(whole) // 4096 - 1
    ledger.write_bytes(whole[: page * 4096] + b"\xff" * 4096)
    done = await cli.run("ledger", "check")
    assert done.code == 1
    assert "problem" in done.text
    ledger.write_bytes(whole[:5000])
    done = await cli.run("ledger", "check")
    assert (done.code, len(done.err.splitlines())) == (2, 1)


async def test_upgrade_makes_a_ledger_and_leaves_a_new_one_alone(cli: Cli) -> None:
    """For those who want to choose the moment; the folders are 0700."""
    assert f"made: revision {HEAD}" in (await cli.run("ledger", "upgrade")).text
    assert f"is up to date: revision {HEAD}" in (await cli.run("ledger", "upgrade")).text
    assert (cli.folder / "state" / "bulkq").stat().st_mode & 0o777 == 0o700


async def test_forget_drops_a_run_and_its_spool(cli: Cli, ledger: Path) -> None:
    """One that could be resumed only with --yes; its markers are named."""
    done = await cli.run("ledger", "forget", "01kb4x0001")
    assert (done.code, done.text) == (0, "forgotten: 01kb4x0001\n")
    assert not (cli.folder / "spool-1").exists()
    done = await cli.run("ledger", "forget", "01kb4x0003")
    assert done.code == 4
    assert "--yes" in done.err
    done = await cli.run("ledger", "forget", "01kb4x0003", "--yes")
    assert done.code == 0
    assert "delete from bulkq_markers where run = '01kb4x0003'" in done.err
    assert len((await cli.run("runs", "--ledger", str(ledger))).text.splitlines()) == 3


async def test_the_variable_names_the_ledger(cli: Cli, ledger: Path) -> None:
    """BULKQ_LEDGER is --ledger, for every command."""
    env = {"BULKQ_LEDGER": f"sqlite:///{ledger}", "XDG_STATE_HOME": "/nonexistent"}
    assert len((await cli.run("runs", env=env)).text.splitlines()) == 5
    assert str(ledger) in (await cli.run("ledger", "check", env=env)).text


async def test_a_password_in_argv_is_warned_of_and_not_shown(cli: Cli) -> None:
    """As for targets."""
    done = await cli.run("runs", "--ledger", "postgresql://me:hunter2@127.0.0.1:1/app")
    assert done.code == 2
    assert "hunter2" not in done.err
    assert "warning: the password in --ledger is visible" in done.err


# --- places that cannot be written -----------------------------------------------------------------------------------


SOMEBODY = """
import os, sys
from bulkq.cli import main
warm = sys.argv[2]
main(["ledger", "upgrade", "--ledger", warm])
main(["ledger", "check", "--ledger", warm])
main(["runs", "x", "--ledger", warm])
sys.stderr.write("--\\n")
sys.stderr.flush()
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(int(sys.argv[1]))
    os.setuid(int(sys.argv[1]))
sys.exit(main(sys.argv[3:]))
"""


def as_somebody(cli: Cli, *arguments: str) -> Finished:
    """Run a command as an account that is not root, so that permissions count.

    The account may not be able to read this installation: what the command needs is imported before.
    """
    warm = str(cli.folder / "warm.db")
    command = [sys.executable, "-c", SOMEBODY, str(NOBODY), warm, *arguments]
    done = subprocess.run(command, capture_output=True, check=False, env=cli.environment(), cwd="/")
    return Finished(done.returncode, done.stdout, done.stderr.decode().partition("--\n")[2])


async def test_a_place_that_may_not_be_written_is_one_line(cli: Cli) -> None:
    """A read-only folder: exit 2, the path and the next step."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o555)
        done = await asyncio.to_thread(as_somebody, cli, "ledger", "upgrade", "--ledger", f"{folder}/ledger.db")
        assert done.code == 2
        assert len(done.err.splitlines()) == 1
        assert f'ledger "{folder}/ledger.db": permission denied' in done.err
        assert list(Path(folder).iterdir()) == []


async def test_a_file_that_may_not_be_written_is_one_line(cli: Cli) -> None:
    """A ledger of somebody else, in a folder where the lock can be had."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder) / "ledger.db"
        await (await open_ledger(str(path))).close()
        Path(folder).chmod(0o777)
        path.with_name("ledger.db.lock").chmod(0o666)
        for mode in (0o400, 0o444):
            path.chmod(mode)
            done = await asyncio.to_thread(as_somebody, cli, "ledger", "forget", "x", "--ledger", str(path))
            assert done.code == 2
            assert len(done.err.splitlines()) == 1
            assert str(path) in done.err


@pytest.mark.parametrize("kilobytes", [4, 40])
async def test_a_full_disk_is_one_line(cli: Cli, kilobytes: int) -> None:
    """A limit on the size of files stands for a disk that fills while the ledger is made; nothing half-made is left."""
    path = cli.folder / "ledger.db"
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-c", f"ulimit -f {kilobytes}; exec {sys.executable} -m bulkq ledger upgrade --ledger {path}"],
        capture_output=True,
        text=True,
        check=False,
        env=cli.environment({"PYTHONDONTWRITEBYTECODE": "1"}),  # it would be cut off as well, and stay
    )
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert str(path) in done.stderr
    assert [p.name for p in cli.folder.iterdir() if p.name.startswith("ledger")] == ["ledger.db.lock"]


FILLING = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
import resource
from bulkq.errors import LedgerError
from bulkq.ledger import new_owner, open_ledger
from bulkq.model import Failure, Mark, Outcome, RunRecord, RunState

async def main():
    ledger = await open_ledger(sys.argv[1])
    record = RunRecord(run="r", state=RunState.RUNNING, mode="read", name="n", targets=(), request="{}", fingerprint="{}",
        owner=new_owner(), started_at="2026-11-22T10:00:00Z")
    await ledger.begin(record, [])
    told = asyncio.Event()
    lines = []
    ledger.attach(on_failure=lambda error: (lines.append(str(error)), told.set()))
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    n = 1
    while not told.is_set():
        try:
            ledger.mark(Mark(0, ((n, n),), tuple(Failure(n + i, "f.csv:1", "t", "q", {}, Outcome.ROLLED_BACK, "22012",
                "division by zero", 1) for i in range(1, 20))))
        except LedgerError:
            break
        n += 1000
        await asyncio.sleep(0.02)
    try:
        await ledger.finish(record)
    except LedgerError as error:
        lines.append(str(error))
    await ledger.close()
    print("\\n".join(lines))

asyncio.run(main())
"""


async def test_a_disk_that_fills_during_a_run_stops_it(tmp_path: Path) -> None:
    """A group commit fails: the run is told at once, in one line, and again by whatever it does next; nothing is damaged."""
    import bulkq

    path = tmp_path / "ledger.db"
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", FILLING, str(path), str(Path(bulkq.__file__).parents[1])],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    first, *more = done.stdout.splitlines()
    assert first.startswith(f'ledger "{path}": '), done.stderr
    assert more == [first]
    opened = await open_ledger(str(path))
    run = await opened.find("r")
    (part,) = await opened.state("r")
    assert (run.ok, run.failed) == (sum(b - a + 1 for a, b in part.done), len(part.failures))
    await opened.close()
