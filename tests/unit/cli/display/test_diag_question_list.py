"""The list of questions."""

from __future__ import annotations

from bulkq.cli.display.diag_question_list import question_lines, question_records
from bulkq.tasks.diag.questions import load_questions

FOUND = load_questions("sqlite", ["integrity", "free_pages", "autoincrement"])


def test_lines_by_subject() -> None:
    """A heading, the title, the requirements, and the targets that would skip it."""
    lines = question_lines(FOUND, {"prod": {"autoincrement": "requires the table sqlite_sequence"}, "dev": {}})
    assert lines[0] == "bloat (sqlite)"
    assert lines[1].startswith("  free_pages     A file of which more")
    assert lines[2].strip() == "requires sqlite>=3.16"
    assert lines[3:5] == ["", "capacity (sqlite)"]
    assert lines[7].strip() == "skipped on prod: requires the table sqlite_sequence"
    assert question_lines([], {}) == []


def test_records_for_programs() -> None:
    """Everything that the header says, and the reasons by target."""
    records = question_records(FOUND, {"prod": {"autoincrement": "x"}})
    assert [one["name"] for one in records] == ["free_pages", "autoincrement", "integrity"]
    assert records[1]["skipped"] == {"prod": "x"}
    assert records[0]["parameters"] == {"percent": "25", "at_least": "10485760"}
