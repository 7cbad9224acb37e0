"""Characters in output: invisible ones are escaped, and texts that look alike are distinguished. Pure."""

from __future__ import annotations

import unicodedata

NULL = "NULL"
"""How NULL is shown; the text of these letters is shown in quotes."""


def needs_quotes(text: str) -> bool:
    """Whether `text` without quotes would look like nothing, like NULL, or like a text without its blanks."""
    return not text or text.strip() != text or text.upper() == NULL or text.startswith('"')


def quote_if_changed(shown: str, text: str) -> str:
    """`shown`, in double quotes where `text`, which it shows, needs them."""
    return f'"{shown}"' if needs_quotes(text) else shown


def look_alike(one: str, other: str) -> bool:
    """Whether a reader may take two different texts for the same one.

    Either their compatibility forms are equal (Unicode's NFKC: a letter with its accent and the two characters apart), or
    they differ only where one has an ASCII character and the other has not (a Cyrillic letter in a Latin word).
    """
    if one == other:
        return False
    if unicodedata.normalize("NFKC", one) == unicodedata.normalize("NFKC", other):
        return True
    pairs = [(a, b) for a, b in zip(one, other, strict=False) if a != b]
    return len(one) == len(other) and all(a.isascii() != b.isascii() for a, b in pairs)


def escape_non_ascii(text: str) -> str:
    r"""`text` with every character outside ASCII as an escape: `caf\xe9`."""
    return "".join(c if c.isascii() else c.encode("unicode_escape").decode() for c in text)


def escape_unprintable(text: str) -> str:
    r"""`text` with everything that a terminal might obey written as an escape: `\n`, `\x1b`, `\u202e`."""
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in text])


class ShortenedText(str):
    """The beginning of a text, and how much more there was; as a string it says so itself."""

    __slots__ = ("head", "more")
    head: str
    more: int

    def __new__(cls, text: str, longest: int) -> ShortenedText:
        """The first `longest` characters of `text`, which has more."""
        more = len(text) - longest
        made = super().__new__(cls, f"{text[:longest]}... ({more:,} more characters)")
        made.head, made.more = text[:longest], more
        return made
