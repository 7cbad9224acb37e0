"""Statements with a key range that the server is to check before the key is known."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from bulkq.model import Target
from bulkq.query import load
from bulkq.tasks.server_lint import prepare

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("update t set a = 1\n where :range(t) and a = 2", []),
        (
            "update t set a = 1\n where :range(t) and bb = 2",
            [("q.sql:2", "no such column: bb", " where :range(t) and bb = 2\n                     ^")],
        ),
        (
            "update t set a = 1\n where not :range",
            [("q.sql:2", ":range is negated, so a range would change rows outside of it: remove NOT", " where not :range\n           ^")],
        ),
    ],
)  # fmt: skip
async def test_lint_prepares_statements_with_a_range(
    statement: str, found: list[tuple[str, str, str]], tmp_path: Path
) -> None:
    """A condition stands in for the range, and the finding points at the user's text."""
    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        database.execute("create table t (id integer primary key, a)")
    answer = await prepare(load(statement, "q.sql", "sqlite"), Target(name="a", url=f"sqlite:///{tmp_path}/a.db"))
    assert [(one.place, one.message, one.caret) for one in answer.findings] == found
    assert answer.accepted == (not found)
