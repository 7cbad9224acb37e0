"""Refuse texts of the user's that do not fit into their place in a generated statement.

The server judges the SQL. Here is found what would change the statement around it: a second statement, a parenthesis too many, a quote or
comment that does not end, a further clause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model import PlaceholderKind
from bulkq.query.classify import CHANGES
from bulkq.query.error_collector import QueryErrors
from bulkq.query.foreign_syntax import find_executed_comments
from bulkq.query.placeholders import RANGE, find_placeholders
from bulkq.query.tokens import TokenKind, tokenize
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.query.tokens import Token, TokenizedText


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CLAUSES = _words("WHERE FROM RETURNING ORDER LIMIT GROUP HAVING UNION INTERSECT EXCEPT FETCH")
"""Words that begin a further clause, outside parentheses."""

STATEMENTS = CHANGES | {"SELECT", "WITH", "SET", "DROP", "CREATE", "ALTER", "TRUNCATE"}
OPERATORS = _words("AND OR XOR NOT IS IN LIKE BETWEEN")
"""Words that have an operand on each side, or behind them."""

CLOSING = {")": "(", "]": "[", "}": "{"}
OPENING = frozenset(CLOSING.values())

_EXAMPLE = 'write a condition such as "phone is null"'


def parse_fragment(text: str, option: str, dialect: str) -> TokenizedText:
    """The tokens of `text`, at least one, which closes what it opens and holds no second statement.

    Args:
        text: the user's.
        option: where it comes from, for messages: `--where`.
        dialect: sqlglot's or SQLAlchemy's name of it.

    Raises:
        UsageError: in one line, with the next step.
    """
    start = f"{option} {quoted(text)}"
    lexed = tokenize(text, dialect)
    if not lexed.tokens:
        raise UsageError(f"{start} is empty: write SQL, or leave out the option")
    wrong = _broken(lexed) or _foreign(lexed, option, dialect)
    if wrong is not None:
        raise UsageError(f"{start}: {wrong}")
    return lexed


def check_condition(text: str, option: str, dialect: str) -> None:
    """Refuse a `text` that cannot stand in `WHERE (text)`; the arguments are those of `read`.

    Raises:
        UsageError: in one line, with the next step.
    """
    start = f"{option} {quoted(text)}"
    tokens = parse_fragment(text, option, dialect).tokens
    first, last = tokens[0], tokens[-1]
    if first.word in {"WHERE", "AND", "OR", "XOR"}:
        raise UsageError(f"{start}: remove the word {first.word} at the beginning")
    word = first.word if _begins_statement(tokens) else next((tokens[i].word for i in find_clauses(tokens)), None)
    if word is not None:
        raise UsageError(f"{start} is not a condition, because of {word}: {_EXAMPLE}")
    literal = len(tokens) == 1 and (first.kind is TokenKind.STRING or first.word.isdecimal())
    if literal or find_commas(tokens):
        raise UsageError(f"{start} is not a condition: {_EXAMPLE}")
    if last.word in OPERATORS or (last.kind is TokenKind.SYMBOL and last.word not in CLOSING):
        raise UsageError(f"{start} ends with {quoted(text[last.start : last.end])}: {_EXAMPLE}")


def close_comment(lexed: TokenizedText) -> str:
    """The text of `lexed` so that more can follow: a comment that runs to the end of its line gets a line break."""
    text = lexed.text.strip()
    return f"{text}\n" if any(c.line and c.start > lexed.tokens[-1].start for c in lexed.comments) else text


def find_clauses(tokens: Sequence[Token]) -> list[int]:
    """Indexes of the words outside parentheses that begin a further clause."""
    found = [i for i, level in enumerate(count_levels(tokens)) if not level and tokens[i].word in CLAUSES]
    return [i for i in found if not i or (tokens[i - 1].word, tokens[i].word) != ("DISTINCT", "FROM")]


def find_commas(tokens: Sequence[Token]) -> list[int]:
    """Indexes of the commas outside parentheses."""
    return [i for i, level in enumerate(count_levels(tokens)) if not level and tokens[i].word == ","]


def count_levels(tokens: Sequence[Token]) -> list[int]:
    """How many parentheses, brackets, braces and CASE are open around each token; each of them counts as outside of itself."""
    found, level = [], 0
    for token in tokens:
        level -= token.word in CLOSING or token.word == "END"
        found.append(level)
        level += token.word in OPENING or token.word == "CASE"
    return found


def _begins_statement(tokens: Sequence[Token]) -> bool:
    """Whether the first word is the verb of a statement, and not a column or a function of that name."""
    if tokens[0].word not in STATEMENTS:
        return False
    return any(t.kind is not TokenKind.SYMBOL and t.word not in OPERATORS for t in tokens[1:2])


def _broken(lexed: TokenizedText) -> str | None:
    """What does not end within the text."""
    opened: list[str] = []
    for token in lexed.tokens:
        if token.kind is TokenKind.BROKEN:
            return f"{lexed.broken(token)} is not closed"
        if token.word == ";":
            return '";" ends a statement: write one expression without it'
        if token.word in OPENING:
            opened.append(token.word)
        elif token.word in CLOSING and (not opened or opened.pop() != CLOSING[token.word]):
            return f"{quoted(token.word)} closes nothing: remove it"
    return f"{quoted(opened[-1])} is not closed" if opened else None


def _foreign(lexed: TokenizedText, option: str, dialect: str) -> str | None:
    """The first parameter or comment that bulkq does not send."""
    for _, message in find_executed_comments(lexed.comments, dialect):
        return message
    complaints = QueryErrors(lexed.text, option)
    found = find_placeholders(lexed.text, lexed.tokens, dialect, complaints)
    for _, message in complaints.found:
        return message
    if any(p.name == RANGE for p in found.placeholders):
        return "bulkq adds the range of the key itself: remove :range"
    if any(p.kind is PlaceholderKind.IDENTIFIER for p in found.placeholders):
        return "a name cannot be a parameter here: write the name itself"
    return None
