"""Which questions a target would skip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import TargetError
from bulkq.model import Target
from bulkq.tasks.diag.answerable_questions import inspect_targets
from bulkq.tasks.diag.questions import databases, load_questions

if TYPE_CHECKING:
    from tests.support.sqlite_files import SqliteFile


async def test_each_target_for_itself(sqlite_file: SqliteFile) -> None:
    """A target has the reasons of the questions for its database; one that cannot be reached has its error."""
    plain = sqlite_file("create table t (id)", "plain.db")
    full = sqlite_file("create table t (id integer primary key autoincrement); analyze", "full.db")
    targets = [Target(url=f"sqlite:///{path}") for path in (plain, full, full.parent / "none.db")]
    questions = [question for database in databases() for question in load_questions(database)]
    first, second, third = await inspect_targets(targets, questions)
    assert isinstance(first, dict)
    assert first["autoincrement"] == "requires the table sqlite_sequence"
    assert set(first) <= {"autoincrement", "without_statistics", "table_sizes"}
    assert isinstance(second, dict)
    assert "autoincrement" not in second
    assert isinstance(third, TargetError)
