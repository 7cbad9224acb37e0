"""The place of a key range in a statement: `:range`, `:range(u)`, or `:lo` and `:hi`.

The range is the only text that bulkq writes into a statement, and it is made of names from the catalog and of placeholders.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.errors import QueryFileError
from bulkq.model import Parameter, PlaceholderKind
from bulkq.model.frozen_dataclass import frozen
from bulkq.query.check_range_bounds import ENDS, HARMLESS, bound_complaint, range_complaint
from bulkq.query.classify import classify, count_nesting
from bulkq.query.error_collector import QueryErrors
from bulkq.query.one_row import gives_one_row
from bulkq.query.placeholders import RANGE, find_placeholders
from bulkq.query.render_query import locate
from bulkq.query.tokens import TokenKind, tokenize
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import listed, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bulkq.model import Placeholder, Query
    from bulkq.query.tokens import Token, TokenizedText

BOUNDS = ("lo", "hi")
OWN = "bulkq_"
"""How the names of bulkq's own placeholders begin."""

_WRITTEN = compile_late(r":range\b")
_MANY_SPACES = compile_late(r"\s+")


class RangeError(QueryFileError):
    """A statement whose range is missing or wrong; `offset` in `Query.sql` and `reason` without file and line."""

    def __init__(self, query: Query, offset: int, reason: str) -> None:
        """Put the place of `offset` in front of `reason`."""
        super().__init__(f"{locate(query, offset)}: {reason}")
        self.offset = offset
        self.reason = reason


@frozen
class RangePlace:
    """A place in `Query.sql` that takes a range or one of its bounds: `sql[start:end]` is replaced.

    Attributes:
        name: "range", "lo" or "hi".
        alias: as written in `:range(u)`, SQL text: `u`, `"U"`; "" without one.
        start: offset of the colon.
        end: behind the name, or behind the parenthesis of the alias.
    """

    name: str
    alias: str
    start: int
    end: int


@frozen
class RangeStatement:
    """A statement with the condition of a range in it.

    Attributes:
        query: what is executed; its name, file and line are those of the user's.
        starts: offsets in `query.sql` at which a piece begins that stands for a place; ascending.
        ends: where they end.
        places: the places in the user's text.
    """

    query: Query
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    places: tuple[RangePlace, ...]

    def source(self, offset: int) -> int:
        """The offset in the user's `Query.sql` of `offset` in `query.sql`; inside a condition, that of its placeholder."""
        shift = 0
        for start, end, place in zip(self.starts, self.ends, self.places, strict=True):
            if offset < start:
                break
            if offset < end:
                return place.start
            shift = place.end - end
        return offset + shift


def has_range(query: Query) -> bool:
    """Whether `query` has a parameter `:range`, and so is a statement for ranges of a key."""
    return any(p.name == RANGE and p.kind is PlaceholderKind.VALUE for p in query.parameters)


def by_bounds(places: Sequence[RangePlace]) -> bool:
    """Whether `places` are `:lo` and `:hi`, which need a key of a single integer column."""
    return all(place.name in BOUNDS for place in places)


def free_parameters(query: Query) -> tuple[str, ...]:
    """Names of the parameters of `query` that a range does not give: `--param` must."""
    taken = {RANGE} if has_range(query) else set(BOUNDS)
    return tuple(p.name for p in query.parameters if p.name not in taken)


def find_range(query: Query, dialect: str) -> tuple[RangePlace, ...]:
    """The places of the range in `query`, in the order of the text; at least one.

    Args:
        query: as `load` or `inline` gives it.
        dialect: sqlglot's or SQLAlchemy's name of it, as for `load`.

    Raises:
        RangeError: there is none, or it does not bound what the statement changes; the message shows where it goes.
    """
    own = [p.name for p in query.parameters if p.name.startswith(OWN)]
    if own:
        raise RangeError(
            query, 0, f"{listed([f':{name}' for name in own])}: names that begin with {OWN} are bulkq's own: rename it"
        )
    lexed = tokenize(query.sql, dialect)
    ranged = [p for p in query.placeholders if p.name == RANGE]
    wrong = next((p for p in ranged if p.kind is not PlaceholderKind.VALUE), None)
    if wrong is not None:
        raise RangeError(
            query, wrong.start, f"{quoted(query.sql[wrong.start : wrong.end])} is not a condition: write :range"
        )
    places = tuple(_place(query, p, lexed) for p in ranged) or _bounds(query, lexed)
    _check_places(query, places, lexed, dialect)
    return places


