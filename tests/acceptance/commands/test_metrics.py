"""`--metrics` and the timeline of a run, from the command line to the report of the ledger."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bulkq import cli

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Run a command in a folder with a database."""
    monkeypatch.chdir(tmp_path)
    connection = sqlite3.connect("a.db")
    connection.execute("create table t (id integer primary key)")
    connection.commit()
    connection.close()
    return lambda *arguments: CliRunner().invoke(cli.program, [*arguments], prog_name="bulkq", standalone_mode=False)


RUN = ("run", "-e", "select :id", "-p", "range:id=1..50", "-t", "sqlite:///a.db", "-o", "o.csv")


def test_a_run_leaves_metrics_and_a_timeline(invoke: object, tmp_path: Path) -> None:
    """The file of --metrics says how it ended; the report of the run and that from the ledger have the same samples."""
    done = invoke(*RUN, "--metrics", "m.prom", "--report", "json:r.json", "--ledger", "sqlite:///l.db")  # type: ignore[operator]
    assert done.return_value == 0, done.output
    assert 'outcome="ok"} 50\n' in (tmp_path / "m.prom").read_text()
    invoke("report", "--last", "--ledger", "sqlite:///l.db", "--format", "json", "-o", "l.json")  # type: ignore[operator]
    found = [json.loads((tmp_path / name).read_text())["timeline"] for name in ("r.json", "l.json")]
    assert found[0] == found[1]
    samples = found[0]["segments"][0]["samples"]
    assert sum(one["rate"] * one["span_s"] for one in samples) == pytest.approx(50, rel=0.1)


@pytest.mark.parametrize("path", ["o.csv", "a.csv"])
def test_the_file_of_metrics_is_no_other_file(path: str, invoke: object, tmp_path: Path) -> None:
    """Metrics must not replace the result or the parameters."""
    (tmp_path / "a.csv").write_text("id\n1\n")
    done = invoke("run", "-e", "select :id", "-p", "a.csv", "-t", "sqlite:///a.db", "-o", "o.csv", "--metrics", path)  # type: ignore[operator]
    assert done.exception is not None
    assert path in str(done.exception)
    assert (tmp_path / "a.csv").read_text() == "id\n1\n"
