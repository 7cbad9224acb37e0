"""What is made of the raw values of MySQL Connector/Python."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from bulkq.drivers.dbapi.adapters.mysql_connector import raw_forms
from bulkq.model import Decoding

TEXT, JSON, PYTHON = Decoding.TEXT, Decoding.JSON, Decoding.PYTHON


@pytest.mark.parametrize(
    ("kind", "collation", "decoding", "data", "value"),
    [
        (8, 63, TEXT, b"18446744073709551615", 18446744073709551615),
        (13, 63, TEXT, b"0000", "0000"),
        (13, 63, JSON, b"1999", 1999),
        (246, 63, TEXT, b"1.10", "1.10"),
        (246, 63, PYTHON, b"1.10", Decimal("1.10")),
        (5, 63, TEXT, b"1e15", "1e15"),
        (5, 63, JSON, b"1e15", 1e15),
        (10, 63, JSON, b"2024-02-29", date(2024, 2, 29)),
        (10, 63, JSON, b"2024-00-00", "2024-00-00"),
        (12, 63, PYTHON, b"2024-02-29 01:02:03.5", datetime(2024, 2, 29, 1, 2, 3, 500_000)),  # noqa: DTZ001
        (7, 63, PYTHON, b"0000-00-00 00:00:00", "0000-00-00 00:00:00"),
        (11, 63, JSON, b"-838:59:59", "-838:59:59"),
        (11, 63, PYTHON, b"-25:30:00.5", -timedelta(hours=25, minutes=30, milliseconds=500)),
        (16, 63, TEXT, b"\x00", b"\x00"),
        (252, 63, TEXT, b"\x00", b"\x00"),
        (252, 45, TEXT, "é".encode(), "é"),
        (254, 45, TEXT, b"p,q", "p,q"),
        (253, 45, TEXT, b"\xff", b"\xff"),
        (3, 63, PYTHON, b"-1", -1),
    ],
)
def test_a_value(kind: int, collation: int, decoding: Decoding, data: bytes, value: object) -> None:
    """By type, collation and wanted form; what Python does not have stays text."""
    (form,) = raw_forms([("c", kind, None, None, None, None, 1, 0, collation)], decoding, "utf8")
    assert form is not None
    made = form(data)
    assert (made, type(made)) == (value, type(value))
