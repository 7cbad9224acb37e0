"""A resumed read: the way to go on, its output, standard input that is kept."""

from __future__ import annotations

import signal
import stat
from typing import TYPE_CHECKING

import pytest

from tests.support.interrupted_runs import ROWS, TARGET, assert_one_line, begun, killed, stopped
from tests.support.servers.processes import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli


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


@pytest.mark.parametrize("limit", [["-x"], ["--max-failures", "1"]])
@pytest.mark.usefixtures("folder")
def test_a_limit_that_stopped_a_run_can_be_another(cli: Cli, limit: list[str]) -> None:
    """A run that stopped because too many failed goes on with a higher limit."""
    options = ("-t", TARGET, "-p", "range:id=1..6", "-j", "1", "--batch", "1", "-o", "x.csv")
    first = cli("run", "q.sql:inverse", *options, *limit)
    assert first.code == 5, first.err
    done = cli("resume", "--last", "--max-failures", "6")
    assert (done.code, done.counts["ok"], done.counts["failed"]) == (1, "3", "3"), done.err


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


@pytest.mark.long
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
    assert_one_line(cli("resume", first), 4, f"overwritten by run {second}", "start a new run")
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
