"""Find the parameters and commands of other tools in a statement: psql, the mysql client, drivers, templates. Pure.

Each form is one that no database accepts at its place, so that valid SQL is never refused: the message names the form and
what to write instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.query.tokens import IDENTIFIER, Token, TokenKind
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulkq.dialects.base import Dialect
    from bulkq.query.tokens import Comment

LEADING = frozenset(
    {
        *(
            "ALL",
            "AND",
            "ANY",
            "AS",
            "BETWEEN",
            "BY",
            "CASE",
            "CROSS",
            "DELETE",
            "DISTINCT",
            "ELSE",
            "EXCEPT",
            "EXISTS",
        ),
        *(
            "FETCH",
            "FROM",
            "HAVING",
            "ILIKE",
            "IN",
            "INSERT",
            "INTERSECT",
            "INTO",
            "IS",
            "JOIN",
            "LEFT",
            "LIKE",
            "LIMIT",
        ),
        *("NOT", "OFFSET", "ON", "ONLY", "OR", "RETURNING", "RIGHT", "SELECT", "SET", "SIMILAR", "TABLE", "THEN", "TO"),
        *("UNION", "UPDATE", "USING", "VALUES", "WHEN", "WHERE"),
    }
)
"""Words after which an operand begins: an operator behind one of them has no left side."""

FOLLOWING = frozenset(
    {
        *("AND", "AS", "ASC", "BETWEEN", "DESC", "ELSE", "END", "EXCEPT", "FETCH", "FOR", "FROM", "GROUP", "HAVING"),
        *("ILIKE", "IN", "INTERSECT", "IS", "LIKE", "LIMIT", "NOT", "OFFSET", "ON", "OR", "ORDER", "RETURNING", "THEN"),
        *("UNION", "WHEN", "WHERE"),
    }
)
"""Words that end an operand: an operator before one of them has no right side."""

_ENDS_OPERAND = frozenset({")", "]", "}"})
_QUOTED_VARIABLE = compile_late(r""":(['"])([^\W\d]\w*)\1""")
_OTHER_MARK = compile_late(r"[^\w\s]([\w$]+)")
_NUMBERED = compile_late(r":\d+\b")
_COMMAND = compile_late(r"\\([A-Za-z]\w*[+]?|[!?])")
_JINJA = compile_late(r"\{\{\s*([^\W\d]\w*)?")
_STRUCT_KEYS = compile_late(r"""\{{2,}\s*(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|\w+)\s*:(?!:)""")
"""A struct as the key of a map in DuckDB: `map {{'a': 1}: 2}`."""

_SHELL = compile_late(r"\$\{([^\W\d]\w*)?")
_EXECUTED = compile_late(r"/\*M?!\d*")
_NAMED_FORMAT = compile_late(r"%\(([^\W\d]\w*)\)s\b")
_FORMAT = compile_late(r"%s\b")
_CLIENT_ENDS = frozenset({"G", "g", "gx"})


def find_foreign_syntax(text: str, tokens: Sequence[Token], dialect: str) -> Iterator[tuple[int, str]]:
    """Yield offset and message of each form of another tool among `tokens`, the tokens of one statement in `text`."""
    known = dialect_for(dialect)
    read_to = 0
    for i, token in enumerate(tokens):
        if token.kind is not TokenKind.SYMBOL or token.start < read_to:
            continue
        message = _positional(text, token, known) or _form(text, tokens, i, known)
        if message is not None:
            yield token.start, message
            read_to = token.start + 2  # of "{{", the second brace says nothing new


def find_executed_comments(comments: Sequence[Comment], dialect: str) -> Iterator[tuple[int, str]]:
    """Yield offset and message of each comment that the server executes: what it changes or commits could not be seen."""
    if not dialect_for(dialect).executes_comments:
        return
    for comment in comments:
        mark = _EXECUTED.match(comment.text)
        if mark:
            advice = "write its text without the comment marks, or remove it"
            yield comment.start, f"{quoted(mark[0])} starts a comment that MariaDB and MySQL execute: {advice}"


def _positional(text: str, token: Token, dialect: Dialect) -> str | None:
    if token.word == "$" and dialect.dollar_parameters and text[token.end : token.end + 1].isdecimal():
        return f'positional parameter {quoted(text[token.start : token.end + 1])} has no value: write ":name"'
    if token.word == "?" and dialect.question_parameters:
        return 'positional parameter "?" has no value: write ":name"'
    other = text[token.start] in dialect.parameter_marks and _OTHER_MARK.match(text, token.start)
    if other:
        name = other[1] if IDENTIFIER.fullmatch(other[1]) else "name"
        return f'parameter {quoted(other[0])} has no value: write ":{name}"'
    return None


def _form(text: str, tokens: Sequence[Token], i: int, dialect: Dialect) -> str | None:
    at = tokens[i].start
    match text[at]:
        case "\\":
            return _command(text, at, dialect)
        case "{":
            return _jinja(text, at)
        case "$":
            found = _SHELL.match(text, at)
            return (
                found
                and f"{quoted(found[0] + '}')} is a shell variable, which bulkq does not expand: write :{found[1] or 'name'}"
            )
        case ":":
            return None if _is_operand(tokens, i - 1) or _is_key(tokens, i - 1) else _colon(text, tokens, i)
        case "%":
            return None if _is_operand(tokens, i - 1) else _format(text, at)
        case "?" if not _is_operand(tokens, i - 1) and _is_end(tokens, i + 1):
            return 'positional parameter "?" has no value: write ":name"'
    return None


def _command(text: str, at: int, dialect: Dialect) -> str | None:
    found = _COMMAND.match(text, at)
    if found is None or (found[1] == "N" and dialect.backslashes):  # \N is NULL there
        return None
    if found[1] in _CLIENT_ENDS:
        return f'{quoted(found[0])} is a client command: end the statement with ";"'
    if found[1] == "set":
        return f'{quoted(found[0])} is a psql command: use --param NAME=VALUE, or a default in "-- name: query(NAME = VALUE)"'
    return f"{quoted(found[0])} is a client command, and bulkq only sends SQL: remove the line"


def _jinja(text: str, at: int) -> str | None:
    if text.startswith(("{%", "{#"), at):
        return f"{quoted(text[at : at + 2])} starts a template, and bulkq sends plain SQL: render the template first"
    found = _JINJA.match(text, at)
    if found is None or _STRUCT_KEYS.match(text, at):
        return None
    name = found[1] or "name"
    if text[found.end() :].lstrip().startswith("}}"):
        return f'"{{{{ {name} }}}}" is a template: write :{name} for a value, or :{{{name}}} for the name of a table or column'
    return '"{{" starts a template, and bulkq sends plain SQL: write the name itself, :name for a value, or :{name} for a name that changes'


def _colon(text: str, tokens: Sequence[Token], i: int) -> str | None:
    at = tokens[i].start
    numbered = _NUMBERED.match(text, at)
    if numbered and not (i and tokens[i - 1].word == "["):  # a slice without a lower bound: a[:2]
        return f'positional parameter {quoted(numbered[0])} has no value: write ":name"'
    found = _QUOTED_VARIABLE.match(text, at)
    if found is None:
        return None
    if found[1] == "'":
        return f"{found[0]} is psql syntax: write :{found[2]}, without quotes"
    return f'{found[0]} is psql syntax: write :{{{found[2]}}}, and above it "-- @param {found[2]} ident"'


def _format(text: str, at: int) -> str | None:
    named = _NAMED_FORMAT.match(text, at)
    if named:
        return f"{quoted(named[0])} is the syntax of a Python driver: write :{named[1]}"
    return 'positional parameter "%s" has no value: write ":name"' if _FORMAT.match(text, at) else None


def _is_operand(tokens: Sequence[Token], i: int) -> bool:
    """Whether token `i` may end an operand, so that an operator may follow it."""
    if i < 0:
        return False
    token = tokens[i]
    return token.word in _ENDS_OPERAND if token.kind is TokenKind.SYMBOL else token.word not in LEADING


def _is_key(tokens: Sequence[Token], i: int) -> bool:
    """Whether token `i` is a word where a struct of DuckDB has a name: `{set:'x', update:'y'}`."""
    return i > 0 and tokens[i].kind is TokenKind.WORD and tokens[i - 1].word in {"{", ","}


def _is_end(tokens: Sequence[Token], i: int) -> bool:
    """Whether no operand begins at token `i`."""
    if i >= len(tokens):
        return True
    token = tokens[i]
    return token.word in {")", ","} if token.kind is TokenKind.SYMBOL else token.word in FOLLOWING
