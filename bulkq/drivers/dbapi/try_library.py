"""Test a library that the test suite does not cover, on the session that was just opened.

A question asked twice must be answered twice. On a session that may write, a temporary table shows whether rows are counted
and whether a transaction is undone. What could not be seen is not promised, see `Adapter.believed`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from bulkq.drivers.dbapi.adapters.base import TABLE
from bulkq.errors import TargetError
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from bulkq.drivers.dbapi.blocking_session import SqlSession

WRITES = (
    (f"INSERT INTO {TABLE} SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3", 3),
    (f"UPDATE {TABLE} SET a = a + 10 WHERE a < 3", 2),
    (f"UPDATE {TABLE} SET a = a + 10 WHERE a = 0", 0),
    (f"UPDATE {TABLE} SET a = a WHERE a > 10", 2),  # some count only rows that get another value
    (f"DELETE FROM {TABLE} WHERE a = 3", 1),
)
"""Statements and the rows that each changes: some libraries count nothing, some go on counting, some keep the last number."""

LEFT = "2"
"""Rows that are there in the end, so that there is something to undo."""


@frozen
class TrialResult:
    """What a trial has shown; False where it could not be seen."""

    counts: bool = False
    rolls_back: bool = False


def ask_twice(session: SqlSession) -> None:
    """Ask the smallest question twice.

    Raises:
        TargetError: an answer has not exactly one row, so no answer of this library can be believed.
    """
    for _ in range(2):
        try:
            rows = session.ask(session.adapter.question)
        except Exception:  # noqa: BLE001 - this database has another smallest question
            return
        if len(rows) != 1:
            raise TargetError(
                f"{session.adapter.dialect.driver} gave {len(rows)} rows for {session.adapter.question}, which has one: "
                "its results are not reliable: use another library for this database"
            )


def write_and_undo(session: SqlSession) -> TrialResult:
    """Change a temporary table in a transaction that is undone; leaves no transaction open."""
    if not session.adapter.temporary:
        return TrialResult()
    seen = _tried(session)
    return seen if seen.counts or not session.adapter.counts_otherwise() else _tried(session)


def _tried(session: SqlSession) -> TrialResult:
    try:
        session.ask(session.adapter.temporary)
        counts = _counted(session)
        session.ask("ROLLBACK")
        left = session.ask(f"SELECT count(*) FROM {TABLE}")
        session.ask(f"DROP TABLE {TABLE}")
    except Exception:  # noqa: BLE001 - not seen, whatever it was
        return TrialResult()
    finally:
        with suppress(Exception):  # there is none
            session.ask("ROLLBACK")
    return TrialResult(counts, [str(row[0]) for row in left] == ["0"])


def _counted(session: SqlSession) -> bool:
    """Whether every write of the trial is counted rightly; the transaction stays open."""
    session.ask("BEGIN")
    right = []
    for text, rows in WRITES:
        cursor = session.transaction.cursor
        cursor.execute(text)
        right.append(session.adapter.counted(cursor) == rows)
    found = session.ask(f"SELECT count(*) FROM {TABLE}")
    return all(right) and [str(row[0]) for row in found] == [LEFT]
