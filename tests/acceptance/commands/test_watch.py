"""`bulkq runs --watch` where there is nothing to watch."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bulkq import cli
from bulkq.control import socket_folder

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


def invoke(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(cli.program, [*arguments], prog_name="bulkq", standalone_mode=False)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own, and no live run of another test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(socket_folder, "roots", lambda _: [])


def test_a_run_that_has_ended_is_shown_at_once() -> None:
    """The page ends with the run, so that only what it came to is left to show."""
    sqlite3.connect("a.db").execute("create table t (id integer)").connection.close()
    invoke(
        "run", "-e", "select 1", "-t", "sqlite:///a.db", "-o", "o.csv", "--ledger", "sqlite:///l.db", "--name", "one"
    )
    for which in ("n", "--last"):
        done = invoke("runs", which, "--watch", "--ledger", "sqlite:///l.db")
        assert done.return_value == 0, done.output
        assert "status       ok (exit 0)" in done.output
        assert done.output.rstrip().endswith("nothing: the run is complete")
    assert invoke("runs", "--last", "--watch", "--ledger", "sqlite:///none.db").return_value == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--status", "ok"), "--watch shows one run: leave out --name and --status"),
        (("--check", "x"), "leave out RUN, --name, --status and --watch"),
        ((), "no run is live"),
        (("zz", "--ledger", "sqlite:///l.db"), 'no run "zz"'),
    ],
)
def test_what_cannot_be_watched_is_said(arguments: tuple[str, ...], message: str) -> None:
    """One line with what is wrong."""
    done = invoke("runs", *arguments, "--watch")
    assert done.exception is not None
    assert message in str(done.exception)
