"""Statements and answers of MySQL's maintenance."""

from __future__ import annotations

import pytest

from bulkq.dialects.maintenance_catalog import ServerFacts, SizeForm
from bulkq.dialects.mysql_maintenance import MAINTENANCE
from bulkq.model.maintenance import CommandReply, MaintenanceOptions

SERVER = ServerFacts(product="mariadb")
OPTIMIZE, CHECK = MaintenanceOptions(command="optimize"), MaintenanceOptions(command="check")


def test_tables_of_the_database() -> None:
    """Or of those that are named; with the space that a table would give back."""
    query = MAINTENANCE.objects(OPTIMIZE, SERVER, bloat=False, sizes=SizeForm.EXACT)
    assert "= DATABASE()" in query
    named = MAINTENANCE.objects(
        MaintenanceOptions(command="check", schemas=("shop",)), SERVER, bloat=False, sizes=SizeForm.EXACT
    )
    assert "NOT IN ('mysql'" in named
    one, view = MAINTENANCE.read(OPTIMIZE, SERVER, [("sh`op", "t", 300, 7, 100), ("shop", "v", None, None, None)])
    assert one.values == {"size": 300, "rows": 7, "bloat": 100, "bloat%": 25}
    assert view.values["bloat%"] is None
    assert MAINTENANCE.statement(OPTIMIZE, one.object, SERVER) == "OPTIMIZE TABLE `sh``op`.`t`"


@pytest.mark.parametrize(
    ("rows", "why", "failed"),
    [
        ([("note", "Table does not support optimize, doing recreate"), ("status", "OK")], "", True),
        ([("status", b"Table is already up to date")], "", True),
        ([("Error", "Table 'x' doesn't exist"), ("status", "Operation failed")], "Table 'x' doesn't exist", True),
        ([("warning", "1 client is using it"), ("status", "OK")], "1 client is using it", False),
        ([("warning", "w"), (b"error", "Corrupt"), ("status", "Corrupt")], "Corrupt", True),
        ([("status", "Operation failed")], "Operation failed", True),
        ([], "the server gave no answer", True),
    ],
)
def test_the_outcome_is_in_the_rows(rows: list[tuple[str, str]], why: str, failed: bool) -> None:
    """The command itself reports no error, whatever became of the table."""
    [facts] = MAINTENANCE.read(OPTIMIZE, SERVER, [("shop", "t", 1, 1, 1)])
    reply = CommandReply(tuple(("shop.t", "optimize", *row) for row in rows))
    assert MAINTENANCE.judge(OPTIMIZE, facts, reply) == why
    assert MAINTENANCE.failed(OPTIMIZE, reply) is failed
    assert MAINTENANCE.failed(CHECK, reply)


def test_an_engine_without_the_command() -> None:
    """Its answer is a note alone. That is no failure, and will be the same every night."""
    [facts] = MAINTENANCE.read(OPTIMIZE, SERVER, [("shop", "t", 1, 1, 1)])
    reply = CommandReply((("shop.t", "check", "note", "The storage engine for the table doesn't support check"),))
    for options in (OPTIMIZE, CHECK):
        assert not MAINTENANCE.failed(options, reply)
        assert MAINTENANCE.judge(options, facts, reply).endswith("support check: leave the table out with --exclude")