def bounding_places(query: Query, dialect: str) -> tuple[RangePlace, ...]:
    """Those of `find_range` that are conditions, and not only values beside them.

    Raises:
        RangeError: see `find_range`.
    """
    tokens = tokenize(query.sql, dialect).tokens
    complaints = _complaints(find_range(query, dialect), tokens, dialect)
    return tuple(place for place, why in complaints if why is None)


def expand(
    query: Query, dialect: str, condition: Callable[[str], str], value: Callable[[str], str] = ":{}".format
) -> RangeStatement:
    """The statement of `query` with the condition of a range in its places.

    Args:
        query: as for `find_range`.
        dialect: as for `find_range`.
        condition: called with the alias as written, "" without one; gives a condition in parentheses, on one line.
        value: called with "bulkq_lo" or "bulkq_hi", gives an expression for the value of that placeholder.

    Raises:
        RangeError: see `find_range`.
    """
    places = find_range(query, dialect)
    texts = [condition(p.alias) if p.name == RANGE else value(OWN + p.name) for p in places]
    sql = ""
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for place, text in zip(places, texts, strict=True):
        sql += query.sql[at : place.start]
        starts.append(len(sql))
        sql += text
        ends.append(len(sql))
        at = place.end
    return RangeStatement(_query(query, sql + query.sql[at:], dialect), tuple(starts), tuple(ends), places)


def _query(query: Query, sql: str, dialect: str) -> Query:
    """`query` with another text, whose placeholders are found again."""
    tokens = tokenize(sql, dialect).tokens
    complaints = QueryErrors(sql, query.place)
    scan = find_placeholders(sql, tokens, dialect, complaints)
    complaints.raise_all()
    known = {p.name: p for p in query.parameters}
    names = dict.fromkeys(p.name for p in scan.placeholders)
    return replace(
        query,
        sql=sql,
        parameters=tuple(known.get(name) or Parameter(name) for name in names),
        placeholders=tuple(scan.placeholders),
        escapes=tuple(scan.escapes),
        where=classify(tokens, dialect).where,
        unbounded=False,
        one_row=gives_one_row(tokens),
    )


def _place(query: Query, placeholder: Placeholder, lexed: TokenizedText) -> RangePlace:
    """The place of a `:range`, with the parenthesis behind it."""
    behind = [t for t in lexed.tokens if t.start >= placeholder.end]
    if not behind or behind[0].word != "(":
        return RangePlace(RANGE, "", placeholder.start, placeholder.end)
    close = next((i for i, t in enumerate(behind) if t.word == ")"), len(behind))
    name = behind[1:close]
    if not (
        close < len(behind)
        and len(name) % 2
        and all(_is_name(t) if not i % 2 else t.word == "." for i, t in enumerate(name))
    ):
        written = query.sql[placeholder.start : behind[min(close, len(behind) - 1)].end]
        raise RangeError(
            query,
            placeholder.start,
            f"{quoted(written)} does not name a table: write :range(u) with an alias of the statement",
        )
    alias = query.sql[name[0].start : name[-1].end]
    return RangePlace(RANGE, alias, placeholder.start, behind[close].end)


def _is_name(token: Token) -> bool:
    return token.kind is TokenKind.QUOTED or (token.kind is TokenKind.WORD and not token.word[0].isdecimal())


def _bounds(query: Query, lexed: TokenizedText) -> tuple[RangePlace, ...]:
    """The places of `:lo` and `:hi`, for a statement without `:range`."""
    found = [p for p in query.placeholders if p.name in BOUNDS and p.kind is PlaceholderKind.VALUE]
    missing = [f'":{name}"' for name in BOUNDS if name not in {p.name for p in found}]
    if not missing:
        return tuple(RangePlace(p.name, "", p.start, p.end) for p in found)
    if found:
        raise RangeError(
            query,
            found[0].start,
            f"a range has two ends, and {missing[0]} is not used: write id > :lo AND id <= :hi, or :range",
        )
    at, why = _hidden(query, lexed)
    raise RangeError(query, at, f"{why}: write {quoted(_example(query, lexed))}")


