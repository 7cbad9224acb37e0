"""Whether a key range bounds the rows of the table that is gone over, or those of another table of the statement.

The ranges cover the key of one table, from its first row to its last. As a condition on another column, or on another table, they
cover the rows by chance: a row that they leave out is never changed, and the run ends without an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bulkq.dialects import dialect_for
from bulkq.errors import RefusedError
from bulkq.query.classify import CHANGES
from bulkq.query.identifier_placeholders import name_parts, token_name
from bulkq.query.placeholders import RANGE
from bulkq.query.range_placeholder import bounding_places
from bulkq.query.render_query import locate
from bulkq.query.tokens import TokenKind, tokenize
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulkq.model import Query
    from bulkq.model.key_range import TableKey
    from bulkq.query.range_placeholder import RangePlace
    from bulkq.query.tokens import Token

UNBOUNDED = "unbounded"
"""The word of `--allow` for a statement whose range bounds something else."""

NAMES = frozenset({TokenKind.WORD, TokenKind.QUOTED})

SCOPES = CHANGES | {"SELECT", "WITH", "VALUES"}
"""Words behind a parenthesis that begin a statement with tables of its own."""

BEFORE_TABLE = frozenset({"FROM", "JOIN", "USING", "UPDATE"})
NO_TABLE = frozenset({"DISTINCT", "DO", "FOR", "KEY"})
"""What stands before such a word where no table follows it: IS DISTINCT FROM, ON CONFLICT DO UPDATE, FOR NO KEY UPDATE."""

BETWEEN = frozenset({"ONLY", "LATERAL", "OR", "REPLACE", "IGNORE", "ROLLBACK", "ABORT", "FAIL", "LOW_PRIORITY"})
"""What may stand between such a word and the table."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NO_ALIAS = _words(
    "SET WHERE ON USING JOIN INNER LEFT RIGHT FULL CROSS NATURAL WHEN GROUP ORDER HAVING LIMIT RETURNING UNION INTERSECT EXCEPT FOR"
    " VALUES SELECT DEFAULT OVERRIDING WINDOW FETCH OFFSET TABLESAMPLE USE FORCE IGNORE PARTITION INDEXED NOT WITH STRAIGHT_JOIN"
)
"""What may follow a table that has no alias."""

ENDS_TABLES = frozenset(
    {"WHERE", "SET", "SELECT", "WHEN", "VALUES", "GROUP", "ORDER", "HAVING", "LIMIT", "RETURNING", "UNION"}
)

SIGNS = frozenset({"<", ">", "="})


class _TableUse(NamedTuple):
    """A table in a statement: its name without its schema, "" for a subquery; its alias, which is the name if it has none."""

    name: str
    alias: str
    scope: int


def refuse_other_rows(query: Query, key: TableKey, dialect: str) -> None:
    """Refuse a statement whose range is one of other columns or of another table, as far as its tokens say.

    Args:
        query: a statement that a user wrote, with the place of its range.
        key: of the table that is gone over.
        dialect: sqlglot's or SQLAlchemy's name of it.

    Raises:
        RefusedError: it names the place, and `--allow unbounded`.
        RangeError: see `find_range`.
    """
    tables = _StatementTables(query.sql, dialect, key)
    if tables.grows:
        raise RefusedError(
            f"{query.place}: INSERT adds rows to {key.table}, and those in front of its end are met again by later ranges: insert into "
            f"another table first, or add --allow {UNBOUNDED}"
        )
    for place in bounding_places(query, dialect):
        why = tables.complaint(place)
        if why:
            raise RefusedError(f"{locate(query, place.start)}: {why}, or add --allow {UNBOUNDED}")


