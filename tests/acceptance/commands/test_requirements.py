"""`@requires` in the commands that look before they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from bulkq.cli import program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.sqlite_files import SqliteFile

TEXT = """
-- name: q
-- @requires sqlite>=3
select 1 as n where 0;
-- name: q
-- @requires sqlite<3
select no_such_column;
-- name: elsewhere
-- @requires pg
select pg_backend_pid();
"""


def bulkq(*arguments: str) -> Result:
    """Run the program in this process."""
    return CliRunner().invoke(program, arguments, prog_name="bulkq", standalone_mode=False)


@pytest.fixture
def places(sqlite_file: SqliteFile, tmp_path: Path) -> list[str]:
    """A file with two variants and a query for another database, and a target."""
    (tmp_path / "q.sql").write_text(TEXT)
    return [str(tmp_path / "q.sql"), "-t", f"sqlite:///{sqlite_file('create table t (id)')}"]


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_plan_leaves_out_what_would_be_skipped(command: str, places: list[str], cli: Cli) -> None:
    """The server is asked about the variant that runs; the other query has its reason."""
    done = cli("plan", command, *places)
    assert done.code == 0, done.err
    assert "elsewhere: would be skipped: requires pg, and the server is sqlite" in done.text
    assert "no_such_column" not in f"{done.text}{done.err}"
    assert "q.sql:4" in done.text


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_plan_of_nothing_but_skipped_queries_ends_as_the_run(command: str, places: list[str], cli: Cli) -> None:
    """With exit code 3: nothing would be known."""
    only = [f"{places[0]}:elsewhere", *places[1:]]
    assert cli("plan", command, *only).code == 3
    assert cli(command, *only, "--progress", "none").code == 3


def test_the_plan_of_a_write_is_refused_like_the_run(places: list[str]) -> None:
    """Exit code 4, with the reason."""
    for command in (["plan", "run"], ["run"]):
        done = bulkq(*command, *places, "--write", "--ledger", "none", "--idempotent")
        assert getattr(done.exception, "exit_code", done.return_value) == 4, command
        assert "requires pg" in f"{done.exception}{done.output}"


def test_lint_asks_the_server_about_its_own_variant(places: list[str]) -> None:
    """Nothing is found, and the others are named with the reason."""
    done = bulkq("lint", "--prepare", *places)
    assert done.return_value == 0, done.output
    assert "another query of this name is for this server" in done.stderr
    assert "skipped: requires pg" in done.stderr


def test_a_name_selects_all_variants(places: list[str]) -> None:
    """`FILE:NAME` runs the one that fits."""
    done = bulkq("run", f"{places[0]}:q", *places[1:], "--ledger", "none", "--progress", "none")
    assert (done.return_value, "skipped" in done.stderr.replace("skipped=0", "")) == (0, False)
