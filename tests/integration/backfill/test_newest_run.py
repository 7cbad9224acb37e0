"""`--last` takes the newest run that fits, and an undone run is shown as one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.integration.backfill.test_undo import run_of
from tests.support import targets

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli


def test_the_newest_run_that_fits(cli: Cli, tmp_path: Path) -> None:
    """An undo is for a run that has kept its rows, a retry is not for a check; both say which run they take."""
    target = targets.make("sqlite", tmp_path, "", None)
    target.numbers(50)
    kept = cli("backfill", "-t", target.url, "--over", "numbers", "--set", "touched = 1", "--capture")
    failed = cli(
        "run", "-e", "update numbers set touched = -1 where abs(-9223372036854775808) > id", "-t", target.url, "--write"
    )
    (cli.folder / "c.sql").write_text("-- name: c\n-- @expect empty\nselect 1 where false;\n")
    assert cli("check", "c.sql", "-t", target.url).code == 0
    retried = cli("retry", "--last")
    assert f"run {run_of(failed)} is the newest that can be retried" in retried.err
    run = run_of(kept)
    asked = cli("undo", "--last", "--dry-run")
    assert asked.text.startswith(f"undo of {run} on ")
    undone = cli("undo", "--last")
    assert (undone.code, f"run {run} has changed 50 rows" in undone.err) == (0, True)
    newest = cli("runs", "--last")
    assert newest.text.startswith(f"run          {run_of(undone)}\n")
    shown = cli("runs", run).text
    assert f"undone by    {run_of(undone)}\n" in shown
    assert shown.endswith(f"next         bulkq runs {run_of(undone)}\n")
    assert cli("runs", "--last", run).code == 2
    report = cli("report", run).text.splitlines()
    assert any(re.search(r"ranges ok +failed +unknown +rows changed$", line) for line in report)
    assert any(re.search(r" 1 +0 +0 +50$", line) for line in report)


def test_a_plan_shows_a_short_statement(cli: Cli, tmp_path: Path) -> None:
    """How the database converts the text of a key is left out."""
    target = targets.make("sqlite", tmp_path, "", None)
    target.numbers(50)
    shown = cli(
        "plan", "backfill", "-t", target.url, "--over", "numbers", "--delete", "--where", "id > 3", "--max-rows", "20"
    )
    assert "DELETE FROM `numbers` WHERE (`id` > :bulkq_lo AND `id` <= :bulkq_hi) AND (id > 3)\n" in shown.text, (
        shown.text
    )
