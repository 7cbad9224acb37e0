"""Read state, number and message from an exception of a database library. Pure.

The one place that knows where libraries keep them. psycopg, firebird-driver and ADBC have attributes; pg8000 has a dictionary of the
server's fields; pyodbc has the state first and the number in parentheses; MySQL's libraries have the number first.
"""

from __future__ import annotations

from bulkq.dialects.sqlstates import FOREIGN
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.late_pattern import compile_late

STATE = compile_late(r"[0-9A-Z]{5}")
ATTRIBUTES = ("sqlstate", "pgcode", "sql_state")
ODBC_NUMBER = compile_late(r"\((-?\d+)\)\s*(?:\(SQL\w+\))?\s*$")
ODBC_TAGS = compile_late(r"^(?:\[[^]]*\]\s*)+")


@frozen
class ErrorFacts:
    """What is known of an error.

    Attributes:
        words: the message.
        state: SQLSTATE.
        number: of the error.
        foreign: PostgreSQL itself reports a connection of a statement, to a foreign server for example: its session goes on. It says
            where in its source; a pooler that has lost its own connection has no such place.
    """

    words: str
    state: str | None = None
    number: int | None = None
    foreign: bool = False


def said(error: BaseException) -> ErrorFacts:
    """Read `error` as its library means it; its words are on one line."""
    arguments = error.args
    first = arguments[0] if arguments else None
    if isinstance(first, dict):
        return ErrorFacts(
            _line(first.get("M") or first),
            _state(first.get("C")),
            foreign=_is_foreign(_state(first.get("C")), first.get("V"), first.get("F")),
        )
    if isinstance(first, str) and len(arguments) >= 2 and STATE.fullmatch(first):
        return _odbc(first, _line(arguments[1]))
    state = next(filter(None, (_state(getattr(error, name, None)) for name in ATTRIBUTES)), None)
    if isinstance(first, int):
        return ErrorFacts(_after_number(first, arguments[1:]), state, first)
    number = getattr(error, "errno", None)
    fields = getattr(error, "diag", None)
    own = _is_foreign(state, getattr(fields, "severity_nonlocalized", None), getattr(fields, "source_file", None))
    words = _line(error) or type(error).__name__
    return ErrorFacts(words, state, number if isinstance(number, int) else None, own)


def _is_foreign(state: str | None, severity: object, source: object) -> bool:
    return state in FOREIGN and severity == "ERROR" and bool(source)


def _odbc(state: str, words: str) -> ErrorFacts:
    found = ODBC_NUMBER.search(words)
    number = int(found[1]) if found else None
    return ErrorFacts(ODBC_TAGS.sub("", words[: found.start()] if found else words).strip(), state, number)


def _after_number(number: int, rest: tuple[object, ...]) -> str:
    if rest:
        return _line(rest[0])
    return f"error {number}" if number else "connection lost"


def _state(found: object) -> str | None:
    return found if isinstance(found, str) and STATE.fullmatch(found) else None


def _line(found: object) -> str:
    text = found.decode(errors="replace") if isinstance(found, bytes) else str(found)
    return " ".join(text.split())
