"""How error messages of this room show a value and suggest a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_SHOWN = 40
"""Characters of a value that a message repeats; a message is to stay one readable line."""

MOST_LISTED = 80
"""Characters of names after which a list of them is cut."""


def shown(value: object) -> str:
    """`value` in quotes on one line, cut after `MOST_SHOWN` characters."""
    text = str(value)
    return f'"{printable(text[:MOST_SHOWN])}{"..." if len(text) > MOST_SHOWN else ""}"'


def printable(text: str) -> str:
    """`text` with everything that would move a terminal's cursor as its escape."""
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in text])


def listed(names: Sequence[str]) -> str:
    """`"a", "b"`, cut after `MOST_LISTED` characters."""
    text, count = "", 0
    while count < len(names) and len(text) < MOST_LISTED:
        text += (", " if text else "") + shown(names[count])
        count += 1
    return text + (f" and {len(names) - count} more" if count < len(names) else "")


def suggestion(name: str, names: Iterable[str]) -> str:
    """` (did you mean "id"?)` with the nearest of `names`, or "" where none is near."""
    import difflib  # only errors need it

    by_lower = {n.lower().strip(): n for n in names}
    near = difflib.get_close_matches(name.lower().strip(), by_lower, n=1)
    return f" (did you mean {shown(by_lower[near[0]])}?)" if near else ""


def a_or_an(noun: str) -> str:
    """`noun` with its article: `a bigint`, `an integer`."""
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"
