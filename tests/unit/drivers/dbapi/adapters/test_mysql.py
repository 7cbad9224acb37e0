"""What the answers and counters of MariaDB say."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from bulkq.drivers.dbapi.adapters.mysql_results import (
    explain_system_error,
    failure_in,
    mariadb_connector_forms,
    next_result,
    odbc_forms,
    time_forms,
    time_text,
)
from bulkq.model import Column, Decoding, Reply


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (timedelta(hours=838, minutes=59, seconds=59), 0, "838:59:59"),
        (-timedelta(hours=25, minutes=30), None, "-25:30:00"),
        (timedelta(hours=24), 3, "24:00:00.000"),
        (timedelta(microseconds=-1_000_001), None, "-00:00:01.000001"),
        (timedelta(milliseconds=500), 1, "00:00:00.5"),
        ("12:00:00", 0, "12:00:00"),
        (None, 0, None),
    ],
)
def test_a_time_is_written_as_the_server_does(value: object, digits: int | None, text: str | None) -> None:
    """Of libraries that give a timedelta; what is text already stays."""
    assert time_text(value, digits) == text


def test_only_time_columns_are_shaped() -> None:
    """By the field type; nothing is done for the Python API."""
    description = [("a", 11, None, None, 10, 0), ("b", 3, None, None, 11, 0), ("c", 11)]
    forms = time_forms(description, Decoding.TEXT)
    assert [form is not None for form in forms] == [True, False, True]
    assert time_forms(description, Decoding.PYTHON) == ()


def answer(names: list[str], *rows: tuple[object, ...]) -> Reply:
    """An answer to one set."""
    return Reply(tuple(map(Column, names)), list(zip(*rows, strict=True)), [0] * len(rows))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("t", "optimize", "note", "recreate"), ("t", "optimize", "status", "OK")], ""),
        ([("t", "check", "warning", "1 client is using it"), ("t", "check", "status", "OK")], ""),
        ([("t", "repair", "status", "Table is already up to date")], ""),
        ([("t", "check", b"error", b"Corrupt")], "t: Corrupt"),
        ([("t", "repair", "status", "Operation failed")], "t: Operation failed"),
    ],
)
def test_rows_that_tell_of_a_failure(rows: list[tuple[object, ...]], said: str) -> None:
    """Errors and failed statuses, not notes and warnings."""
    names = ["Table", "Op", "Msg_type", "Msg_text"]
    assert failure_in("CHECK", answer(names, *rows)) == said
    assert failure_in("SELECT", answer(names, *rows)) == ""


class Telling:
    """A cursor of a library that tells whether there is another result."""

    def __init__(self, *, more: object) -> None:
        self.more = more

    def nextset(self) -> object:
        """As PEP 249 has it."""
        return self.more


def test_the_next_result_of_other_libraries() -> None:
    """They tell by the value of `nextset`."""
    assert next_result(Telling(more=1))
    assert not next_result(Telling(more=None))


def test_values_of_the_binary_cursors_of_mariadb_connector() -> None:
    """A FLOAT has the digits that the server writes, and a TIME is its text."""
    entries = [("a", 4, 4, 19, 0, 0, True, 128), ("b", 12, 4, 19, 0, 0, True, 128), ("c", 11, 0, 0, 0, 6, True, 128)]
    single, day, time = mariadb_connector_forms(entries, Decoding.JSON)
    assert day is None
    assert single is not None
    assert [single(1.100000023841858), single(16777216.0)] == [1.1, 16777200.0]
    assert time is not None
    assert time(timedelta(hours=24)) == "24:00:00.000000"
    assert mariadb_connector_forms(entries, Decoding.PYTHON)[1:] == [None, None]


def test_a_value_that_mariadb_connector_cannot_give() -> None:
    """Its SystemError is explained; the words of other errors stay."""
    error = SystemError("<built-in method> returned a result with an exception set")
    assert "not have: select it as text" in explain_system_error(error, "x")
    error.__cause__ = ValueError("month must be in 1..12")
    assert "not have (month must be in 1..12): select it" in explain_system_error(error, "x")
    assert explain_system_error(ValueError("x"), "x") == "x"


def test_none_in_a_date_that_is_not_null_through_odbc() -> None:
    """The description of a column says whether it may hold NULL."""
    rest = (None, 10, 10, 0)
    entries = [
        ("a", date, *rest, False),
        ("b", date, *rest, True),
        ("c", datetime, *rest, False),
        ("d", int, *rest, False),
    ]
    day, nullable, moment, number = odbc_forms(entries)
    assert (nullable, number) == (None, None)
    for form in (day, moment):
        assert form is not None
        with pytest.raises(ValueError, match="0000-00-00"):
            form(None)
