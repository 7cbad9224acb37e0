"""The results of checks in a ledger: through `sqlite3` alone they are what SQLAlchemy writes and reads."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import LedgerError
from bulkq.ledger import find_check_history, open_ledger, open_recorder
from bulkq.ledger.check_results import CheckHistory
from bulkq.ledger.check_row_conversion import KEPT_HISTORY, result_rows
from bulkq.ledger.sqlite3_check_history import DirectCheckHistory
from bulkq.model import CheckResult, Verdict

if TYPE_CHECKING:
    from pathlib import Path

RESULT = CheckResult(
    name="c", file="c.sql", line=1, target="t", verdict=Verdict.FAIL, expected="empty", message="2 rows", rows=2
)
RESULTS = [
    ("c.sql:c", "", replace(RESULT, value="1.50", elapsed_s=2.0, tags=("a", "ü"), lane=3)),
    ("c.sql:c", "5f", replace(RESULT, target="u", verdict=Verdict.ERROR, sqlstate="42P01", rows=None, file=None)),
    ("c.sql:c", "60", replace(RESULT, target="u", verdict=Verdict.WARN, rows=2**40, message="'quoted' \\ text")),
]
KEYS = [f"other.sql:{number}" for number in range(600)] + ["c.sql:c"]


async def test_both_ways_write_and_read_the_same(tmp_path: Path) -> None:
    """Rows, their order and their number per parameter set; more names than one question takes."""
    path = str(tmp_path / "ledger.db")
    stored = await open_ledger(path)
    await stored.close()
    recorder = await open_recorder(path)
    direct = find_check_history(recorder)
    assert isinstance(direct, DirectCheckHistory)
    assert await direct.before(KEYS) == {}
    for day in range(1, KEPT_HISTORY + 3):
        await direct.keep(f"direct{day:02}", f"2026-11-{day:02}T10:00:00Z", RESULTS)
    await direct.keep("nothing", "2026-11-30T10:00:00Z", [])
    stored = await open_ledger(path)
    history = find_check_history(stored)
    assert isinstance(history, CheckHistory)
    await history.keep("stored", "2026-11-05T11:00:00Z", RESULTS)
    assert [replace(one, history=()) for one in await history.of("stored")] == [
        replace(one, history=()) for one in await history.of("direct05")
    ]
    found = await direct.before(KEYS)
    assert found == await history.before(KEYS)
    assert [one.run for one in found["c.sql:c", "t"][""]][:2] == ["direct22", "direct21"]
    assert {len(past) for sets in found.values() for past in sets.values()} == {KEPT_HISTORY}
    assert set(found["c.sql:c", "u"]) == {"5f", "60"}
    await stored.close()
    await recorder.close()


def test_texts_are_stored_without_what_postgresql_refuses() -> None:
    """NUL, which SQLite and MariaDB have in texts, and lone surrogates."""
    (row,) = result_rows(
        "r", "2026-11-01T10:00:00Z", [("c.sql:c", "", replace(RESULT, value="a\0b", message="\udcff ü"))]
    )
    assert (row["value"], row["message"]) == ("a\\x00b", "\\udcff ü")


async def test_a_damaged_result_is_one_line(tmp_path: Path) -> None:
    """A verdict that no version has written; a run whose results are there already."""
    path = tmp_path / "ledger.db"
    await (await open_ledger(str(path))).close()
    recorder = await open_recorder(str(path))
    history = find_check_history(recorder)
    assert history is not None
    await history.keep("one", "2026-11-01T10:00:00Z", RESULTS)
    with pytest.raises(LedgerError, match="checks"):
        await history.keep("one", "2026-11-01T10:00:00Z", RESULTS)
    connection = sqlite3.connect(path)
    connection.execute("update checks set verdict = 'maybe' where params = '60'")
    connection.commit()
    connection.close()
    with pytest.raises(LedgerError, match="contains invalid data: restore it from a backup"):
        await history.before(["c.sql:c"])
    await recorder.close()
