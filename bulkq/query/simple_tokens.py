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

_ELSEWHERE = r"\xa1-\u1fff\u2010-\u2027\u2030-\ud7ff\uf900-\ufffd\U00010000-\U0010ffff"
"""Letters and signs beyond ASCII. Those that some program takes for a white space or the end of a line are not among them."""

_PART = compile_late(
    rf"""
    (?P<space>[ \t\n]+)
    | (?P<comment>--(?:[ \t][ -~\t{_ELSEWHERE}]*)?(?=\n|\Z))
    | (?P<word>(?![Uu]&['"])(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+(?:\.[0-9]+)?(?!\.))(?![A-Za-z0-9_'"$@\#]))
    | (?P<string>'{{STRING}}*(?:''{{STRING}}*)*'(?!['"A-Za-z0-9_]))
    | (?P<quoted>"[ !%-?A-Z_a-z\t\n]+"(?!['"A-Za-z0-9_]))
    | (?P<symbol>::(?![:=])|:=|:(?!:)|-(?!-)|/(?!\*)|\*(?!/)|\.(?![0-9])|!(?=[=~])|~|[{{}}](?![{{}}%\#])|[&+%=<>(),;|])
    """.replace("{STRING}", rf"[ !\#-&(-\[\]-~\t\n{_ELSEWHERE}]"),
    re.VERBOSE,
)
"""A backslash in a string is a sign of its own in some databases. Outside of strings and comments there is none of the signs that they
do not agree about: # $ @ [ \\ ] ^ ` and returns; and braces are single, as in `:{name}`."""


def cut_tokens(text: str, *, names: bool) -> list[SimpleToken] | None:
    """The tokens and comments of `text`, ascending, without white space; None if the text is not simple.

    Args:
        text: of one or several statements.
        names: double quotes stand around names.
    """
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
