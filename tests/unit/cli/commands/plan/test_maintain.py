"""`bulkq plan maintain` on the command line."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from click.testing import CliRunner

from bulkq.cli import program

if TYPE_CHECKING:
    from pathlib import Path


def test_a_plan_ends_with_the_command_that_executes_it(tmp_path: Path) -> None:
    """Behind a table of objects; a notice of a run is one of its plan."""
    with sqlite3.connect(tmp_path / "app.db") as opened:
        opened.execute("create table a (id int)")
    url = f"sqlite:///{tmp_path}/app.db"
    words = ["plan", "maintain", "analyze", "-t", url, "--exclude", "z"]
    done = CliRunner().invoke(program, words, obj=["bulkq", "plan", "maintain"])
    assert "  a       ANALYZE `a`" in done.output
    assert "no query was executed" in done.output
    assert 'bulkq: --exclude "z": no object of analyze has this name: nothing is left out' in done.stderr
