"""The statements that find rows of a range behind it."""

from __future__ import annotations

from bulkq.dialects import MSSQL, MYSQL, POSTGRESQL, SQLITE
from bulkq.dialects.moved_keys import MovedKeyTexts, moved_key_texts
from bulkq.model.key_range import KeyColumn, RangeForm, TableKey

KEY = TableKey("t", (KeyColumn("a", "integer"), KeyColumn("b", "integer")))
FIRST = RangeForm(0, lower=True, upper=True)


def test_postgresql_looks_at_the_next_rows() -> None:
    """The upper end is compared outside of the LIMIT, and only where ranges end there."""
    found = moved_key_texts(KEY, FIRST, POSTGRESQL, rows=7, bounded=True)
    (text,) = found.after
    assert not found.before
    assert "ORDER BY" in text
    assert "LIMIT 7) AS bulkq_behind WHERE bulkq_mine AND bulkq_k0 <= " in text
    assert ":bulkq_end" not in moved_key_texts(KEY, FIRST, POSTGRESQL, rows=7, bounded=False).after[0]


def test_within_a_group_it_looks_at_the_group_and_behind_it() -> None:
    """The rest of a group has no rows of the group behind it."""
    inside = moved_key_texts(KEY, RangeForm(1, lower=True, upper=True), POSTGRESQL, rows=7, bounded=True).after
    assert [":bulkq_hi" in text for text in inside] == [True, False]
    rest = moved_key_texts(KEY, RangeForm(1, lower=True, upper=False), POSTGRESQL, rows=7, bounded=True).after
    assert len(rest) == 1
    assert ":bulkq_end" in rest[0]


def test_mysql_counts_before_and_after() -> None:
    """The rows are locked, so that other sessions delete none in between."""
    found = moved_key_texts(KEY, FIRST, MYSQL, rows=7, bounded=True)
    assert found.before[0].startswith("SET @bulkq_rows = (SELECT count(*) FROM t WHERE (")
    assert found.before[0].endswith("FOR UPDATE)")
    assert found.after[0].startswith("SELECT 1 FROM DUAL WHERE @bulkq_rows > (SELECT count(*)")


def test_others_look_at_nothing() -> None:
    """The texts of SQLite's triggers tell what they do, and no table of others is cut."""
    assert moved_key_texts(KEY, FIRST, SQLITE, rows=7, bounded=True) == MovedKeyTexts()
    assert moved_key_texts(KEY, FIRST, MSSQL, rows=7, bounded=True) == MovedKeyTexts()
