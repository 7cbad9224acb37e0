"""Names in a PostgreSQL statement that are looked up in the search path.

Behind the schema of a tenant come those of extensions, for their operators and types. A table that the tenant lacks must not be found
there, so the database is asked where each of these names leads. The names are more than the statement uses, never fewer.
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen
from bulkq.query.tokens import Token, TokenKind, tokenize
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
NAME = compile_late(r"[^\W\d][\w$]*")
PLAIN = compile_late(r'[^\W\d][\w$]*|"(?:[^"]|"")+"')

ANALYZED = frozenset({"SELECT", "VALUES", "TABLE", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE"})
"""Statements whose tables are locked when they are prepared; https://www.postgresql.org/docs/current/sql-prepare.html"""

OF_SEQUENCES = frozenset({"NEXTVAL", "CURRVAL", "SETVAL"})
MODIFIERS = compile_late(
    "OR|REPLACE|TEMP|TEMPORARY|UNLOGGED|GLOBAL|LOCAL|UNIQUE|MATERIALIZED|RECURSIVE|CONSTRAINT|FOREIGN|CONCURRENTLY|IF|NOT|EXISTS"
    "|TABLE|VIEW|INDEX|SEQUENCE|TYPE|FUNCTION|PROCEDURE|AGGREGATE|TRIGGER|DOMAIN|STATISTICS|POLICY|RULE"
)
"""Words between CREATE and the name that it makes."""

BEFORE_NEW_NAMES = frozenset({"ADD", "COLUMN", "CONSTRAINT", "RENAME", "TO"})
"""Words of ALTER before the name of a column, a constraint, or of what has no such name yet."""

BEFORE_TABLES = frozenset({"REFERENCES", "LIKE", "OF"})
"""Words of CREATE TABLE before the name of another table; all names after INHERITS are such."""


@frozen
class References:
    """Names without a schema, as the catalog spells them, each once.

    Attributes:
        relations: may be tables, views or sequences.
        literals: written as text for `regclass`, as in `nextval('orders_id_seq')`; unquoted.
        functions: stand before a parenthesis.
        analyzed: PostgreSQL locks the tables of the statement when it prepares it.
    """

    relations: tuple[str, ...]
    literals: tuple[str, ...]
    functions: tuple[str, ...]
    analyzed: bool


def find_references(text: str, verb: str, dialect: str) -> References:
    """The names in the statement `text`, which begins with the keyword `verb`."""
    tokens = tokenize(text, dialect).tokens
    analyzed = verb in ANALYZED
    words = [_name(text, token) for token in tokens]
    named = [at for at, word in enumerate(words) if word and _symbol(tokens, at - 1) != "."]
    relations = [at for at in named if not (analyzed and _symbol(tokens, at + 1) == ".")]
    if not analyzed:
        relations = _without_new(tokens, relations, verb)
    literals = [_literal(text[token.start : token.end]) for at, token in enumerate(tokens) if _is_regclass(tokens, at)]
    return References(
        _each_once(words[at] for at in relations),
        _each_once(literals),
        _each_once(words[at] for at in named if _symbol(tokens, at + 1) == "("),
        analyzed,
    )


def _each_once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, words)))


def _name(text: str, token: Token) -> str:
    """The name that a token is, as PostgreSQL folds it; "" where it is none."""
    if token.kind is TokenKind.QUOTED:
        return _unquoted(text[token.start : token.end])
    found = NAME.match(text, token.start) if token.kind is TokenKind.WORD else None
    return found[0].translate(LOWER) if found else ""


def _unquoted(text: str) -> str:
    return text[1:-1].replace('""', '"')


def _symbol(tokens: Sequence[Token], at: int) -> str:
    """The text of a symbol, or a word in upper case; "" outside of the statement."""
    return tokens[at].word if 0 <= at < len(tokens) else ""


def _is_regclass(tokens: Sequence[Token], at: int) -> bool:
    if tokens[at].kind is not TokenKind.STRING:
        return False
    cast = _symbol(tokens, at + 1) == "::" and _symbol(tokens, at + 2) == "REGCLASS"
    argument = _symbol(tokens, at - 1) == "(" and _symbol(tokens, at - 2) in OF_SEQUENCES
    return cast or argument or _symbol(tokens, at - 1) == "REGCLASS"


def _literal(text: str) -> str:
    """The name in a string; "" where it has a schema, or is written in an unknown way."""
    inner = text[1:-1].replace("''", "'").strip() if text.startswith("'") else ""
    if PLAIN.fullmatch(inner) is None:
        return ""
    return _unquoted(inner) if inner.startswith('"') else inner.translate(LOWER)


def _without_new(tokens: Sequence[Token], places: Sequence[int], verb: str) -> list[int]:
    """`places` without names that the statement makes."""
    if verb == "ALTER":
        return [at for at in places if _symbol(tokens, at - 1) not in BEFORE_NEW_NAMES]
    if verb != "CREATE":
        return list(places)
    made = next((at for at, token in enumerate(tokens) if at and MODIFIERS.fullmatch(token.word) is None), 0)
    columns = "TABLE" in {token.word for token in tokens[:made]} and not any(token.word == "AS" for token in tokens)
    if not columns:
        return [at for at in places if at != made or tokens[at].word == "ON"]
    parents = next((at for at, token in enumerate(tokens) if token.word == "INHERITS"), len(tokens))
    return [at for at in places if at > parents or _symbol(tokens, at - 1) in BEFORE_TABLES]