class _StatementTables:
    """The tables of a statement, and the table whose key the ranges cover."""

    def __init__(self, sql: str, dialect: str, key: TableKey) -> None:
        self._sql, self._dialect, self._key = sql, dialect, key
        self._tokens = tokenize(sql, dialect).tokens
        mark = dialect_for(dialect).quote
        self._over = (name_parts(key.table, f'{mark}"') or tuple(key.table.split(".")))[-1].lower()
        self._scopes = list(_scopes(self._tokens))
        self._parts = set(self._common_tables())
        self._uses = [*self._find_uses()]

    @property
    def grows(self) -> bool:
        """Whether the statement inserts rows into the table, and not only to replace those that are there."""
        words = [token.word for token in self._tokens]
        if not {"CONFLICT", "DUPLICATE", "REPLACE"}.isdisjoint(words):
            return False
        into = (i + 1 for i, word in enumerate(words) if word == "INTO" and "INSERT" in words[max(0, i - 3) : i])
        return any(use.name.lower() == self._over for i in into for use in self._use(i, -1, listed=True))

    def complaint(self, place: RangePlace) -> str:
        """Why the range at `place` is not one of the key; "" if it is, or if the tokens do not tell."""
        at = next(i for i, token in enumerate(self._tokens) if token.start >= place.start)
        if place.name == RANGE:
            alias = [token_name(self._sql, t, self._dialect) for t in self._inside(place) if t.kind in NAMES]
            return self._of_table(alias[-1] if alias else "", at, ":range", ":range(ALIAS)")
        column, qualifier = self._operand(at)
        wanted = self._key.columns[0].name
        if column is None:
            return f":{place.name} is not compared with a column: write {wanted} > :lo AND {wanted} <= :hi"
        if column.lower() != wanted.lower():
            return f":{place.name} is compared with {quoted(column)}, and {self._key.table} has the key {quoted(wanted)}: write {wanted}"
        return self._of_table(qualifier, at, f":{place.name}", f"ALIAS.{wanted}")

    def _inside(self, place: RangePlace) -> list[Token]:
        """The tokens of the parenthesis of a place."""
        inside = [token for token in self._tokens if place.start <= token.start < place.end]
        opened = next((i for i, token in enumerate(inside) if token.word == "("), len(inside))
        return inside[opened + 1 :]

    def _operand(self, at: int) -> tuple[str | None, str]:
        """The column that the placeholder at `at` is compared with, and what qualifies it; None if it is not a column."""
        words = [token.word for token in self._tokens]
        left = at - 1
        while left >= 0 and words[left] in SIGNS:
            left -= 1
        if left < at - 1:
            first = left
            while first >= 2 and words[first - 1] == ".":
                first -= 2
            return self._path(first, left, outside=(first - 1, left + 1))
        right = at + 1
        while right < len(words) and words[right] not in SIGNS:
            right += 1
        while right < len(words) and words[right] in SIGNS:
            right += 1
        last = right
        while last + 2 < len(words) and words[last + 1] == ".":
            last += 2
        return self._path(right, last, outside=(right - 1, last + 1))

    def _path(self, first: int, last: int, *, outside: tuple[int, int]) -> tuple[str | None, str]:
        """The column and its qualifier, if the tokens are a name and stand alone between words of conditions."""
        named = self._tokens[first : last + 1 : 2]
        around = [self._tokens[i].word for i in outside if 0 <= i < len(self._tokens)]
        alone = all(
            word in SIGNS or word in {"AND", "WHERE", "ON", "(", ")", ";", "RETURNING", "ORDER", "FOR"}
            for word in around
        )
        if not named or not alone or any(token.kind not in NAMES or token.word[:1].isdecimal() for token in named):
            return None, ""
        names = [token_name(self._sql, token, self._dialect) for token in named]
        return names[-1], names[-2] if len(names) > 1 else ""

    def _of_table(self, alias: str, at: int, shown: str, advice: str) -> str:
        """Why a condition on columns of `alias`, or of the tables around token `at`, is not one of the table; "" if it may be."""
        scope = self._scopes[at]
        mine = [use for use in self._uses if (use.alias.lower() == alias.lower() if alias else use.scope == scope)]
        if not mine or any(use.name.lower() in {"", self._over, *self._parts} for use in mine):
            return ""
        others = ", ".join(dict.fromkeys(quoted(use.name) for use in mine))
        return f"{shown} bounds rows of {others}, and the ranges are those of {self._key.table}: write {advice} with its alias"

    def _common_tables(self) -> Iterator[str]:
        """Names of common table expressions, in lower case."""
        for i, token in enumerate(self._tokens[:-1]):
            opened = token.word == "(" and self._tokens[i + 1].word in SCOPES
            if opened and (at := self._before_as(i)) is not None and self._tokens[at].kind in NAMES:
                yield token_name(self._sql, self._tokens[at], self._dialect).lower()

    def _before_as(self, opener: int) -> int | None:
        """Where the name stands in `name (columns) AS MATERIALIZED (`; None if no AS stands before the parenthesis."""
        words = [token.word for token in self._tokens[:opener]]
        while words and words[-1] in {"MATERIALIZED", "NOT"}:
            words.pop()
        if not words or words.pop() != "AS":
            return None
        if words and words[-1] == ")":
            while words and words.pop() != "(":
                pass
        return len(words) - 1 if words else None

    def _find_uses(self) -> Iterator[_TableUse]:
        """The tables behind FROM, JOIN, USING, UPDATE and MERGE INTO, and behind commas of these clauses."""
        tokens, listing = self._tokens, dict[int, bool]()
        for i, token in enumerate(tokens):
            scope = self._scopes[i]
            if token.word in ENDS_TABLES:
                listing[scope] = False
            before = tokens[i - 1].word if i else ""
            starts = token.word in BEFORE_TABLE and before not in NO_TABLE
            starts = starts or (token.word == "INTO" and before == "MERGE")
            if starts or (token.word == "," and listing.get(scope)):
                listing[scope] = True
                yield from self._use(i + 1, scope)

    def _use(self, at: int, scope: int, *, listed: bool = False) -> Iterator[_TableUse]:
        """The table that is named at `at`, or a subquery or a function there; with columns in parentheses behind it if `listed`."""
        tokens = self._tokens
        while self._word(at) in BETWEEN:
            at += 1
        if self._word(at) == "(":
            subquery = self._word(at + 1) in SCOPES
            yield from (_TableUse("", "", scope),) if subquery else self._use(at + 1, scope)
            return
        if not self._is_name(at):
            return
        while self._word(at + 1) == ".":
            at += 2
        behind = at + 2 if self._word(at + 1) == "AS" else at + 1
        name = (
            token_name(self._sql, tokens[at], self._dialect)
            if self._is_name(at) and (listed or self._word(behind) != "(")
            else ""
        )
        alias = token_name(self._sql, tokens[behind], self._dialect) if self._is_name(behind) else name
        yield _TableUse(name, alias, scope)

    def _word(self, at: int) -> str:
        return self._tokens[at].word if at < len(self._tokens) else ""

    def _is_name(self, at: int) -> bool:
        return at < len(self._tokens) and self._tokens[at].kind in NAMES and self._tokens[at].word not in NO_ALIAS


def _scopes(tokens: Sequence[Token]) -> Iterator[int]:
    """Of each token, the index of the parenthesis that begins the innermost statement around it; -1 outside of all."""
    stack: list[int] = []
    for i, token in enumerate(tokens):
        if token.word == ")" and stack:
            stack.pop()
        yield next((at for at in reversed(stack) if tokens[at + 1].word in SCOPES), -1)
        if token.word == "(":
            stack.append(i)
