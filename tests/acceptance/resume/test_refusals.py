"""What a resume refuses, in one line that says what to do."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.support.interrupted_runs import QUERIES, TARGET, assert_one_line, begun, query, stopped

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli


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


def test_a_finished_run_whose_name_leads_elsewhere(cli: Cli, folder: Path) -> None:
    """Nothing is sent to the other database, which is not even of the same product."""
    duckdb.connect(str(folder / "other.duckdb")).close()
    (folder / "bulkq.toml").write_text(f'[targets.a]\nurl = "{TARGET}"\n')
    done = cli("run", "q.sql:add", "-t", "a", "-p", "ids.csv", "--write")
    assert done.code == 0, done.err
    (folder / "bulkq.toml").write_text('[targets.a]\nurl = "duckdb:///other.duckdb"\n')
    again = cli("resume", done.counts["run"])
    assert (again.code, "finished" in again.err) == (0, True), again.err


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


def test_another_file_of_the_same_name_is_another_database(cli: Cli, folder: Path) -> None:
    """A read that goes on in a file that was put there instead would give rows of two databases."""
    done = cli("run", "q.sql:inverse", "-t", TARGET, "-p", "range:id=1..6", "--max-failures", "1", "-o", "x.csv")
    assert done.code == 5, done.err
    (folder / "copy.db").write_bytes((folder / "app.db").read_bytes())
    (folder / "copy.db").replace(folder / "app.db")
    assert_one_line(cli("resume", "--last", "--max-failures", "9"), 4, "is not the database that the run began with")
