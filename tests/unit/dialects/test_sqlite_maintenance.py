"""Statements and answers of SQLite's maintenance."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from bulkq.dialects.maintenance_catalog import ServerFacts, SizeForm, database_object
from bulkq.dialects.sqlite_maintenance import MAINTENANCE
from bulkq.model.maintenance import CommandReply, MaintainedObject, MaintenanceOptions, ObjectFacts

SERVER = ServerFacts(product="sqlite")
MAIN = ObjectFacts(database_object("main"))
SCRIPT = "create table t (id integer primary key, v text); create index tv on t (v); create table `a``b` (id int)"


@pytest.mark.parametrize(
    ("command", "statements"),
    [
        ("vacuum", ["VACUUM"]),
        ("checkpoint", ["PRAGMA wal_checkpoint(TRUNCATE)"]),
        ("optimize", ["PRAGMA optimize"]),
        ("integrity", ["PRAGMA integrity_check"]),
        ("analyze", ["ANALYZE `a``b`", "ANALYZE `t`"]),
        ("reindex", ["REINDEX `tv`"]),
    ],
)
def test_every_command_is_one_that_the_library_takes(command: str, statements: list[str]) -> None:
    """The objects that the catalog gives are those for which the statement works."""
    options = MaintenanceOptions(command=command)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as file:
        file.executescript(SCRIPT)
        query = MAINTENANCE.objects(options, SERVER, bloat=False, sizes=SizeForm.EXACT)
        found = MAINTENANCE.read(options, SERVER, file.execute(query).fetchall())
        made = [MAINTENANCE.statement(options, one.object, SERVER) for one in found]
        for text in made:
            file.execute(text).fetchall()
    assert made == statements


def test_an_answer_that_is_not_an_error_may_say_no() -> None:
    """Damage is a failure; a reader of the log is a reason to try again."""
    integrity, checkpoint = MaintenanceOptions(command="integrity"), MaintenanceOptions(command="checkpoint")
    assert MAINTENANCE.judge(integrity, MAIN, CommandReply((("ok",),))) == ""
    bad = CommandReply((("row 1 missing",), ("row 2 missing",), ("row 3 missing",), ("row 4 missing",)))
    assert MAINTENANCE.judge(integrity, MAIN, bad) == "row 1 missing; row 2 missing; row 3 missing and 1 more"
    assert MAINTENANCE.failed(integrity, bad)
    assert MAINTENANCE.judge(checkpoint, MAIN, CommandReply(((0, 5, 5),))) == ""
    assert "another connection" in MAINTENANCE.judge(checkpoint, MAIN, CommandReply(((1, 5, 3),)))
    assert not MAINTENANCE.failed(checkpoint, bad)
    assert MaintainedObject("table", "", "t").shown == "t"