def _hidden(query: Query, lexed: TokenizedText) -> tuple[int, str]:
    """Where `:range` stands without being a placeholder, and why it is none."""
    for token in lexed.tokens:
        if token.kind in {TokenKind.STRING, TokenKind.QUOTED}:
            found = _WRITTEN.search(query.sql, token.start, token.end)
            if found:
                return found.start(), '":range" is in quotes, so it is not a placeholder'
    for comment in lexed.comments:
        found = _WRITTEN.search(query.sql, comment.start, comment.end)
        if found:
            return found.start(), '":range" is in a comment, so it is not a placeholder'
    found = _WRITTEN.search(query.sql)
    if found and query.sql[found.start() - 1 : found.start()] == ":":
        return found.start(), '"::range" is a cast, not a placeholder'
    return 0, "the statement does not say where the range of the key goes (comments do not count)"


def _example(query: Query, lexed: TokenizedText) -> str:
    """The end of the statement with `:range` where it belongs."""
    tokens = lexed.tokens
    depths = count_nesting(tokens)
    start = next((i for i, t in enumerate(tokens) if t.start == query.where and not query.unbounded), None)
    first = 0 if start is None else start + 1
    level = 0 if start is None else depths[start]
    words = ENDS - {"SET", "JOIN", "LEFT", "RIGHT", "INNER", "CROSS", "ON", "WHEN", "WHERE"}
    end = next(
        (i for i in range(first, len(tokens)) if depths[i] < level or (depths[i] == level and tokens[i].word in words)),
        len(tokens),
    )
    rest = f" {_plain(lexed, end, len(tokens))}" if end < len(tokens) else ""
    if start is None:
        line = _plain(lexed, 0, end) if end == len(tokens) else ""
        last = line if len(line) < 40 else f"... {line[-36:].lstrip()}"
        return f"{last or '...'} WHERE :range{rest}"
    condition = _plain(lexed, first, end)
    return f"... WHERE :range AND ({condition if 0 < len(condition) <= 30 else '...'}){rest}"


def _plain(lexed: TokenizedText, first: int, end: int) -> str:
    """The tokens from `first` to `end` on one line; "..." for the whole if a comment stands among them."""
    if first >= end:
        return ""
    start, stop = lexed.tokens[first].start, lexed.tokens[end - 1].end
    if any(start < c.start < stop for c in lexed.comments):
        return "..."
    return _MANY_SPACES.sub(" ", lexed.text[start:stop])


def _check_places(query: Query, places: Sequence[RangePlace], lexed: TokenizedText, dialect: str) -> None:
    """Refuse places that do not bound the statement.

    Raises:
        RangeError: one is beside OR or negated, or none bounds the rows that change.
    """
    if query.unbounded:
        what = f"{query.verb} without WHERE would change every row for each range"
        raise RangeError(query, places[0].start, f"{what}: write {quoted(_example(query, lexed))}")
    met = dict(_complaints(places, lexed.tokens, dialect))
    written = "id > :lo AND id <= :hi" if by_bounds(places) else ":range"
    for name in (RANGE, *BOUNDS):
        mine = [(place, why) for place, why in met.items() if place.name == name]
        bounds = any(why is None for _, why in mine)
        for place, why in mine:
            if why is not None and not (bounds and why in HARMLESS):
                raise RangeError(query, place.start, why.format(name=f":{name}", range=written))


def _complaints(
    places: Sequence[RangePlace], tokens: Sequence[Token], dialect: str
) -> Iterator[tuple[RangePlace, str | None]]:
    for place in places:
        inside = [i for i, t in enumerate(tokens) if place.start <= t.start < place.end]
        if place.name == RANGE:
            yield place, range_complaint(tokens, inside[0], inside[-1], dialect)
        else:
            yield place, bound_complaint(tokens, inside[0], inside[-1], dialect, lower=place.name == "lo")
