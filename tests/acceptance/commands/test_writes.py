"""What a write promises, refuses and allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.shop import TARGET, values

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli


def test_a_write_says_what_it_promises(cli: Cli, folder: Path) -> None:
    """With `--write` the rows change, and the first line says that they change once."""
    done = cli("run", "q.sql:touch", "-t", TARGET, "-p", "ids.csv", "--write")
    assert done.code == 0, done.err
    assert "each batch is applied exactly once" in done.err.splitlines()[0]
    assert (done.out, done.counts["changed"]) == (b"", "3")
    assert values(folder) == ["ONE", "TWO", "THREE"]


@pytest.mark.parametrize(
    ("sql", "options", "words"),
    [
        ("select v from t", [], "every answer recorded once; nothing is changed"),
        ("update t set v = 1 where id = 1", ["--write", "--idempotent"], "nothing is lost; repeats are possible"),
        ("-- name: x\n-- @idempotent true\nupdate t set v = 1 where id = 1", ["--write"], "repeats are possible"),
        ("-- name: x\n-- @transaction off\nvacuum", ["--write"], "at most once; what is unknown is listed"),
        ("-- name: x\n-- @mode maintenance\nanalyze", ["--write"], "at most once; what is unknown is listed"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_every_mode_says_its_sentence(cli: Cli, sql: str, options: list[str], words: str) -> None:
    """Before the first statement, in the first line of the run and in the plan."""
    (cli.folder / "mode.sql").write_text(sql)
    arguments = ["run", "mode.sql", "-t", TARGET, *options]
    assert words in cli("plan", *arguments).text
    done = cli(*arguments)
    assert done.code == 0, done.err
    assert words in done.err.splitlines()[0] or not options


@pytest.mark.usefixtures("folder")
def test_variables_of_writes_leave_reads_alone(cli: Cli) -> None:
    """What is set for all runs of a machine is no mistake where a run only reads."""
    settings = {
        "BULKQ_IDEMPOTENT": "1",
        "BULKQ_MARKER_TABLE": "ops",
        "BULKQ_EXPECT_ROWS": "1",
        "BULKQ_ON_UNKNOWN": "retry",
    }
    done = cli("run", "q.sql:everything", "-t", TARGET, env=settings)
    assert done.code == 0, done.err


def test_a_file_may_forbid_repeats(cli: Cli, folder: Path) -> None:
    """`--idempotent` is refused for a query that says of itself that it is not; nothing changed."""
    (folder / "add.sql").write_text("-- name: add\n-- @idempotent false\nupdate t set v = v || '!' where id = 1;\n")
    done = cli("run", "add.sql", "-t", TARGET, "--write", "--idempotent")
    assert (done.code, len(done.err.splitlines())) == (4, 1)
    assert done.err.startswith('add.sql:3: "add" is declared @idempotent false')
    assert values(folder) == ["one", "two", "three"]


def test_a_write_says_what_it_does_not_promise(cli: Cli, folder: Path) -> None:
    """With `--write --ledger none` the rows change, and the first line names what is given up."""
    done = cli("run", "q.sql:touch", "-t", TARGET, "-p", "ids.csv", "--write", "--ledger", "none")
    assert done.code == 0, done.err
    assert "--ledger none" in done.err.splitlines()[0]
    assert "without repeating" in done.err.splitlines()[0]
    assert (done.out, done.counts["changed"]) == (b"", "3")
    assert values(folder) == ["ONE", "TWO", "THREE"]


@pytest.mark.parametrize(
    ("sql", "options", "words"),
    [
        ("update t set v = 1 where id = 1", [], "bulkq: UPDATE changes data: add --write"),
        ("delete from t", [], "bulkq: DELETE without WHERE changes every row: add --allow unbounded --write"),
        ("delete from t", ["--write"], "DELETE without WHERE changes every row: add --allow unbounded"),
        ("drop table t", ["--write"], "bulkq: DROP changes the schema: add --allow ddl"),
        ("alter table t add x int", ["--allow", "ddl"], "bulkq: ALTER changes the schema: add --write"),
    ],
)
def test_what_changes_data_is_refused(cli: Cli, folder: Path, sql: str, options: list[str], words: str) -> None:
    """One line names the options that would allow it; exit code 4; nothing changed."""
    done = cli("run", "-e", sql, "-t", TARGET, *options)
    assert (done.code, done.out) == (4, b"")
    assert words in done.err
    assert len(done.err.splitlines()) == 1
    assert values(folder) == ["one", "two", "three"]


def test_what_is_allowed_runs(cli: Cli, folder: Path) -> None:
    """The options that the refusal names are the ones that allow it."""
    done = cli("run", "-e", "delete from t", "-t", TARGET, "--write", "--allow", "unbounded")
    assert (done.code, done.counts["changed"]) == (0, "3")
    assert values(folder) == []
