"""Parts of messages: quoted values, suggestions of names, lists of names, numbers with their noun. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.text.characters import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_SHOWN = 60
"""Characters of a value that a message repeats; a message stays one readable line."""

MOST_LISTED = 80
"""Characters of names after which a list of them is cut."""

LIKENESS = 0.6
"""Share of common characters from which a name is suggested; see `difflib.get_close_matches`."""


def quoted(value: object) -> str:
    """`value` in double quotes on one line, cut after `MOST_SHOWN` characters."""
    text = str(value)
    return f'"{escape_unprintable(text[:MOST_SHOWN])}{"..." if len(text) > MOST_SHOWN else ""}"'


def listed(names: Sequence[str]) -> str:
    """`"a", "b" and 3 more`, cut after `MOST_LISTED` characters."""
    text, count = "", 0
    while count < len(names) and len(text) < MOST_LISTED:
        text += (", " if text else "") + quoted(names[count])
        count += 1
    return text + (f" and {len(names) - count} more" if count < len(names) else "")


def first_names(names: Sequence[str], most: int) -> str:
    """`a, b and 3 more`: the first `most` of `names`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def find_nearest(wrong: str, known: Iterable[str]) -> str:
    """The `known` name that resembles `wrong` most, or "" if none does."""
    return next(iter(_nearest(wrong, known, 1, LIKENESS)), "")


def suggestion(
    wrong: str, known: Iterable[str], form: str = '"{}"', *, most: int = 1, likeness: float = LIKENESS
) -> str:
    """` (did you mean "id"?)`, or "" if no name resembles `wrong`; `form` shows a name. Case and outer blanks do not count."""
    near = _nearest(wrong, known, most, likeness)
    shown = " or ".join(form.format(escape_unprintable(name)) for name in near)
    return f" (did you mean {shown}?)" if near else ""


def suggestion_or_names(wrong: str, known: Iterable[str], form: str = '"{}"') -> str:
    """See `suggestion`; ` (there are: a, b)` if no name resembles `wrong`."""
    names = list(known)
    return suggestion(wrong, names, form) or f" (there are: {', '.join(names)})"


def nearest_hint(name: str, known: Iterable[str]) -> str | None:
    """A hint with the known name that is most like `name`."""
    near = find_nearest(name, known)
    return f"did you mean {near}?" if near else None


def _nearest(wrong: str, known: Iterable[str], most: int, likeness: float) -> list[str]:
    import difflib  # only errors need it

    by_folded = {name.lower().strip(): name for name in known}
    found = difflib.get_close_matches(wrong.lower().strip(), by_folded, n=most, cutoff=likeness)
    return [by_folded[name] for name in found]


def a_or_an(noun: str) -> str:
    """`noun` with its article: `a bigint`, `an integer`."""
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 check`, `1,200 checks`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
