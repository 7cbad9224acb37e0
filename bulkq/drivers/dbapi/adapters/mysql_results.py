"""Results of MariaDB and MySQL: values in the server's text form, failures that arrive as rows, several results of a procedure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from bulkq.model import Decoding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkq.drivers.dbapi.adapter_return_types import Forms
    from bulkq.model import Reply

TIME = 11
WRITTEN = {
    Decoding.PYTHON: frozenset[int](),
    Decoding.TEXT: frozenset({0, 4, 5, 7, 10, 11, 12, 13, 246}),  # decimals, floats, dates, times and years
    Decoding.JSON: frozenset({TIME}),
}
"""Field types whose values are wanted as the server writes them, by their numbers in the protocol."""

AS_TEXT = "select it as text, cast(... as char), or use mysql+pymysql://"

FLOAT = 4
DATE = 10
DATETIMES = frozenset({7, 12})
MOMENTS = frozenset({DATE}) | DATETIMES
"""Field types whose values Python may not have: 0000-00-00, 2024-02-31."""

READERS = {"mysqlconnector": {"buffered": True, "raw": True}, "mariadbconnector": {"binary": True}}
"""Options of the cursors of a library whose usual ones give None for a date that Python does not have. Raw ones of MySQL Connector leave
the text of the server alone; binary ones of MariaDB Connector fail."""

TABLE_VERBS = frozenset({"ANALYZE", "CHECK", "OPTIMIZE", "REPAIR", "CACHE", "LOAD"})
TABLE_ANSWER = ["Table", "Op", "Msg_type", "Msg_text"]
CHECKSUM_ANSWER = ["Table", "Checksum"]
UNTOLD = object()


def own_connection(connection: object) -> Any:
    """The library's own connection."""
    return getattr(connection, "driver_connection", None) or connection


class Decoders:
    """The decoders of one connection of PyMySQL or aiomysql, which look them up by field type for every result."""

    def __init__(self, every: Mapping[int, Any]) -> None:
        self._every = every
        self._made: dict[Decoding, dict[int, Any]] = {}

    def of(self, decoding: Decoding) -> dict[int, Any]:
        """Those that leave the text of the server alone where `decoding` wants it."""
        if decoding not in self._made:
            self._made[decoding] = {k: v for k, v in self._every.items() if k not in WRITTEN[decoding]}
        return self._made[decoding]


def convert(driver: Any, decoding: Decoding) -> None:
    """Have a connection of mysqlclient leave the text of the server alone where `decoding` wants it.

    The library's own converters give None for a date that Python does not have.
    """
    if not hasattr(driver, "bulkq_converters"):
        moments = {kind: partial(moment, kind) for kind in MOMENTS}
        driver.bulkq_converters = {
            wanted: {**driver.converter, **moments, **dict.fromkeys(numbers, str)}
            for wanted, numbers in WRITTEN.items()
        }
    driver.converter = driver.bulkq_converters[decoding]


def moment(kind: int, text: str) -> object:
    """A DATE, DATETIME or TIMESTAMP as Python's value; as its text if Python does not have it, as PyMySQL gives it."""
    try:
        return date.fromisoformat(text) if kind == DATE else datetime.fromisoformat(text)
    except ValueError:
        return text


def timedelta_of(text: str) -> timedelta:
    """A TIME such as `-838:59:59.000001`."""
    hours, minutes, seconds = text.removeprefix("-").split(":")
    whole, _, fraction = seconds.partition(".")
    found = timedelta(
        hours=int(hours), minutes=int(minutes), seconds=int(whole), microseconds=int(fraction.ljust(6, "0"))
    )
    return -found if text.startswith("-") else found


class NotNull:
    """What is done with a column that the server says holds no NULL, where the library gives None for a date that Python does not have."""

    every = True

    def __call__(self, value: object) -> object:
        """Give `value` as it is.

        Raises:
            ValueError: it is None.
        """
        if value is None:
            raise ValueError(
                f"the library gives NULL for a date that Python does not have, such as 0000-00-00: {AS_TEXT}"
            )
        return value


def mariadb_connector_forms(description: Sequence[Sequence[Any]], decoding: Decoding) -> Forms:
    """The forms of MariaDB Connector, whose binary cursors give a FLOAT with more digits than the server writes."""
    times = time_forms(description, decoding) or [None] * len(description)
    return [_short_float if entry[1] == FLOAT else time for entry, time in zip(description, times, strict=True)]


