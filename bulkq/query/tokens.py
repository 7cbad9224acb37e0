"""Tokens and comments of a text, with their offsets. The only user of sqlglot's tokenizer.

Only the tokenizer is used, never the parser: a parser gives back rewritten text, and placeholders must be found in
the author's own. Simple texts need no sqlglot. The dialect's tokenizer is told to know no words, only quotes, comments and
two operators, so that every word arrives as one token (`CALL p(:x)` would else be one opaque string) and nothing depends on
what sqlglot thinks of a statement.
"""

from __future__ import annotations

import re
from contextlib import suppress
from enum import Enum, auto
from functools import cache
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from bulkq.dialects import dialect_for
from bulkq.model.frozen_dataclass import frozen, mutable
from bulkq.query.simple_tokens import SimpleKind, cut_tokens
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlglot.tokens import Tokenizer

NAME_LINE = compile_late(r"^[ \t]*--\s*name\s*:", re.MULTILINE)
"""The comment that starts a query; where reading goes on after a quote that is never closed."""

IDENTIFIER = compile_late(r"[^\W\d]\w*")
"""A name of a query or of a parameter."""

OPENED_BY = {
    "'": "string",
    '"': "quoted name",
    "`": "quoted name",
    "[": "quoted name",
    "$": "dollar quote",
    "/": "comment",
}

_LONE_DOLLAR = compile_late(r"(?<![\w$])\$(?!(?:[^\W\d]\w*)?\$)")
"""A dollar that opens no quote. sqlglot takes `$1,$` for an opening one, so it is shown another sign instead."""


class TokenKind(Enum):
    """The kinds of tokens that placeholders and classification need."""

    WORD = auto()  # keyword, bare name or number
    QUOTED = auto()  # quoted name
    STRING = auto()  # literal, with quotes or dollars
    SYMBOL = auto()  # operator or punctuation, mostly one character
    BROKEN = auto()  # quote or comment that is never closed


_KINDS = {
    "word": TokenKind.WORD,
    "string": TokenKind.STRING,
    "quoted": TokenKind.QUOTED,
    "symbol": TokenKind.SYMBOL,
}


class Token(NamedTuple):
    """A token; `word` is its text in upper case where it is a WORD, its text where it is a SYMBOL, else ""."""

    kind: TokenKind
    start: int
    end: int
    word: str


class Comment(NamedTuple):
    """A comment with its marks; `line` when it runs to the end of its line, `alone` when it is first on its line."""

    start: int
    end: int
    text: str
    line: bool
    alone: bool


@frozen
class TokenizedText:
    """A text in tokens and comments, both ascending by `start`. Between them is only white space."""

    text: str
    tokens: tuple[Token, ...]
    comments: tuple[Comment, ...]

    def broken(self, token: Token) -> str:
        """What a BROKEN token is: "string", "quoted name", "dollar quote" or "comment"."""
        opening = self.text[token.start : token.start + 3].lstrip("eEuU&nN")
        return OPENED_BY.get(opening[:1], "quote")


@mutable
class _GapReader:
    """Reads what stands between tokens, by the comment rules of a dialect."""

    text: str
    markers: tuple[str, ...]
    nested: bool
    ends_at_return: bool
    dash_needs_space: bool

    def skip(self, at: int, comments: list[Comment]) -> int:
        """Add the comments from `at` on to `comments`; return where they end, or where one starts that never ends."""
        text = self.text
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            end = self._end(at)
            if end is None:
                break
            comments.append(_comment(text, at, end))
            at = end
        return at

    def _end(self, at: int) -> int | None:
        if self.text.startswith("/*", at):
            return self._block_end(at)
        if not any(self.text.startswith(marker, at) for marker in self.markers):
            return None
        if self.dash_needs_space and self.text.startswith("--", at) and self.text[at + 2 : at + 3].strip():
            return None
        stops = [self.text.find(stop, at) for stop in ("\n\r" if self.ends_at_return else "\n")]
        return min((stop for stop in stops if stop >= 0), default=len(self.text))

    def _block_end(self, at: int) -> int | None:
        depth, at = 1, at + 2
        while depth:
            close = self.text.find("*/", at)
            if close < 0:
                return None
            nested = self.text.find("/*", at, close + 1) if self.nested else -1
            depth, at = (depth + 1, nested + 2) if nested >= 0 else (depth - 1, close + 2)
        return at


