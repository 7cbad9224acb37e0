"""Write a simple SELECT several times in one statement, with a number behind the columns of each. Pure."""

from __future__ import annotations

import re

_VALUE = re.compile(r"\0(\d+)\0")
_PART = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^]]*\] | --[^\n]* | /\*.*?\*/ | \s+
    | (?P<word>[^\W\d]\w*) | (?P<sign>[();]) | .""",
    re.VERBOSE | re.DOTALL,
)
_ELSEWHERE = frozenset(["EXCEPT", "INTERSECT", "LIMIT", "ORDER", "UNION", "VALUES", "WITH"])
"""Words of what stands once in a compound statement, or is one already."""


def mark_value(number: int) -> str:
    """What stands for parameter `number`, from 1, in the text that `repeat_select` takes."""
    return f"\0{number}\0"


def repeat_select(text: str, parameters: int, times: int) -> str | None:
    """`times` copies of `text` with UNION ALL between them, whose last column counts them from 0; None if `text` is not simple.

    What is simple is decided by words alone. Compare the program of the result with that of `text`.

    Args:
        text: of a SELECT, with `mark_value(n)` where a parameter stands.
        parameters: their number. Copy i has the values `?{i * parameters + 1}` and following.
        times: at least 1.
    """
    at = _find_from(text)
    if at is None:
        return None
    head, tail = text[:at], text[at:]
    return "\nUNION ALL\n".join(
        f"{_number(head, copy * parameters)}, {copy} {_number(tail, copy * parameters)}" for copy in range(times)
    )


def _number(text: str, before: int) -> str:
    return _VALUE.sub(lambda value: f"?{before + int(value[1])}", text)


def _find_from(text: str) -> int | None:
    """Where FROM stands; None if `text` is not one SELECT with one FROM, as far as words tell."""
    depth, first, found = 0, "", []
    for part in _PART.finditer(text):
        word, sign = (part["word"] or "").upper(), part["sign"]
        first = first or word or sign or ""
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0 and (word in _ELSEWHERE or sign == ";"):
            return None
        if depth == 0 and word == "FROM":
            found.append(part.start())
    return found[0] if first == "SELECT" and len(found) == 1 else None
