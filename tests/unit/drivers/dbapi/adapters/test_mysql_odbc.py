"""What is made of the texts that MariaDB Connector/ODBC gives."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from bulkq.drivers.dbapi.adapters import mysql_odbc
from bulkq.model import Decoding

TEXT, JSON, PYTHON = Decoding.TEXT, Decoding.JSON, Decoding.PYTHON


@pytest.mark.parametrize(
    ("kind", "decoding", "data", "value"),
    [
        (4, TEXT, b"3000000000", 3000000000),
        (-5, PYTHON, b"18446744073709551615", 18446744073709551615),
        (7, TEXT, b"1.1", "1.1"),
        (8, JSON, b"1e100", 1e100),
        (91, TEXT, b"2024-00-00", "2024-00-00"),
        (91, JSON, b"2024-00-00", "2024-00-00"),
        (91, JSON, b"2024-02-29", date(2024, 2, 29)),
        (93, PYTHON, b"0000-00-00 00:00:00", "0000-00-00 00:00:00"),
        (93, PYTHON, b"2024-02-29 01:02:03.5", datetime(2024, 2, 29, 1, 2, 3, 500_000)),  # noqa: DTZ001
        (92, JSON, b"838:59:59", "838:59:59"),
        (92, PYTHON, b"-25:30:00.5", -timedelta(hours=25, minutes=30, milliseconds=500)),
    ],
)
def test_a_value(kind: int, decoding: Decoding, data: bytes, value: object) -> None:
    """By type and wanted form; what Python does not have stays text."""
    made = mysql_odbc.makers(decoding)[kind](data)
    assert (made, type(made)) == (value, type(value))


@pytest.mark.parametrize(("name", "converted"), [("libmaodbc.so", True), ("libmyodbc8w.so", False)])
def test_only_connections_of_that_library_have_converters(name: str, converted: bool) -> None:
    """Another ODBC driver may give other bytes."""
    asked: list[int] = []
    kinds: list[int] = []

    class Connection:
        def getinfo(self, kind: int) -> str:
            asked.append(kind)
            return name

        def add_output_converter(self, kind: int, _make: object) -> None:
            kinds.append(kind)

    mysql_odbc.convert(Connection(), TEXT)
    assert asked == [6]
    assert (91 in kinds) is converted
