"""Find the columns and parameters by which a write names the rows that it changes.

Only the tokens of one UPDATE, DELETE, INSERT or REPLACE are read. An equality at the top level of WHERE bounds the rows:
two sets whose values differ there change no row in common, whatever else the statement says. Everything that is not
certainly such a statement gives None.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from bulkq.dialects import dialect_for
from bulkq.model import PlaceholderKind
from bulkq.model.frozen_dataclass import frozen
from bulkq.query.tokens import TokenKind, tokenize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.model import Query
    from bulkq.query.tokens import Token

BEFORE_TABLE = frozenset({"ONLY", "LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "IGNORE"})
"""Words between a verb and the table that do not change which rows are meant."""

BEFORE_INTO = BEFORE_TABLE | {"OR", "REPLACE", "ABORT", "FAIL", "ROLLBACK"}
AFTER_WHERE = frozenset({"RETURNING", "ORDER", "LIMIT"})
ENDS_VALUE = AFTER_WHERE | {",", "WHERE", "FROM"}
NOT_CONJUNCT = frozenset({"OR", "XOR", "CASE", "|", ":="})
"""At the top level of WHERE: the equalities beside one of these need not hold."""


@frozen
class KeyColumns:
    """The parameters that name the rows of a set.

    Attributes:
        table: its name in parts, quotes removed, folded as the database folds it.
        values: columns and the parameters that they equal, or are given by an INSERT; None: another expression. The
            column is "" where an INSERT lists none: then the table's own order counts.
        cast: parameters that the text casts.
        assigned: columns that the statement gives another value than that.
        inserts: it is an INSERT or REPLACE.
        conflict: columns of its ON CONFLICT.
        bounds: the parameters of `col > :lo AND col <= :hi`, if that is how the rows are named.
    """

    table: tuple[str, ...]
    values: tuple[tuple[str, int | None], ...]
    cast: frozenset[int] = frozenset()
    assigned: frozenset[str] = frozenset()
    inserts: bool = False
    conflict: tuple[str, ...] = ()
    bounds: tuple[int, int] | None = None


class _Item(NamedTuple):
    """A token, or a whole placeholder. A word has a name as well: not every word is a keyword everywhere."""

    word: str
    name: str = ""
    parameter: int | None = None


class _KeyValue(NamedTuple):
    """The parameter that a key column is set to: its index, and whether it is cast."""

    parameter: int
    cast: bool


class _TableName(NamedTuple):
    """A table of a statement: the parts of its name, its alias, and the index of the item after it."""

    parts: tuple[str, ...]
    alias: str
    end: int


def find_key_columns(query: Query, dialect: str) -> KeyColumns | None:
    """What names the rows of a set of `query`; None where the text does not say it for certain."""
    if any(p.kind is PlaceholderKind.IDENTIFIER for p in query.placeholders):
        return None
    items = _items(query, dialect)
    verb = items[0].word if items else ""
    if verb in {"INSERT", "REPLACE"}:
        return _inserted(items, dialect)
    if verb in {"UPDATE", "DELETE"}:
        return _changed(items, dialect)
    return None


# --- UPDATE and DELETE ---------------------------------------------------------------------------------------------


def _changed(items: Sequence[_Item], dialect: str) -> KeyColumns | None:
    update = items[0].word == "UPDATE"
    start = _skip(items, 1, BEFORE_TABLE)
    if not update:
        if _word(items, start) != "FROM":
            return None
        start = _skip(items, start + 1, BEFORE_TABLE)
    table = _table(items, start, stops={"SET", "WHERE", "USING"} | AFTER_WHERE)
    if table is None or (update and _word(items, table.end) != "SET"):
        return None
    where = _first(items, table.end, {"WHERE"})
    between = items[table.end : where]
    if not update and between and between[0].word != "USING":
        return None
    condition = items[where + 1 : _first(items, where + 1, AFTER_WHERE)]
    joined = _first(between, 0, {"FROM", "USING"}) < len(between)
    found, bounds = _conditions(condition, table, dialect, joined=joined)
    if found is None:
        return None
    assigned = _assigned(between, {column: value.parameter for column, value in found.items()})
    return _named(table, found, bounds, assigned)


def _named(
    table: _TableName, found: Mapping[str, _KeyValue], bounds: tuple[str, int, int] | None, assigned: frozenset[str]
) -> KeyColumns | None:
    kept = {column: value for column, value in found.items() if column not in assigned}
    inside = bounds[1:] if bounds is not None and bounds[0] not in assigned else None
    if not kept and inside is None:
        return None
    values = tuple((column, value.parameter) for column, value in kept.items())
    cast = frozenset(value.parameter for value in kept.values() if value.cast)
    return KeyColumns(table.parts, values, cast, assigned, bounds=inside)


def _conditions(
    items: Sequence[_Item], table: _TableName, dialect: str, *, joined: bool
) -> tuple[dict[str, _KeyValue] | None, tuple[str, int, int] | None]:
    """The equalities that hold for every row of a set; None where the condition is not a plain conjunction.

    Also the column with the parameters of its lower, exclusive, and its upper, inclusive bound.
    """
    equal: dict[str, _KeyValue] = {}
    above: dict[str, int] = {}
    most: dict[str, int] = {}
    pieces = _conjuncts(items)
    if pieces is None:
        return None, None
    for piece in pieces:
        for left, right in _pairs(piece):
            _compare(left, right, table, dialect, equal, joined=joined)
        for sign, into in ((">",), above), (("<", "="), most):
            bound = _bounded(piece, sign, table, dialect, joined=joined)
            if bound is not None:
                into[bound[0]] = bound[1]
    both = next(((column, low, most[column]) for column, low in above.items() if column in most), None)
    return equal, both


def _compare(
    left: Sequence[_Item],
    right: Sequence[_Item],
    table: _TableName,
    dialect: str,
    into: dict[str, _KeyValue],
    *,
    joined: bool,
) -> None:
    for one, other in ((left, right), (right, left)):
        column, value = _column(one, table, joined=joined), _value(other, dialect)
        if column is not None and value is not None:
            into.setdefault(column, value)


def _bounded(
    piece: Sequence[_Item], sign: tuple[str, ...], table: _TableName, dialect: str, *, joined: bool
) -> tuple[str, int] | None:
    at = next((i for i, item in enumerate(piece) if item.word in {"<", ">"}), 0)
    end = at + len(sign)
    if not at or tuple(item.word for item in piece[at:end]) != sign:
        return None
    column, value = _column(piece[:at], table, joined=joined), _value(piece[end:], dialect)
    return None if column is None or value is None else (column, value.parameter)


def _conjuncts(items: Sequence[_Item]) -> list[Sequence[_Item]] | None:
    """What AND joins at the top level, parentheses around it removed; None where something else joins it."""
    while items and items[0].word == "(" and _close(items, 0) == len(items) - 1 and not _tuple(items):
        items = items[1:-1]
    depths = _depths(items)
    outer = [i for i, depth in enumerate(depths) if not depth]
    if any(items[i].word in NOT_CONJUNCT for i in outer):
        return None
    cuts = [-1, *(i for i in outer if items[i].word == "AND"), len(items)]
    pieces = [items[a + 1 : b] for a, b in pairwise(cuts)]
    found: list[Sequence[_Item]] = []
    skip = False  # the AND before this piece belongs to a BETWEEN
    for piece in pieces:
        if not skip:
            inner = _conjuncts(piece) if _wrapped(piece) else [piece]
            found += inner or []
        skip = any(item.word == "BETWEEN" for item, depth in zip(piece, _depths(piece), strict=True) if not depth)
    return found


def _wrapped(piece: Sequence[_Item]) -> bool:
    return bool(piece) and piece[0].word == "(" and _close(piece, 0) == len(piece) - 1


def _tuple(items: Sequence[_Item]) -> bool:
    return any(item.word == "," for item, depth in zip(items, _depths(items), strict=True) if depth == 1)


def _pairs(piece: Sequence[_Item]) -> list[tuple[Sequence[_Item], Sequence[_Item]]]:
    """Both sides of `a = b`, or of each pair of `(a, b) = (c, d)`."""
    signs = [i for i, depth in enumerate(_depths(piece)) if not depth and piece[i].word in {"=", "<", ">", "!", "~"}]
    if len(signs) != 1 or piece[signs[0]].word != "=":
        return []
    left, right = piece[: signs[0]], piece[signs[0] + 1 :]
    if not (_wrapped(left) and _wrapped(right)):
        return [(left, right)]
    lefts, rights = _listed(left[1:-1]), _listed(right[1:-1])
    return list(zip(lefts, rights, strict=True)) if len(lefts) == len(rights) else []


def _column(items: Sequence[_Item], table: _TableName, *, joined: bool) -> str | None:
    """The column of `table` that `items` are; beside other tables only a qualified one is certain."""
    parts = _parts(items)
    if parts is None:
        return None
    *qualifier, column = parts
    own = (table.alias,) if table.alias else table.parts
    if not qualifier:
        return None if joined else column
    return column if tuple(qualifier) in {own, own[-1:]} else None


# --- INSERT and REPLACE --------------------------------------------------------------------------------------------


def _inserted(items: Sequence[_Item], dialect: str) -> KeyColumns | None:
    start = _skip(items, 1, BEFORE_INTO)
    table = _table(items, start + 1, stops=frozenset(), needs_as=True) if _word(items, start) == "INTO" else None
    if table is None:
        return None
    at, columns = table.end, list[str]()
    if _word(items, at) == "(":
        listed = [_parts(one) for one in _listed(items[at + 1 : _close(items, at)])]
        if not all(part is not None and len(part) == 1 for part in listed):
            return None
        columns = [part[0] for part in listed if part is not None]
        at = _close(items, at) + 1
    if _word(items, at) == "OVERRIDING":
        at += 3
    if _word(items, at) not in {"VALUES", "VALUE"} or _word(items, at + 1) != "(":
        return None
    end = _close(items, at + 1)
    values = [_value(one, dialect) for one in _listed(items[at + 2 : end])]
    rest = items[end + 1 :]
    if _word(rest, 0) == "," or (columns and len(columns) != len(values)):
        return None
    return KeyColumns(
        table.parts,
        tuple((column, value and value.parameter) for column, value in zip(columns or [""] * len(values), values)),  # noqa: B905 - the lengths are equal
        frozenset(value.parameter for value in values if value is not None and value.cast),
        _assigned(rest, {}),
        inserts=True,
        conflict=_conflict(rest),
    )


def _conflict(rest: Sequence[_Item]) -> tuple[str, ...]:
    """The columns of `ON CONFLICT (a, b)`; () where it names none, or an expression."""
    if [item.word for item in rest[:3]] != ["ON", "CONFLICT", "("]:
        return ()
    listed = [_parts(one) for one in _listed(rest[3 : _close(rest, 2)])]
    return tuple(part[0] for part in listed if part is not None and len(part) == 1) if all(listed) else ()


# --- what all have in common ---------------------------------------------------------------------------------------


def _assigned(items: Sequence[_Item], same: Mapping[str, int]) -> frozenset[str]:
    """Columns that may get another value: every name before `=`, or in a list before it, unless the value is the same.

    Too many are found rather than too few: a comparison inside an expression looks like an assignment.
    """
    found: set[str] = set()
    for i, item in enumerate(items):
        following = _word(items, i + 1)
        if item.word == "(" and _word(items, _close(items, i) + 1) == "=":
            found.update(one.name for one in items[i : _close(items, i)] if one.name)
        if item.name and following in {"=", "[", "."} and not _unchanged(items, i, same):
            found.add(item.name)
    return frozenset(found)


def _unchanged(items: Sequence[_Item], i: int, same: Mapping[str, int]) -> bool:
    """`id = :id`, where the rows are those of `:id`; `id = excluded.id`; `id = VALUES(id)`, `id = LAST_INSERT_ID(id)`."""
    name, end = items[i].name, _first(items, i, ENDS_VALUE)
    value = items[i + 2 : end]
    if _word(items, i + 1) != "=" or not value:
        return False
    if len(value) == 1:
        return value[0].parameter is not None and value[0].parameter == same.get(name)
    words = [item.word for item in value]
    if len(value) == 4 and words[0] in {"VALUES", "LAST_INSERT_ID"} and (words[1], words[3]) == ("(", ")"):
        return value[2].name == name
    return len(value) == 3 and words[1] == "." and value[2].name == name


def _value(items: Sequence[_Item], dialect: str) -> _KeyValue | None:
    """`:p`; where a cast keeps the value also `:p::type` and `CAST(:p AS type)` with a type that has no length."""
    if len(items) == 1 and items[0].parameter is not None:
        return _KeyValue(items[0].parameter, cast=False)
    if not dialect_for(dialect).casts_exactly:
        return None
    if _word(items, 1) == "::" and items[0].parameter is not None:
        return _KeyValue(items[0].parameter, cast=True) if _parts(items[2:], spaced=True) else None
    if [item.word for item in items[:2]] != ["CAST", "("] or len(items) < 6 or _word(items, 3) != "AS":
        return None
    parameter = items[2].parameter
    whole = items[-1].word == ")" and _parts(items[4:-1], spaced=True) is not None
    return _KeyValue(parameter, cast=True) if parameter is not None and whole else None


def _parts(items: Sequence[_Item], *, spaced: bool = False) -> tuple[str, ...] | None:
    """The names of `a.b.c`; with `spaced` also those of `double precision`."""
    names = [item.name for item in items if item.word != "."]
    dots = [i for i, item in enumerate(items) if item.word == "."]
    expected = list(range(1, len(items), 2))
    if not names or not all(names) or (dots != expected and not (spaced and not dots)):
        return None
    return tuple(names)


def _table(
    items: Sequence[_Item], at: int, *, stops: frozenset[str] | set[str], needs_as: bool = False
) -> _TableName | None:
    """The table that is named at `at`, with its alias and where that ends."""
    end = at
    while end < len(items) and items[end].name and _word(items, end + 1) == ".":
        end += 2
    parts = _parts(items[at : end + 1])
    if parts is None:
        return None
    end += 1
    if _word(items, end) == "*":
        end += 1
    named = _word(items, end) == "AS"
    end += named
    if named or (not needs_as and end < len(items) and items[end].name and items[end].word not in stops):
        if end >= len(items) or not items[end].name:
            return None
        return _TableName(parts, items[end].name, end + 1)
    return _TableName(parts, "", end)


def _items(query: Query, dialect: str) -> list[_Item]:
    """The tokens of the statement, each placeholder as one item."""
    places = {parameter.name: index for index, parameter in enumerate(query.parameters)}
    found: list[_Item] = []
    marks = list(query.placeholders)
    read_to = 0
    for token in tokenize(query.sql, dialect).tokens:
        if marks and token.end > marks[0].start:
            mark = marks.pop(0)
            read_to = mark.end
            plain = mark.kind is PlaceholderKind.VALUE
            found.append(_Item("", "", places[mark.name] if plain else None))
        if token.start >= read_to:
            found.append(_item(query.sql, token, dialect))
    return found


def _item(sql: str, token: Token, dialect: str) -> _Item:
    text = sql[token.start : token.end]
    if token.kind is TokenKind.QUOTED:
        name = text[1:-1].replace(text[-1] * 2, text[-1])
        return _Item("", name.lower() if dialect_for(dialect).folds_quoted_names else name)
    return _Item(token.word, text.lower()) if token.kind is TokenKind.WORD else _Item(token.word)


def _skip(items: Sequence[_Item], at: int, words: frozenset[str]) -> int:
    while _word(items, at) in words:
        at += 1
    return at


def _word(items: Sequence[_Item], at: int) -> str:
    return items[at].word if at < len(items) else ""


def _first(items: Sequence[_Item], at: int, words: frozenset[str] | set[str]) -> int:
    """Index of the first of `words` from `at` on outside parentheses; the end where there is none."""
    depths = _depths(items[at:])
    return next((at + i for i, depth in enumerate(depths) if not depth and items[at + i].word in words), len(items))


def _depths(items: Sequence[_Item]) -> list[int]:
    """How many parentheses are open around each item; a parenthesis counts as outside of itself."""
    depths, depth = [], 0
    for item in items:
        depth -= item.word == ")"
        depths.append(depth)
        depth += item.word == "("
    return depths


def _close(items: Sequence[_Item], at: int) -> int:
    """Index of the parenthesis that closes the one at `at`; the end where none does."""
    depths = _depths(items[at:])
    return next((at + i for i, item in enumerate(items[at:]) if i and item.word == ")" and not depths[i]), len(items))


def _listed(items: Sequence[_Item]) -> list[Sequence[_Item]]:
    """What commas separate at the top level."""
    cuts = [-1, *(i for i, depth in enumerate(_depths(items)) if not depth and items[i].word == ","), len(items)]
    return [items[a + 1 : b] for a, b in pairwise(cuts)]
