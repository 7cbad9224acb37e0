"""Parse the text of a query file, or of `-e`, into `Query` values."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeVar

from bulkq.dialects import DEFAULT
from bulkq.errors import QueryFileError
from bulkq.model import Parameter, Placeholder, PlaceholderKind, Query
from bulkq.model.frozen_dataclass import frozen
from bulkq.query.classify import classify, holds_statements, may_commit
from bulkq.query.error_collector import QueryErrors
from bulkq.query.foreign_syntax import find_executed_comments
from bulkq.query.headers import find_known_key, find_lost_key, is_name_line, read_header
from bulkq.query.one_row import gives_one_row
from bulkq.query.placeholders import RANGE, PlaceholderScan, find_placeholders
from bulkq.query.tokens import Token, TokenKind, tokenize
from bulkq.text.message_parts import first_names, quoted, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bulkq.query.classify import StatementNature
    from bulkq.query.headers import DeclaredParameter, Header
    from bulkq.query.tokens import Comment, TokenizedText

INLINE = "-e"
"""What an inline query is called in messages, in place of a file."""

WRITE_ONE = "write one (bulkq run and check take several -e)"

_MOST_NAMES = 10

_Item = TypeVar("_Item", "Token", "Comment")


@frozen
class _QueryBlock:
    """The part of a text that belongs to one query; `title` is its name line."""

    title: Comment | None
    tokens: Sequence[Token]
    comments: Sequence[Comment]


def load(text: str, file: str | None, dialect: str = DEFAULT) -> tuple[Query, ...]:
    """All queries of the `text` of a query file, in its order.

    Args:
        text: the whole file.
        file: its name as the user wrote it, for messages and `Query.file`; None for inline SQL.
        dialect: whose quotes and comments to expect, by sqlglot's or SQLAlchemy's name.

    Raises:
        QueryFileError: with every error of the file, `file:line: message` each.
    """
    lexed = tokenize(text.removeprefix("\ufeff"), dialect)
    complaints = QueryErrors(lexed.text, file or INLINE)
    blocks = list(_blocks(lexed, complaints))
    queries: list[Query] = []
    named: dict[str, list[Header]] = {}
    unnamed = PurePath(file).stem if file else "sql"
    for block in blocks:
        header = read_header(block.title, _above(block), unnamed, complaints, dialect)
        same = named.setdefault(header.name or "", [])
        if header.name and not _is_variant(header, same):
            line = complaints.line(same[0].offset)
            complaints.add(header.offset, f"{quoted(header.name)} is already the name of the query on line {line}")
        same.append(header)
        query = _query(lexed, block, header, file, dialect, complaints)
        if query:
            queries.append(query)
    complaints.raise_all()
    return tuple(queries)


def _is_variant(header: Header, same: Sequence[Header]) -> bool:
    """Whether the query may have the name of those before it in the file, because each requires another database."""
    required = [one.metadata.get("requires") for one in (header, *same)]
    return not same or (None not in required and required[0] not in required[1:])


def inline(sql: str, dialect: str = DEFAULT) -> Query:
    """The one query of `-e TEXT`; it is named `sql` unless it has a name line.

    Raises:
        QueryFileError: by the rules of `load`, with `-e:line`; or it holds several queries.
    """
    queries = load(sql, None, dialect)
    if len(queries) > 1:
        raise QueryFileError(f"{INLINE}:{queries[1].line}: {len(queries)} queries: {WRITE_ONE}")
    return queries[0]


def pick(queries: Sequence[Query], name: str, file: str) -> Query:
    """The query `name` of `file`, from all `queries` of that file; `-` in a name counts as `_`.

    Raises:
        QueryFileError: there is none; says which one may have been meant, or which there are.
    """
    wanted = name.replace("-", "_")
    for query in queries:
        if query.name.replace("-", "_") == wanted:
            return query
    names = [query.name for query in queries]
    if guess := suggestion(wanted, names):
        raise QueryFileError(f"{file}: no query named {quoted(name)}{guess}")
    raise QueryFileError(f"{file}: no query named {quoted(name)} (it has {first_names(names, _MOST_NAMES) or 'none'})")


def pick_variants(queries: Sequence[Query], name: str, file: str) -> list[Query]:
    """The query `name` of `file`, with its variants: queries of the same name for other databases. See `pick`."""
    picked = pick(queries, name, file)
    return [query for query in queries if query.name == picked.name]


def _blocks(lexed: TokenizedText, complaints: QueryErrors) -> Iterator[_QueryBlock]:
    """Cut a text at its name lines; one block where it has none."""
    titles = [c for c in lexed.comments if is_name_line(c)]
    if not titles:
        if not lexed.tokens:
            complaints.add(0, "no statement found: the text is empty or contains only comments")
        yield _QueryBlock(None, lexed.tokens, lexed.comments)
        return
    _refuse_preface(lexed, titles[0].start, complaints)
    for i, title in enumerate(titles):
        end = titles[i + 1].start if i + 1 < len(titles) else len(lexed.text)
        yield _QueryBlock(title, _between(lexed.tokens, title.end, end), _between(lexed.comments, title.end, end))


def _between(items: Sequence[_Item], start: int, end: int) -> Sequence[_Item]:
    return items[bisect_left(items, start, key=_offset) : bisect_left(items, end, key=_offset)]


def _offset(item: Token | Comment) -> int:
    return item.start


def _refuse_preface(lexed: TokenizedText, end: int, complaints: QueryErrors) -> None:
    """Comments above the first name line are the file's own; statements and metadata there belong to no query."""
    for comment in lexed.comments:
        key = find_known_key(comment)
        if key and comment.end <= end:
            complaints.add(comment.start, f"@{key} is above the first name line: move it below the name of its query")
    _refuse_lost_keys([comment for comment in lexed.comments if comment.end <= end], (), complaints)
    preface = [t for t in lexed.tokens if t.start < end]
    for token in preface:
        if token.kind is TokenKind.BROKEN:
            complaints.add(token.start, f"{lexed.broken(token)} is not closed")
    if preface and preface[0].kind is not TokenKind.BROKEN:
        complaints.add(
            preface[0].start, 'statement above the first name line: add a "-- name: some_name" line above it'
        )


