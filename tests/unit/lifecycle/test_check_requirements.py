"""Queries whose requirements a target does not meet are left out, with the reason."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from bulkq import query as queries
from bulkq.engine.stop_control import Control
from bulkq.errors import RefusedError
from bulkq.model import Target
from bulkq.model.run import make_run
from bulkq.reports.write import FORMATS
from bulkq.tasks.run import run
from tests.support import checks
from tests.support.notices import Notices

if TYPE_CHECKING:
    from bulkq.model import RunSummary
    from tests.support.sqlite_files import SqliteFile

TEXT = """
-- name: ours
-- @requires sqlite>=3
select 'new' as n;
-- name: ours
-- @requires sqlite<3
select no_such_column;
-- name: gone
-- @requires sqlite, table:no_such_table
select count(*) as n from no_such_table;
-- name: other
-- @requires pg>=16
select * from pg_stat_io;
-- name: free
select 'free' as n;
-- name: held
-- @requires table:here, extension:json_each
select count(*) as n from here;
"""


async def rows_of(text: str, url: str, **more: object) -> tuple[RunSummary, list[dict[str, object]], list[str]]:
    """Run a file; its summary, its rows and what was said."""
    out, said = io.BytesIO(), Notices()
    request = make_run(queries=queries.load(text, "q.sql"), targets=(Target(url=url),), ledger="none", **more)
    summary = await run(request, control=Control(), observers=[said], stdout=out)
    return summary, [json.loads(line) for line in out.getvalue().splitlines()], said.lines


async def test_a_run_says_what_it_skips(sqlite_file: SqliteFile) -> None:
    """The variant that fits runs without a word; of the others one line has the reason, and nothing is prepared."""
    url = f"sqlite:///{sqlite_file('create table here (id)')}"
    summary, rows, said = await rows_of(TEXT, url)
    assert {(str(row["_query"]), row["n"]) for row in rows} == {("ours", "new"), ("free", "free"), ("held", 0)}
    assert (summary.exit_code, summary.ok, summary.skipped, summary.failed) == (0, 3, 2, 0)
    skipped = [line.partition(": ")[2] for line in said if "skipped" in line]
    assert len(skipped) == 2
    assert skipped[0].endswith("gone: skipped: requires the table no_such_table")
    assert "other: skipped: requires pg>=16, and the server is sqlite 3." in skipped[1]
    found = {one.name: one.unmet for one in summary.queries}
    assert found["gone"] == "requires the table no_such_table"
    assert sorted(found) == ["free", "gone", "held", "other", "ours"]


async def test_if_nothing_ran_the_answer_is_not_known(sqlite_file: SqliteFile) -> None:
    """A run of which all was skipped exits with 3, and every report says why."""
    summary, rows, _ = await rows_of("-- name: a\n-- @requires pg\nselect 1", f"sqlite:///{sqlite_file()}")
    assert (rows, summary.exit_code) == ([], 3)
    assert "every query was skipped" in summary.reason
    for name, report in FORMATS.items():
        assert "skip" in report(summary), name


async def test_a_write_is_refused(sqlite_file: SqliteFile) -> None:
    """What is left out of a write would be missed later: nothing is sent."""
    url = f"sqlite:///{sqlite_file('create table t (id)')}"
    text = "-- name: a\n-- @requires sqlite>=99\ninsert into t values (1)"
    with pytest.raises(RefusedError, match=r"q.sql:a: requires sqlite>=99, and the server is .*; nothing was sent"):
        await rows_of(text, url, write=True, idempotent=True)


async def test_a_check_is_skipped(sqlite_file: SqliteFile) -> None:
    """The verdict is skip, and neither a pass nor an error; if all are, the exit code is 3."""
    url = f"sqlite:///{sqlite_file('create table here (id)')}"
    text = TEXT.replace("select 'new' as n", "select 1 where 0").replace("select 'free' as n", "select 1 where 0")
    summary = await checks.run(queries.load(text, "q.sql"), url)
    assert checks.verdicts(summary) == {"ours": "pass", "gone": "skip", "other": "skip", "free": "pass", "held": "fail"}
    assert (summary.exit_code, summary.ok, summary.failed, summary.skipped) == (1, 2, 1, 2)
    assert checks.by_name(summary)["gone"].message == "requires the table no_such_table"
    alone = await checks.run("-- name: a\n-- @requires pg\nselect 1", url)
    assert (checks.verdicts(alone), alone.exit_code, alone.skipped) == ({"a": "skip"}, 3, 1)
