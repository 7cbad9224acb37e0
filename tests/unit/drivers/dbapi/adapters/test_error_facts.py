"""Exceptions of database libraries, as the libraries raise them."""

from __future__ import annotations

import pytest

from bulkq.drivers.dbapi.adapters.error_facts import ErrorFacts, said


class WithAttributes(Exception):
    """psycopg, psycopg2, firebird-driver, mariadb: attributes beside the words."""

    def __init__(self, words: str, **attributes: object) -> None:
        super().__init__(words)
        for name, value in attributes.items():
            setattr(self, name, value)


ODBC = "[40001] [ma-3.1.20][10.11.19-MariaDB]Deadlock found when trying to get lock (1213) (SQLExecDirectW)"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            Exception({"S": "ERROR", "C": "40P01", "M": "deadlock\ndetected", "P": "7"}),
            ErrorFacts("deadlock detected", "40P01"),
        ),
        (
            Exception({"M": "no such host", "C": "08001", "V": "ERROR", "F": "connection.c"}),
            ErrorFacts("no such host", "08001", foreign=True),
        ),
        (Exception({"M": "lost", "C": "08006", "V": "ERROR"}), ErrorFacts("lost", "08006")),
        (Exception({"x": "y"}), ErrorFacts("{'x': 'y'}")),
        (Exception("40001", ODBC), ErrorFacts("Deadlock found when trying to get lock", "40001", 1213)),
        (Exception("HY018", "[HY018] [unixODBC]cancelled"), ErrorFacts("cancelled", "HY018")),
        (Exception(1213, "Deadlock found"), ErrorFacts("Deadlock found", None, 1213)),
        (Exception(20009, b"Unable to connect\n"), ErrorFacts("Unable to connect", None, 20009)),
        (Exception(7), ErrorFacts("error 7", None, 7)),
        (Exception(0), ErrorFacts("connection lost", None, 0)),
        (WithAttributes("gone", sqlstate="57P01"), ErrorFacts("gone", "57P01")),
        (WithAttributes("gone", pgcode="57P01", sqlstate=None), ErrorFacts("gone", "57P01")),
        (WithAttributes("late", errno=1969, sqlstate="70100"), ErrorFacts("late", "70100", 1969)),
        (ValueError(), ErrorFacts("ValueError")),
        (Exception("a word"), ErrorFacts("a word")),
    ],
)
def test_where_libraries_keep_what_they_say(error: Exception, expected: ErrorFacts) -> None:
    """State, number and words come out the same whichever library raised them."""
    assert said(error) == expected
