"""Escape text from databases for the format of a report. Every report does this here.

A value may hold anything: terminal commands, right-to-left overrides, markup, the words of a protocol. `line` comes first in every
form: one line of printable characters, cut with a count. The others add what their place needs. The JSON forms keep characters as they are.
"""

from __future__ import annotations

import json
import os
import re
from html import escape
from urllib.parse import quote

from bulkq.text import characters
from bulkq.text.characters import ShortenedText, escape_unprintable
from bulkq.text.late_pattern import compile_late

LONGEST = 2_000
"""Of a message, in characters."""

LONGEST_CELL = 300
"""Of one value of an offending row."""

LONGEST_PATH = 4_096

_MARKDOWN = compile_late(r"([\\`*_{}\[\]<>()#+\-.!|~&$^=:@])")
_TICKS = compile_late(r"`+")
_COMMAND = compile_late(r"^([ \t]*)::", re.MULTILINE)
_ODD = compile_late(r"[^\x20-\x7e]")


def escape_line(text: str, longest: int = LONGEST) -> str:
    r"""`text` on one line without characters that a terminal or parser acts on (`\n`, `\x1b`, `\u202e` as escapes), cut with a count."""
    more = 0
    if isinstance(text, ShortenedText):
        more, text = text.more, text.head
    more += max(0, len(text) - longest)
    return f"{escape_unprintable(text[:longest])}... ({more:,} more characters)" if more else escape_unprintable(text)


def escape_cell(value: str | None) -> str:
    """A value of a row as `line`; NULL is the word, and a text that would look like nothing or like NULL stands in quotes."""
    return characters.NULL if value is None else characters.quote_if_changed(escape_line(value, LONGEST_CELL), value)


def escape_html(text: str, longest: int = LONGEST) -> str:
    """For the text of an element and for an attribute in double quotes."""
    return escape(escape_line(text, longest))


def escape_markdown(text: str, longest: int = LONGEST) -> str:
    """For a paragraph and for a cell of a table: no character has a meaning, and no user is mentioned."""
    return _MARKDOWN.sub(r"\\\1", escape_line(text, longest)).replace("\\@", "@<!-- -->").replace("\\#", "\\#<!-- -->")


def format_code(text: str) -> str:
    """A code span for a cell of a table: a fence longer than any in the text, and its pipes escaped."""
    text = escape_line(text)
    fence = "`" * (1 + max((len(ticks) for ticks in _TICKS.findall(text)), default=0))
    return f"{fence} {text} {fence}".replace("|", "\\|") if text.strip() else "` `"


def command_data(text: str) -> str:
    """For what follows the second `::` of a workflow command of GitHub."""
    return escape_line(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def command_property(text: str) -> str:
    """For a property of a workflow command of GitHub."""
    return command_data(text).replace(":", "%3A").replace(",", "%2C")


def escape_workflow_commands(text: str) -> str:
    r"""`text` for a log that GitHub's runner reads: it obeys `::command` where a line begins and `##[command]` anywhere.

    Elsewhere the text is left alone. `\u005b` is a bracket in JSON too.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return text
    return _COMMAND.sub(r"\1\\::", text.replace("##[", "##\\u005b"))


def escape_tap(text: str) -> str:
    r"""For the description of a TAP test: `\` and `#` mean themselves, so no text makes a directive."""
    return escape_line(text).replace("\\", "\\\\").replace("#", "\\#")


def quote_yaml(text: str) -> str:
    """A YAML string in double quotes, in ASCII."""
    return json.dumps(escape_line(text))


def escape_uri(path: str) -> str:
    """A path as a relative or absolute URI reference. Longer ones than an operating system takes are cut."""
    return quote(path[:LONGEST_PATH].encode("utf-8", "backslashreplace"), safe="/~")


def format_json(value: object, *, indent: int | None = 2) -> str:
    r"""JSON with a line break at its end. What is not printable stands as `\u202e`; the values stay what they are."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _ODD.sub(_as_json, text) + "\n"


def _as_json(match: re.Match[str]) -> str:
    character = match[0]
    return character if character == "\n" or character.isprintable() else json.dumps(character)[1:-1]
