"""`bulkq plan`: nothing is executed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.shop import TARGET, tables, values

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli


def test_plan_executes_nothing(cli: Cli, folder: Path) -> None:
    """The plan of a write shows what would happen, and the command; nothing happens."""
    arguments = ["q.sql:touch", "-t", TARGET, "-p", "ids.csv", "--write"]
    done = cli("plan", "run", *arguments)
    assert done.code == 0, done.err
    assert values(folder) == ["one", "two", "three"]
    lines = done.text.splitlines()
    assert lines[-1] == f"no query was executed. To run it: bulkq run {' '.join(arguments)}"
    for word in (f"target        {TARGET}", "id: bigint", "id=1", "an empty field is NULL"):
        assert word in done.text
    assert "mode          write: each batch is applied exactly once" in done.text
    assert "markers       bulkq_runs and bulkq_markers, created on first use" in done.text
    assert f"ledger        {folder / 'state' / 'bulkq' / 'ledger.db'}" in done.text
    assert tables(folder) == ["t"]
    assert not (folder / "state").exists()


def test_plan_knows_the_options_of_writes(cli: Cli, folder: Path) -> None:
    """The names of other marker tables, what is kept of them, and the limits on rows."""
    options = ["--marker-table", "ops", "--keep-markers", "--max-affected", "9", "--expect-rows", "1"]
    done = cli("plan", "run", "q.sql:touch", "-t", TARGET, "-p", "ids.csv", "--write", *options, "--ledger", "l.db")
    assert done.code == 0, done.err
    assert "markers       ops_runs and ops_markers, created on first use, kept when the run ends" in done.text
    assert "ledger        l.db" in done.text
    assert "expects 1 rows of each set, at most 9 rows in all" in done.text
    unrecorded = cli("plan", "run", "q.sql:touch", "-t", TARGET, "-p", "ids.csv", "--write", "--ledger", "none")
    assert "without repeating" in unrecorded.text
    assert "markers  " not in unrecorded.text
    assert tables(folder) == ["t"]


@pytest.mark.usefixtures("folder")
def test_plan_says_what_would_be_refused(cli: Cli) -> None:
    """A run that would be refused has the same exit code as a plan."""
    done = cli("plan", "run", "q.sql:touch", "-t", TARGET, "-p", "ids.csv")
    assert done.code == 4
    assert "q.sql:7: UPDATE changes data: add --write" in done.text


def test_plan_reads_the_parameters(cli: Cli, folder: Path) -> None:
    """A mistake in the parameters is part of the plan, with exit code 2."""
    (folder / "bad.csv").write_text("key\n1\n")
    done = cli("plan", "run", "q.sql:one", "-t", TARGET, "-p", "bad.csv")
    assert done.code == 2
    assert "bad.csv" in done.text


@pytest.mark.usefixtures("folder")
def test_plan_does_not_execute_a_parameter_query(cli: Cli) -> None:
    """`-p sql:...` is a query of the user's: a plan names it and leaves it alone."""
    done = cli("plan", "run", "q.sql:one", "-t", TARGET, "-p", "sql:select id from nosuch")
    assert done.code == 0, done.err
    assert "not executed" in done.text
