"""The CSV of COPY as record batches."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bulkq.columnar.copy_csv_to_batches import CsvBlocks, is_whole
from bulkq.columnar.rows_to_batches import Layouts, Unfit
from bulkq.model import Column

COLUMNS = tuple(
    Column(name, kind)
    for name, kind in {
        "id": "bigint", "name": "text", "n": "numeric(20,4)", "tz": "timestamp with time zone", "ok": "boolean", "f": "double precision",
        "t": "time without time zone", "u": "uuid", "b": "bytea", "a": "integer[]", "d": "date",
    }.items()
)  # fmt: skip
VALUES = [
    ["1", 'a "b",\nc', "1.5", "2026-02-28 13:05:10.25+01", "t", "NaN", "13:05:10.25", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "\\x00ff", "{1,NULL}", "2026-01-01"],
    ["2", "", "-0.0001", "1880-01-01 00:00:00+00:53:28", "f", "-Infinity", "00:00:00", None, "\\x", "{}", "0001-01-01"],
    [None] * 11,
]  # fmt: skip


def csv_of(rows: list[list[str | None]]) -> bytes:
    """Rows as COPY writes them."""
    cells = [["" if c is None else '"' + c.replace('"', '""') + '"' for c in row] for row in rows]
    return "".join(",".join(row) + "\n" for row in cells).encode()


def blocks_of(*columns: Column) -> CsvBlocks:
    """A reader of these columns."""
    return CsvBlocks(columns, Layouts().forms(columns))


def test_the_same_as_rows() -> None:
    """A block is what the same rows are as values; without a zone that has seconds Arrow converts it at once."""
    for rows in (VALUES, [VALUES[0], VALUES[2]]):
        wanted = Layouts().batch(COLUMNS, list(zip(*rows, strict=True)))
        found = blocks_of(*COLUMNS).parse(csv_of(rows))
        assert found.schema == wanted.schema
        assert str(found.to_pylist()) == str(wanted.to_pylist())


def test_one_column_of_nulls() -> None:
    """An empty line is a row."""
    assert blocks_of(COLUMNS[0]).parse(b"1\n\n2\n\n").to_pylist() == [{"id": 1}, {"id": None}, {"id": 2}, {"id": None}]
    assert blocks_of(COLUMNS[1]).parse(b'""\n\nNULL\n').column(0).to_pylist() == ["", None, "NULL"]
    assert blocks_of(COLUMNS[2]).parse(b"1\n").column(0).to_pylist() == [Decimal("1.0000")]


@pytest.mark.parametrize(
    ("column", "text"), [(2, "NaN"), (2, "1.00001"), (3, "infinity"), (6, "24:00:00"), (10, "0044-03-15 BC")]
)
def test_unfit(column: int, text: str) -> None:
    """A value that the type cannot hold is named with its column."""
    with pytest.raises(Unfit, match=f'column "{COLUMNS[column].name}": "{text}" does not fit'):
        blocks_of(COLUMNS[column]).parse(f"{text}\n".encode())


def test_whole() -> None:
    """A block ends behind a line break outside quotes."""
    assert is_whole(b'1,"a\n"\n')
    assert not is_whole(b'1,"a\n')
    assert not is_whole(b"1")
