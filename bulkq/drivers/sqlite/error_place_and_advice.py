"""What SQLite's messages mean: the place in the statement, and the next step. Pure."""

from __future__ import annotations

import re

from bulkq.policy.server_error_advice import TRANSACTION_OFF
from bulkq.text.late_pattern import compile_late

_CULPRIT = compile_late(
    r'^near "(?P<near>.+)": syntax error$'
    r'|^unrecognized token: "(?P<token>.+)"$'
    r"|^(?:no such|ambiguous) (?:column|table|function|collation sequence|index)(?: name)?: (?P<name>.+)$"
    r"|^table .+ has no column named (?P<column>.+)$"
    r"|^wrong number of arguments to function (?P<function>[^(]+)",
    re.DOTALL,
)


def find_culprit(message: str, text: str) -> int | None:
    """Where in `text` the word stands that SQLite's `message` complains about; None where that is not certain.

    SQLite knows the place (`sqlite3_error_offset`), but Python does not give it.
    """
    if message == "incomplete input":
        return len(text)
    found = _CULPRIT.match(message)
    if found is None:
        return None
    whole = next(group for group in found.groups() if group)
    for word in (whole, whole.rpartition(".")[2]):
        places = [m.start() for m in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", text)]
        if len(places) == 1:
            return places[0]
    return None


def next_step(message: str) -> str | None:
    """What to do about `message` of SQLite or Python, where that is known."""
    if re.search(r"\b(?:within|inside) a transaction", message):
        return TRANSACTION_OFF
    column = re.match(r"Could not decode to UTF-8 column '(.*)' with text", message, re.DOTALL)
    return f'cast("{column[1]}" as blob) gives its bytes' if column else None
