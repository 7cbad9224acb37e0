"""Findings about a query that can be made without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from bulkq.dialects import DEFAULT, dialect_for
from bulkq.model import Mode, StatementClass
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.own_error_states import UNTYPED_COMPARED
from bulkq.query.comparison_operands import find_ambiguous
from bulkq.query.headers import find_known_key
from bulkq.query.parse_queries import INLINE
from bulkq.query.range_placeholder import RangeError, find_range, has_range
from bulkq.query.tokens import Token, TokenKind, tokenize
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from bulkq.model import Query
    from bulkq.query.comparison_operands import Affinities
    from bulkq.query.tokens import TokenizedText

ALONE = compile_late(r"[%_\s]*:([^\W\d]\w*)[%_\s]*")
"""A literal that holds nothing but a placeholder and wildcards."""

WITHIN = compile_late(r"(?<![\w:\\]):([^\W\d]\w*)")
COMPARED = compile_late(r"[=<>(,]\s*:([^\W\d]\w*)")
"""A placeholder behind an operator: in a comment, a condition that was taken out."""

CHECK_KEYS = ("expect", "warn", "fail", "until", "sample", "mask")
"""Metadata that makes a query a check."""

BACKFILL_KEYS = ("key", "where", "verify", "select", "map", "capture")
"""Metadata that means something only in a backfill: with `@over`, or with `:range` and `--over`."""


UNTYPED = (
    f"{UNTYPED_COMPARED}: "
    "SQLite compares :{name} with {operand}, as a number if the value looks like one, else as text:"
    ' declare its type: "-- @param {name} text", or integer'
)

MOVED = "a row that another session changes while this waits for it has another {column} and is left out: choose rows by a key"


@frozen
class LintFinding:
    """An error, or a probable error, on one line of a query file."""

    file: str
    line: int
    severity: Literal["error", "warning"]
    message: str


def lint(query: Query, dialect: str = DEFAULT) -> list[LintFinding]:
    """The findings in `query`, by line. `dialect` as for `load`."""
    lexed = tokenize(query.sql, dialect)
    found = [
        *_nature(query),
        *_metadata(query, dialect),
        *_texts(query, lexed),
        *_conditions(query, lexed, dialect_for(dialect).row_address),
    ]
    found += _untyped(query) if dialect_for(dialect).dynamic_types else ()
    return _placed(query, found)


def lint_untyped(query: Query, columns: Affinities, names: Container[str]) -> list[LintFinding]:
    """The findings about parameters of `names` without a declared type; `columns` are those of `tables(query)`."""
    return _placed(query, _untyped(query, columns, names))


def _placed(query: Query, found: Iterable[_Found]) -> list[LintFinding]:
    where = query.file or INLINE
    return [
        LintFinding(where, query.line + query.sql.count("\n", 0, at), level, text) for at, level, text in sorted(found)
    ]


_Found = tuple[int, Literal["error", "warning"], str]


def _nature(query: Query) -> Iterator[_Found]:
    if query.unbounded:
        yield 0, "error", f"{query.verb} without WHERE changes every row: add a WHERE, or run it with --allow unbounded"
    if query.statement is StatementClass.SESSION:
        yield 0, "error", f"{query.verb} controls the session or transaction, which bulkq manages: remove it"
    elif query.mode is Mode.READ and query.statement is not StatementClass.READ:
        yield 0, "error", f'@mode is "read", but {query.verb} is {query.statement}: write "@mode {query.statement}"'
    elif query.mode is Mode.WRITE and query.statement in {StatementClass.DDL, StatementClass.MAINTENANCE}:
        yield 0, "error", f'@mode is "write", but {query.verb} is {query.statement}: write "@mode {query.statement}"'


def _metadata(query: Query, dialect: str) -> Iterator[_Found]:
    has = query.metadata
    if "over" in has:
        yield from _range(query, dialect)
    elif not has_range(query):
        for key in BACKFILL_KEYS:
            if key in has:
                yield 0, "warning", f'@{key} has no effect without "-- @over TABLE"'
    said = next((key for key in CHECK_KEYS if key in has), None)
    if said is not None and query.statement is not StatementClass.READ:
        yield (
            0,
            "error",
            f"@{said} makes this a check, which can only read, so {query.verb} would be refused: remove one of them",
        )
    if "mask" in has and any("value" in line for line in has.get("expect", ()) if "unchanged" in line):
        yield (
            0,
            "warning",
            "a masked value is not stored, so it cannot be compared with an earlier run: measure rows, or remove @mask",
        )
    if query.timeout_s and query.lock_timeout_s and query.lock_timeout_s >= query.timeout_s:
        yield 0, "error", "@lock_timeout has no effect: make it shorter than @timeout"
    if query.idempotent is not None and query.statement is StatementClass.READ and query.mode in {None, Mode.READ}:
        yield 0, "warning", "@idempotent has no effect on a query that reads"
    if query.batch and query.batch > 1 and not query.transaction:
        yield 0, "warning", "@batch has no effect with @transaction off: such queries run one at a time"


def _range(query: Query, dialect: str) -> Iterator[_Found]:
    """Of a backfill, what is wrong with the range in its statement."""
    if "keys" in {p.name for p in query.parameters} or "select" in query.metadata:
        return
    try:
        find_range(query, dialect)
    except RangeError as wrong:
        yield wrong.offset, "error", wrong.reason


def _untyped(query: Query, columns: Affinities | None = None, names: Container[str] | None = None) -> Iterator[_Found]:
    """Parameters without a declared type that SQLite compares as a number or as text, by the value alone."""
    met = find_ambiguous(query, columns)
    for parameter in query.parameters:
        if parameter.type is None and parameter.name in met and (names is None or parameter.name in names):
            at = next(p.start for p in query.placeholders if p.name == parameter.name)
            yield at, "warning", UNTYPED.format(name=parameter.name, operand=met[parameter.name])


def _texts(query: Query, lexed: TokenizedText) -> Iterator[_Found]:
    """Placeholders in places that are never touched."""
    known = {p.name for p in query.parameters}
    for token in lexed.tokens:
        if token.kind is TokenKind.STRING:
            yield from _literal(token, lexed.text[token.start : token.end], known)
    for comment in lexed.comments:
        key = find_known_key(comment)
        if key:
            yield comment.start, "warning", f"@{key} has no effect inside the statement: move it above the statement"
        for name in COMPARED.findall(comment.text):
            if name not in known:
                yield comment.start, "warning", f'":{name}" is in a comment, so it is not a placeholder'


def _literal(token: Token, literal: str, known: set[str]) -> Iterator[_Found]:
    content = literal[literal.find("'") + 1 : -1] if literal.endswith("'") else ""
    alone = ALONE.fullmatch(content)
    names = [alone[1]] if alone else [name for name in WITHIN.findall(content) if name in known]
    for name in dict.fromkeys(names):
        instead = f"'%' || :{name} || '%'" if "%" in content else f":{name}"
        yield (
            token.start,
            "error",
            f'":{name}" is in the string {quoted(literal)}, so it is not a placeholder: write {instead}',
        )


def _conditions(query: Query, lexed: TokenizedText, address: str) -> Iterator[_Found]:
    """WHERE with nothing behind it that looks at a row: `where true`, `where 1 = 1`; WHERE that looks at its address."""
    if query.verb not in {"UPDATE", "DELETE", "WITH"} or query.statement is not StatementClass.WRITE:
        return
    words = [t.word for t in lexed.tokens]
    if address and address in words:
        yield lexed.tokens[words.index(address)].start, "warning", MOVED.format(column=address.lower())
    for i, word in enumerate(words):
        rest = words[i + 1 : i + 5]
        constant = rest[:1] == ["TRUE"] or (
            len(rest) >= 3 and rest[0] == rest[2] != "" and rest[0].isdecimal() and rest[1] == "="
        )
        behind = rest[1:2] if rest[:1] == ["TRUE"] else rest[3:4]
        if word == "WHERE" and constant and behind in ([], [")"], ["RETURNING"]):
            yield (
                lexed.tokens[i].start,
                "warning",
                "this WHERE is always true, so every row is changed: correct the condition",
            )
