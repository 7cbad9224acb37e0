"""Cut simple texts: words, numbers, plain strings, quoted names, operators and comments to the end of a line.

Most statements are that simple, the databases of `Dialect.simple_tokens` cut them alike, and a tokenizer for all of SQL takes longer
to import than it takes to cut thousands of them.
"""

from __future__ import annotations

import re
from typing import Literal

from bulkq.text.late_pattern import compile_late

SimpleKind = Literal["space", "comment", "word", "string", "quoted", "symbol"]
SimpleToken = tuple[SimpleKind, int, int]
"""What it is, where it begins, and where it ends. A comment does not hold the end of its line."""

_PART = compile_late(
    r"""
    (?P<space>[ \t\n]+)
    | (?P<comment>--(?:[ \t][^\n]*)?(?=\n|\Z))
    | (?P<word>(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+(?:\.[0-9]+)?(?!\.))(?![A-Za-z0-9_'"]))
    | (?P<string>'[^'"]*(?:''[^'"]*)*'(?!['"A-Za-z0-9_]))
    | (?P<quoted>"[^"]+"(?!['"A-Za-z0-9_]))
    | (?P<symbol>::(?![:=])|:=|:(?!:)|-(?!-)|/(?!\*)|\*(?!/)|\.(?![0-9])|[+%=<>(),;])
    """,
    re.VERBOSE,
)
_PLAIN = compile_late(r"[ -!\"%-?A-Z_a-z\t\n]*")
"""ASCII without the signs that databases do not agree about: # $ @ [ \\ ] ^ ` { | } ~ and returns."""


def cut_tokens(text: str, *, names: bool) -> list[SimpleToken] | None:
    """The tokens and comments of `text`, ascending, without white space; None if the text is not simple.

    Args:
        text: of one or several statements.
        names: double quotes stand around names.
    """
    if not _PLAIN.fullmatch(text):
        return None
    found: list[SimpleToken] = []
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None or (part.lastgroup == "quoted" and not names):
            return None
        if part.lastgroup != "space":
            found.append((part.lastgroup, at, part.end()))  # type: ignore[arg-type] # a name of a group
        at = part.end()
    return found