class _Wordless:
    """Mixed into a dialect's tokenizer: sqlglot takes Jinja's comments out in all dialects, SQL has none."""

    _COMMENTS: ClassVar[dict[str, str | None]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._COMMENTS.pop("{#", None)


@cache
def _tokenizer(dialect: str) -> type[Tokenizer]:
    from sqlglot import TokenType
    from sqlglot.dialects.dialect import Dialect

    facts = dialect_for(dialect)
    known = Dialect.get(facts.sqlglot or facts.name) or Dialect.get_or_raise("")
    wordless = {
        "COMMANDS": set(),
        "KEYWORDS": {"::": TokenType.DCOLON, ":=": TokenType.COLON_EQ},
        "HEX_STRINGS": [],  # read as a word and a string, so that a wrong digit is the server's to report
        "BIT_STRINGS": [],
    }
    return type("WordlessTokenizer", (_Wordless, known.tokenizer_class), wordless)


def tokenize(text: str, dialect: str) -> TokenizedText:
    """Cut `text` into tokens and comments by the rules of `dialect` (sqlglot's or SQLAlchemy's name of it).

    A name that sqlglot lacks means plain SQL.

    Never raises: from a quote or comment that is not closed, to the next name line, is one BROKEN token.
    """
    return _simple(text, dialect) or _any(text, dialect)


def _simple(text: str, dialect: str) -> TokenizedText | None:
    """A simple text without sqlglot, which takes a fifth of a second to import; None for any other."""
    facts = dialect_for(dialect)
    found = cut_tokens(text, names=facts.quote == '"') if facts.simple_tokens else None
    if found is None:
        return None
    tokens = [_token(text, *one) for one in found if one[0] != "comment"]
    comments = [_comment(text, start, end) for kind, start, end in found if kind == "comment"]
    return TokenizedText(text, tuple(tokens), tuple(comments))


def _token(text: str, kind: SimpleKind, start: int, end: int) -> Token:
    source = text[start:end]
    word = source.upper() if kind == "word" else source if kind == "symbol" else ""
    return Token(_KINDS[kind], start, end, word)


def _comment(text: str, start: int, end: int) -> Comment:
    alone = not text[text.rfind("\n", 0, start) + 1 : start].strip("\ufeff \t\r")
    return Comment(start, end, text[start:end], not text.startswith("/*", start), alone)


def _any(text: str, dialect: str) -> TokenizedText:
    tokens: list[Token] = []
    comments: list[Comment] = []
    start = 0
    while start < len(text):
        end = _piece(text, start, dialect, tokens, comments)
        if end < len(text):
            following = NAME_LINE.search(text, end)
            resume = following.start() if following else len(text)
            tokens.append(Token(TokenKind.BROKEN, end, resume, ""))
            end = resume
        start = end
    return TokenizedText(text, tuple(tokens), tuple(comments))


def _piece(text: str, start: int, dialect: str, tokens: list[Token], comments: list[Comment]) -> int:
    """Read from `start` to the end, or to the first quote or comment that is never closed; return where that is."""
    rules = _tokenizer(dialect)
    gaps = _GapReader(
        text,
        tuple(mark for mark in rules.COMMENTS if isinstance(mark, str)),
        rules.NESTED_COMMENTS,
        not rules.COMMENTS_TERMINATE_AT_NEWLINE_ONLY,
        rules.DASH_COMMENT_REQUIRES_BOUNDARY,
    )
    at = gaps.skip(start, comments)
    while at < len(text):
        before = at
        for token in _raw(text, at, rules):
            if token.start != at:  # sqlglot loses count in comments with "/*/*" or "*/*/": go on from where we are
                break
            tokens.append(token)
            at = gaps.skip(token.end, comments)
        if at == before:
            break
    return at


def _raw(text: str, start: int, rules: type[Tokenizer]) -> Iterator[Token]:
    """The tokens from `start` on, as far as sqlglot comes."""
    from sqlglot import TokenType
    from sqlglot.errors import TokenError

    tokenizer = rules()
    shown = text[start:] + "\n"  # at the very end of a text, sqlglot is one character off after a dollar quote's mark
    if "$" in rules.HEREDOC_STRINGS:
        shown = _LONE_DOLLAR.sub("?", shown)
    with suppress(TokenError):
        tokenizer.tokenize(shown)
    for raw in tokenizer.tokens:
        first, end = start + raw.start, start + raw.end + 1
        source = text[first:end]
        if raw.token_type is TokenType.IDENTIFIER:
            yield Token(TokenKind.QUOTED, first, end, "")
        elif raw.token_type.name.endswith("STRING"):
            yield Token(TokenKind.STRING, first, end, "")
        elif source[0].isalnum() or source[0] == "_":
            yield Token(TokenKind.WORD, first, end, source.upper())
        else:
            yield Token(TokenKind.SYMBOL, first, end, source)
