"""Remove the values from an error message, so that the ledger may record it. Pure.

Messages of servers repeat values (`invalid input syntax for type bigint: "hunter2"`), and those of triggers and functions
say whatever their author wrote. So nothing is kept but

- messages of known form, in which what is quoted is a name of the schema,
- advice of bulkq, and names of objects that maintenance chose from the catalog,
- for other messages of the server itself, the words around what is quoted, without the numbers,
- for the rest, nothing: the SQLSTATE says what it was, `--failures` has the words.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

GONE = '"..."'
LONGEST = 300

_NAME = r'"[^"]*"'
_KNOWN = compile_late(
    "|".join(
        [
            rf"duplicate key value violates unique constraint {_NAME}",
            rf"null value in column {_NAME}(?: of relation {_NAME})? violates not-null constraint",
            rf"new row for relation {_NAME} violates check constraint {_NAME}",
            rf"(?:insert or )?update(?: or delete)? on table {_NAME} violates foreign key constraint {_NAME}(?: on table {_NAME})?",
            rf"conflicting key value violates exclusion constraint {_NAME}",
            rf"value for domain \w+ violates check constraint {_NAME}",
            r"permission denied for (?:table|schema|sequence|view|function|database) \w+",
            r"value too long for type character(?: varying)?\(\d+\)",
            r"canceling statement due to (?:statement timeout|lock timeout|user request|conflict with recovery)(?: in \d+ tries)?",
            r"deadlock detected",
            r"could not serialize access due to [a-z /]+",
            r"timed out after [\d.]+s",
            r"no answer within [\d.]+s",
            r"cannot execute [A-Z ]+ in a read-only transaction",
            r"(?:UNIQUE|NOT NULL|CHECK) constraint failed: [\w., ]+",
            r"FOREIGN KEY constraint failed",
            r"The storage engine for the table doesn't support (?:optimize|analyze|check)",
        ]
    )
)
_QUOTED = compile_late(r'"(?:[^"]|"")*"?|\'(?:[^\']|\'\')*\'?|`[^`]*`?|«[^»]*»?|“[^”]*”?|„[^“]*“?|\$\$.*', re.DOTALL)
_KEY = compile_late(r"\(.*?\)\s*=.*", re.DOTALL)
_NUMBER = compile_late(r"(?<![A-Za-z_])[-+]?(?:0[xX][0-9a-fA-F]+|\\x[0-9a-fA-F]*|\d[\w.:+-]*)")
_AFTER_COLON = compile_late(r":\s.*", re.DOTALL)
_SERVERS_OWN = compile_late(
    r"(?:08|0A|21|22|25|26|28|34|3D|3F|40|42|53|54|55|57|58)[0-9A-Z]{3}"
    r"|SQLITE_(?:MISMATCH|TOOBIG|BUSY|LOCKED|FULL|IOERR|CORRUPT|READONLY|INTERRUPT|CANTOPEN|NOMEM|RANGE)\w*"
)
"""Classes of which the server's own code speaks: not 23 in other forms than the known ones, nor P0, 38, 39, HV, XX,
SQLITE_ERROR and SQLITE_CONSTRAINT_TRIGGER, where functions and extensions do."""


FIRST_MARK, LAST_MARK = 0xF0000, 0xFFFFD
_MARK = compile_late(f"[{chr(FIRST_MARK)}-{chr(LAST_MARK)}]")
"""Characters for private use that stand for names while the rules are applied."""


def shape_of(message: str, sqlstate: str | None, params: Mapping[str, object], valueless: Sequence[str] = ()) -> str:
    """What may be kept of `message`.

    Args:
        message: of a server, a driver or our own.
        sqlstate: that came with it; None where it is our own message.
        params: values that are known to be in play; secret ones stand there as `***`, and are therefore unknown.
        valueless: a message that is kept whole, its beginning up to a colon or its end from a colon on, and names that are kept where
            the message quotes them.
    """
    if message in valueless:
        return message
    head = next((one for one in valueless if one.endswith(": ") and message.startswith(one)), "")
    tail = next((one for one in valueless if one.startswith(": ") and message.endswith(one)), "")
    if head or tail:
        inner = shape_of(message[len(head) : len(message) - len(tail)], sqlstate, params, valueless)
        return f"{head}{inner or GONE}{tail}"
    text = " ".join(message.split())
    if _KNOWN.fullmatch(text):
        return "" if _mentions(text, _texts(params)) else text[:LONGEST]
    if sqlstate is not None and not _SERVERS_OWN.fullmatch(sqlstate):
        return ""
    text = _QUOTED.sub(partial(_keep_name, valueless), _MARK.sub(" ", text))
    text = _KEY.sub(GONE, text)
    text = _AFTER_COLON.sub(f": {GONE}", text)
    text = _NUMBER.sub("...", text)
    if _mentions(text, _texts(params)):
        return ""
    return _MARK.sub(lambda found: f'"{valueless[ord(found[0]) - FIRST_MARK]}"', text)[:LONGEST]


def _keep_name(names: Sequence[str], found: re.Match[str]) -> str:
    """A mark for one of `names` in quotation marks, which no later rule changes; GONE for all else."""
    name = found[0][1:-1]
    return chr(FIRST_MARK + names.index(name)) if name in names and found[0][0] == '"' else GONE


def _texts(params: Mapping[str, object]) -> Iterable[str]:
    """The values as they would stand in a message. Shorter ones than two letters are part of every message."""
    for value in params.values():
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        if value is not None and len(text) > 1:
            yield text


def _mentions(text: str, values: Iterable[str]) -> bool:
    folded = text.casefold()
    return any(value.casefold() in folded for value in values)
