"""Values and texts as Arrow arrays."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pytest

from bulkq.columnar.values_to_arrays import UnfitError, array_of, array_of_texts
from bulkq.model.parse_column_type_name import column_form

NEW_YEAR = datetime.fromisoformat("2026-01-01")
U = UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
FITTING = [
    ("bool", "t", True),
    ("bool", False, False),
    ("bool", 1, True),
    ("bigint", "-9223372036854775808", -(2**63)),
    ("bigint", 7, 7),
    ("smallint", True, 1),
    ("real", "1.5", 1.5),
    ("double precision", "-Infinity", float("-inf")),
    ("double precision", Decimal("0.5"), 0.5),
    ("numeric(20,4)", "1.5", Decimal("1.5000")),
    ("numeric(20,4)", 1.1, Decimal("1.1000")),
    (
        "numeric(60,4)",
        "123456789012345678901234567890123456789012.5",
        Decimal("123456789012345678901234567890123456789012.5000"),
    ),
    ("text", "a\n", "a\n"),
    ("text", 5, "5"),
    ("text", "\ud800", "\\ud800"),
    ("bytea", "\\x00ff", b"\x00\xff"),
    ("blob", b"x", b"x"),
    ("date", "0001-01-01", date(1, 1, 1)),
    ("date", date(2026, 1, 2), date(2026, 1, 2)),
    ("time", "13:05:10.25", time(13, 5, 10, 250000)),
    ("time", time(1), time(1)),
    ("timestamp", "2026-02-28 13:05:10.25", datetime.fromisoformat("2026-02-28T13:05:10.25")),
    ("timestamptz", "2026-02-28 13:05:10+05:30", datetime(2026, 2, 28, 7, 35, 10, tzinfo=UTC)),
    ("timestamptz", "1880-01-01 00:53:28+00:53:28", datetime(1880, 1, 1, tzinfo=UTC)),
    ("timestamptz", "1880-01-01 00:00:00-00:00:08", datetime(1880, 1, 1, 0, 0, 8, tzinfo=UTC)),
    ("timestamptz", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
    ("uuid", str(U), U),
    ("uuid", U, U),
    ("int[]", "{1,NULL}", [1, None]),
    ("int[]", "{}", []),
    ("int[]", [1, None], [1, None]),
    ("text[]", '{"a,b",NULL,"NULL"}', ["a,b", None, "NULL"]),
    ("int[][]", [[1], None], [[1], None]),
]


@pytest.mark.parametrize(("name", "value", "wanted"), FITTING)
def test_exact(name: str, value: object, wanted: object) -> None:
    """A value comes back as it was, beside a NULL, and alone."""
    form = column_form(name)
    assert array_of([None, value], form).to_pylist() == [None, wanted]
    assert array_of([value], form).to_pylist() == [wanted]
    if isinstance(value, str) and value.isprintable():
        assert array_of_texts(pa.array([value, None]), form).to_pylist() == [wanted, None]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bool", "maybe"),
        ("int", "2147483648"),
        ("int", 2**40),
        ("int", 1.5),
        ("numeric(5,2)", "NaN"),
        ("numeric(5,2)", "1.125"),
        ("numeric(5,2)", "12345"),
        ("numeric(5,2)", Decimal("Infinity")),
        ("bytea", "00"),
        ("date", "infinity"),
        ("date", "0044-03-15 BC"),
        ("date", NEW_YEAR),
        ("time", "24:00:00"),
        ("timestamp", "infinity"),
        ("timestamp", "12026-01-01 00:00:00"),
        ("timestamp", datetime(2026, 1, 1, tzinfo=UTC)),
        ("timestamptz", "-infinity"),
        ("timestamptz", NEW_YEAR),
        ("uuid", "x"),
        ("int[]", "{{1,2},{3,4}}"),
        ("int[]", "[5:6]={1,2}"),
        ("numeric(5,2)[]", "{NaN}"),
    ],
)
def test_not_exact(name: str, value: object) -> None:
    """What the type cannot hold is named with its index, and is never another value."""
    form = column_form(name)
    with pytest.raises(UnfitError) as caught:
        array_of([None, value], form)
    assert caught.value.index == 1
    if isinstance(value, str):
        with pytest.raises(UnfitError, match="^"):
            array_of_texts(pa.array([value]), form)


def test_only_nulls() -> None:
    """A column of NULLs has the declared type; without one it has the type null."""
    assert array_of([None], column_form("date")).type == pa.date32()
    assert array_of([None], column_form("")).type == pa.null()