def _above(block: _QueryBlock) -> list[Comment]:
    first = block.tokens[0].start if block.tokens else None
    return [c for c in block.comments if c.alone and (first is None or c.start < first)]


def _query(
    lexed: TokenizedText, block: _QueryBlock, header: Header, file: str | None, dialect: str, complaints: QueryErrors
) -> Query | None:
    """The query of a block; None where it has no statement or one that cannot be read."""
    tokens = _one_statement(lexed, block, header, complaints)
    for at, message in find_executed_comments(block.comments, dialect):
        complaints.add(at, message)
    if not tokens:
        return None
    start, end = _start(block, tokens[0].start), tokens[-1].end
    found = find_placeholders(lexed.text, tokens, dialect, complaints)
    nature = classify(tokens, dialect)
    name = header.name or ""
    if "params" in header.metadata and not found.placeholders:
        advice = "has @params, but no :parameter to fill: add a parameter, or remove @params"
        complaints.add(start, f"{quoted(name)} {advice}")
    return Query(
        name=name,
        sql=lexed.text[start:end],
        parameters=_parameters(found, header, complaints),
        placeholders=tuple(
            Placeholder(p.name, p.kind, p.start - start, p.end - start, p.negated) for p in found.placeholders
        ),
        escapes=tuple(at - start for at in found.escapes),
        where=None if nature.where is None else nature.where - start,
        file=file,
        line=complaints.line(start),
        description=header.description,
        statement=nature.statement,
        mode=header.mode,
        unbounded=nature.unbounded,
        verb=nature.verb,
        meant=nature.meant,
        counted=nature.counted,
        one_row=gives_one_row(tokens),
        timeout_s=header.timeout_s,
        no_timeout=header.no_timeout,
        lock_timeout_s=header.lock_timeout_s,
        retries=header.retries,
        idempotent=header.idempotent,
        transaction=_in_transaction(header, nature, dialect, complaints),
        batch=header.batch,
        tags=header.tags,
        metadata=header.metadata,
    )


def _in_transaction(header: Header, nature: StatementNature, dialect: str, complaints: QueryErrors) -> bool:
    """Whether the statement runs in a transaction of ours: not where it may commit that, or where `@transaction off` says so."""
    commits = may_commit(nature.statement, nature.verb, dialect)
    if commits and header.transaction:
        complaints.add(
            header.offset,
            f'{nature.verb} commits implicitly in MariaDB and MySQL, so "@transaction on" has no effect: remove that line',
        )
    return header.transaction is not False and not commits


