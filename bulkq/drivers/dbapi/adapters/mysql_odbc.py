"""Values of MariaDB Connector/ODBC, made of the text of the server.

The library itself gives None for a date that Python does not have, an INT UNSIGNED above 2147483647 as a negative number, and no TIME
outside of a day. Where pyodbc has a converter for a type it asks for bytes, which are the text of the server.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from bulkq.drivers.dbapi.adapters import mysql_results
from bulkq.model import Decoding

if TYPE_CHECKING:
    from collections.abc import Callable

OWN_NAME = 6
"""SQL_DRIVER_NAME."""

INTEGERS = (-6, 5, 4, -5)
FLOATS = (6, 7, 8)
DATE, TIME, TIMESTAMP = 91, 92, 93
"""Types of ODBC."""


def convert(driver: Any, decoding: Decoding) -> None:
    """Have a connection of pyodbc make its values of the text of the server, if the ODBC driver is MariaDB's."""
    if "maodbc" in str(driver.getinfo(OWN_NAME)).lower():
        for kind, make in makers(decoding).items():
            driver.add_output_converter(kind, make)


def makers(decoding: Decoding) -> dict[int, Callable[[bytes], object]]:
    """What makes a value of its text, by the type of ODBC."""
    written = decoding is Decoding.TEXT
    return {
        **dict.fromkeys(INTEGERS, int),
        **dict.fromkeys(FLOATS, bytes.decode if written else float),
        DATE: bytes.decode if written else partial(_moment, mysql_results.DATE),
        TIMESTAMP: bytes.decode if written else partial(_moment, min(mysql_results.DATETIMES)),
        TIME: _timedelta if decoding is Decoding.PYTHON else bytes.decode,
    }


def _moment(kind: int, data: bytes) -> object:
    return mysql_results.moment(kind, data.decode())


def _timedelta(data: bytes) -> object:
    return mysql_results.timedelta_of(data.decode())
