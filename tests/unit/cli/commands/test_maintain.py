"""`bulkq maintain` on the command line."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from click.testing import CliRunner

from bulkq.cli import program

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_maintained(tmp_path: Path) -> None:
    """The last line says what came of it; a command that the database does not have is a usage error."""
    with sqlite3.connect(tmp_path / "app.db") as opened:
        opened.execute("create table a (id int)")
    common = ["-t", f"sqlite:///{tmp_path}/app.db", "--ledger", f"sqlite:///{tmp_path}/ledger.db"]
    done = CliRunner().invoke(program, ["maintain", "vacuum", *common])
    assert "status=ok ok=1 " in done.output
    done = CliRunner().invoke(program, ["maintain", "cluster", *common])
    assert "sqlite has no cluster: use one of vacuum, analyze" in str(done.exception)
    done = CliRunner().invoke(program, ["maintain", "indexes", *common])
    assert "sqlite has no indexes" in str(done.exception)


def test_a_selection_by_an_unknown_number_is_refused(tmp_path: Path) -> None:
    """SQLite does not count dead rows, so nothing would ever be selected; of the file it knows the size."""
    with sqlite3.connect(tmp_path / "app.db") as opened:
        opened.execute("create table a (id int)")
    common = ["-t", f"sqlite:///{tmp_path}/app.db", "--ledger", f"sqlite:///{tmp_path}/ledger.db"]
    done = CliRunner().invoke(program, ["maintain", "vacuum", *common, "--select", "dead > 10% or size > 1GB"])
    assert "--select: dead is not known of the objects of vacuum: use size, bloat, name, schema, table" in str(
        done.exception
    )
    done = CliRunner().invoke(program, ["maintain", "analyze", *common, "--select", "size > 1GB"])
    assert "--select: size is not known of the objects of analyze: use name, schema, table" in str(done.exception)
    done = CliRunner().invoke(program, ["maintain", "vacuum", *common, "--select", "size > 1GB"])
    assert "status=ok ok=0 " in done.output