def _one_statement(
    lexed: TokenizedText, block: _QueryBlock, header: Header, complaints: QueryErrors
) -> Sequence[Token]:
    """The tokens of the block's statement, without semicolons; () where something is wrong with it."""
    broken = [t for t in block.tokens if t.kind is TokenKind.BROKEN]
    for token in broken:
        complaints.add(token.start, f"{lexed.broken(token)} is not closed")
    _refuse_late_keys(block, complaints)
    _refuse_lost_keys(block.comments, block.tokens, complaints)
    ends = [i for i, t in enumerate(block.tokens) if t.word == ";"]
    filled = [i for i, t in enumerate(block.tokens) if t.word != ";"]
    if broken:
        return ()
    if not filled:
        if block.title or block.tokens:
            complaints.add(
                header.offset, f"{quoted(header.name or '')} has no statement: write one below its name line"
            )
        return ()
    first, last = filled[0], filled[-1]
    cut = next((i for i in ends if i > first), last + 1)
    if cut < last and holds_statements(block.tokens[first:]):
        cut = last + 1
    if cut < last:
        second = next(i for i in filled if i > cut)
        complaints.add(
            block.tokens[second].start,
            f"two statements: {WRITE_ONE}"
            if complaints.label == INLINE
            else f'two statements under the name {quoted(header.name or "")}: add a "-- name: some_name" line above the second',
        )
    return block.tokens[first:cut]


def _refuse_late_keys(block: _QueryBlock, complaints: QueryErrors) -> None:
    last = block.tokens[-1].start if block.tokens else None
    for comment in block.comments:
        key = find_known_key(comment)
        if key and last is not None and comment.start > last:
            complaints.add(
                comment.start, f"@{key} is below its statement: move it between the name line and the statement"
            )


def _refuse_lost_keys(comments: Sequence[Comment], tokens: Sequence[Token], complaints: QueryErrors) -> None:
    """The check conditions in comments that are not header lines. Header lines below the statement were refused before."""
    first, last = (tokens[0].start, tokens[-1].start) if tokens else (0, 0)
    for comment in comments:
        key = find_lost_key(comment, inside=first < comment.start < last)
        if key:
            complaints.add(
                comment.start,
                f'@{key} has no effect here: write "-- @{key} ..." on a line of its own between the name line and the statement',
            )


def _start(block: _QueryBlock, first: int) -> int:
    """Where the statement starts: at its first token, or at a hint above that, which the server is to see."""
    return min((c.start for c in _above(block) if c.text.startswith(("/*+", "/*!"))), default=first)


def _parameters(found: PlaceholderScan, header: Header, complaints: QueryErrors) -> tuple[Parameter, ...]:
    kinds: dict[str, PlaceholderKind] = {}
    for place in found.placeholders:
        kind = kinds.setdefault(place.name, place.kind)
        if kind is not place.kind:
            complaints.add(
                place.start,
                f"parameter {quoted(place.name)} is used as {kind} and as {place.kind}: rename one of them",
            )
    declared = _declarations(header, complaints)
    _check_declared(kinds, declared, header, complaints)
    first = {p.name: p.start for p in reversed(found.placeholders)}
    for name, kind in kinds.items():
        known = declared.get(name)
        ident = known is not None and (known.type or "").lower() == "ident"
        if kind is PlaceholderKind.IDENTIFIER and not ident:
            complaints.add(first[name], f'":{{{name}}}" is not declared as an identifier: add "-- @param {name} ident"')
        elif ident and kind is not PlaceholderKind.IDENTIFIER:
            complaints.add(first[name], f'":{name}" is declared as an identifier: write ":{{{name}}}"')
        elif header.listed and not known and name != RANGE:
            complaints.add(
                first[name],
                f'":{name}" is not among the parameters declared for {quoted(header.name or "")}: add it to the list',
            )
    return tuple(_parameter(name, kind, declared.get(name)) for name, kind in kinds.items())


def _declarations(header: Header, complaints: QueryErrors) -> dict[str, DeclaredParameter]:
    """The name line's list and the `@param` lines in one; they may complete, not contradict each other."""
    declared = {d.name: d for d in header.listed}
    for param in header.params:
        listed = declared.setdefault(param.name, param)
        if listed is param:
            continue
        if listed.type and param.type and listed.type.lower() != param.type.lower():
            complaints.add(
                param.offset,
                f"@param {param.name} is {quoted(param.type)} here and {quoted(listed.type)} in the name line",
            )
        listed.type = listed.type or param.type
        listed.secret = param.secret
    return declared


def _check_declared(
    kinds: Mapping[str, PlaceholderKind],
    declared: Mapping[str, DeclaredParameter],
    header: Header,
    complaints: QueryErrors,
) -> None:
    for name, known in declared.items():
        if name in kinds:
            continue
        complaints.add(
            known.offset,
            f"parameter {quoted(name)} is declared but never used in {quoted(header.name or '')}"
            + suggestion(name, kinds, '":{}"'),
        )


def _parameter(name: str, kind: PlaceholderKind, declared: DeclaredParameter | None) -> Parameter:
    if declared is None:
        return Parameter(name, kind)
    return Parameter(name, kind, declared.type, declared.default, declared.has_default, declared.secret)