def _short_float(value: Any) -> float:
    return float(f"{value:.6g}")


def explain_system_error(error: BaseException, words: str) -> str:
    """The `words` of an error; of MariaDB Connector's SystemError what it means and what to do."""
    if not isinstance(error, SystemError):
        return words
    reason = f" ({error.__cause__})" if error.__cause__ else ""
    return f"the library cannot give a value, perhaps a date that Python does not have{reason}: {AS_TEXT}"


def odbc_forms(description: Sequence[Sequence[Any]]) -> Forms:
    """The forms of ODBC, which refuse None in dates that hold no NULL: Connector/ODBC gives it for 0000-00-00 and 2024-02-31."""
    return [NotNull() if entry[1] in {date, datetime} and entry[6] is False else None for entry in description]


def time_forms(description: Sequence[Sequence[Any]], decoding: Decoding) -> Forms:
    """What writes the TIME columns of libraries that give a timedelta."""
    if decoding is Decoding.PYTHON or not any(entry[1] == TIME for entry in description):
        return ()
    return [partial(time_text, digits=_digits(entry)) if entry[1] == TIME else None for entry in description]


def _digits(entry: Sequence[Any]) -> int | None:
    scale = entry[5] if len(entry) > 5 else None
    return scale if isinstance(scale, int) and 0 <= scale <= 6 else None


def time_text(value: object, digits: int | None) -> object:
    """A TIME as the server writes it: `-25:30:00`, `838:59:59`, `00:00:01.500`.

    Args:
        value: a timedelta, or what needs no change.
        digits: of the fraction; None where the library does not say: six, or none if they are zero.
    """
    if not isinstance(value, timedelta):
        return value
    whole = abs(value)
    minutes, seconds = divmod(whole.days * 86_400 + whole.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    shown = (6 if whole.microseconds else 0) if digits is None else digits
    fraction = f".{whole.microseconds:06}"[: shown + 1] if shown else ""
    return f"{'-' if value < timedelta(0) else ''}{hours:02}:{minutes:02}:{seconds:02}{fraction}"


def failure_in(verb: str, reply: Reply) -> str:
    """What OPTIMIZE, ANALYZE, CHECK, REPAIR and their like say of a table in a row of their answer, where it failed; else ""."""
    names = [column.name for column in reply.columns]
    if verb in TABLE_VERBS and names == TABLE_ANSWER:
        rows = zip(*(map(_text, values) for values in reply.values), strict=True)
        return "; ".join(
            f"{table}: {text}" for table, _, kind, text in rows if kind.lower() == "error" or _unwell(kind, text)
        )
    if verb == "CHECKSUM" and names[:2] == CHECKSUM_ANSWER:
        bare = [_text(table) for table, sum_ in zip(*reply.values[:2], strict=True) if sum_ is None]
        return "; ".join(f"{table}: no checksum: the table is not there, or cannot be read" for table in bare)
    return ""


def _unwell(kind: str, text: str) -> bool:
    """Whether a status is none of those that say that all is well."""
    return kind.lower() == "status" and ("fail" in text.lower() or "corrupt" in text.lower())


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def has_more(cursor: Any) -> bool:
    """Whether a result follows the last one; True where the library does not say."""
    more = getattr(getattr(cursor, "connection", None), "more_results", None)  # mysqlclient
    if callable(more):
        return bool(more())
    result = getattr(getattr(cursor, "_cursor", cursor), "_result", None)
    return bool(getattr(result, "has_next", True))


def next_result(cursor: Any) -> bool:
    """Go on to the next result of a procedure; False where there is none. An error in it is raised."""
    library = getattr(cursor, "_cursor", cursor)
    result = getattr(library, "_result", None)
    more = getattr(result, "has_next", UNTOLD)
    if more is not UNTOLD:
        if not more:
            return False
        cursor.nextset()
        return True
    return bool(cursor.nextset())


WARNED: dict[str, Callable[[Any], int]] = {
    "pymysql": attrgetter("_result.warning_count"),
    "aiomysql": attrgetter("_cursor._result.warning_count"),
    "mysqldb": lambda cursor: cursor.connection.warning_count(),
}
"""`warnings` of libraries, as cheap as each allows, by driver: it is executed for every set."""


def warnings(cursor: Any) -> int:
    """How many warnings the last result had; 0 where the library does not say."""
    result = getattr(getattr(cursor, "_cursor", cursor), "_result", None)
    found = getattr(result, "warning_count", 0)
    return found if isinstance(found, int) else 0
