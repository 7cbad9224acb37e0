"""Find tables of MariaDB and MySQL whose engine cannot roll back: MyISAM, Aria, MEMORY, CSV and others.

A statement reaches them by name, through views, through triggers, and through stored functions; so do views, triggers and
functions themselves. The closure is found in information_schema.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from bulkq.dialects import MYSQL
from bulkq.model.frozen_dataclass import mutable
from bulkq.query.tokens import TokenKind, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bulkq.drivers.dbapi.adapter_return_types import Ask
    from bulkq.query.tokens import Token

CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "TRUNCATE"})
BEHIND_TABLES = frozenset({"VALUES", "VALUE", "SELECT", "SET", "WHERE", "(", ";"})
"""What ends the names of the tables that a statement changes."""

EVENTS = {
    "INSERT": {"INSERT"},
    "UPDATE": {"UPDATE"},
    "DELETE": {"DELETE"},
    "REPLACE": {"INSERT", "DELETE"},
    "LOAD": {"INSERT"},
}
"""Which triggers a verb fires."""

DEEPEST = 32
"""Views and triggers that lead to each other; the server's own bound on nesting is lower."""


class CatalogObject(NamedTuple):
    """A table, view or routine, and what it was reached through: `the view "v"`."""

    schema: str
    name: str
    through: str


@mutable
class ReachableObjects:
    """What a text leads to: objects that it may change, routines that it may call, events that it may cause."""

    changed: list[CatalogObject] = field(default_factory=list)
    called: list[CatalogObject] = field(default_factory=list)
    events: set[str] = field(default_factory=set)


def lasting(ask: Ask, text: str, *, changes: bool) -> str:
    """Why what `text` does cannot be rolled back, as far as this role can see; "" where it can.

    Args:
        ask: executes a statement and gives its rows.
        text: a statement.
        changes: whether it changes the tables that it names first; else only the functions that it calls may.
    """
    ((schema,),) = ask("SELECT DATABASE()")
    todo = reached(text, str(schema or ""), "")
    if not changes:
        todo.changed = []
    seen: set[tuple[str, str]] = set()
    for _ in range(DEEPEST):
        changed = _fresh(todo.changed, seen, "table")
        called = _fresh(todo.called, seen, "routine")
        if not changed and not called:
            return ""
        found = _kept(ask, changed)
        if found:
            return found
        todo, hidden = _behind(ask, changed, called, todo.events)
        if hidden:
            return hidden
    return "views and triggers that it changes are nested too deeply to be followed"


def reached(text: str, schema: str, through: str) -> ReachableObjects:
    """What a statement, or the body of a trigger or routine of `schema`, names."""
    tokens = tokenize(text, MYSQL.name).tokens
    found = ReachableObjects()
    first = next((t.word for t in tokens if t.word != "("), "")
    starts = [0] if first in CHANGES or first == "WITH" else []
    starts += [i for i, token in enumerate(tokens) if i and token.word in CHANGES]
    for start in starts:
        found.changed += _names(
            _until_values(tokens, start, whole=first == "WITH" and not start), text, schema, through
        )
    for i, token in enumerate(tokens):
        found.events |= EVENTS.get(token.word, set())
        behind = tokens[i + 1].word if i + 1 < len(tokens) else ""
        before = tokens[i - 1].word if i else ""
        if token.kind in {TokenKind.WORD, TokenKind.QUOTED} and (behind == "(" or before == "CALL"):
            owner = _text(tokens[i - 2], text) if before == "." and i > 1 else schema
            found.called.append(CatalogObject(owner, _text(token, text), through))
    return found


def _until_values(tokens: Sequence[Token], start: int, *, whole: bool) -> Iterator[Token]:
    for token in tokens[start:]:
        if not whole and token.word in BEHIND_TABLES:
            return
        yield token


def _names(tokens: Iterable[Token], text: str, schema: str, through: str) -> list[CatalogObject]:
    """Names that may be tables, with their schemas; three parts are a column."""
    parts: list[str] = []
    dotted = False
    found: list[CatalogObject] = []
    for token in (*tokens, None):
        if token is not None and token.word == ".":
            dotted = True
            continue
        if parts and not dotted:
            if len(parts) < 3:
                found.append(CatalogObject(parts[0] if len(parts) == 2 else schema, parts[-1], through))
            parts = []
        dotted = False
        if token is not None and token.kind in {TokenKind.WORD, TokenKind.QUOTED}:
            parts.append(_text(token, text))
        else:
            parts = []
    return found


def _text(token: Token, text: str) -> str:
    return text[token.start : token.end].strip("`").replace("``", "`")


def _fresh(names: Iterable[CatalogObject], seen: set[tuple[str, str]], kind: str) -> list[CatalogObject]:
    """Those that were not looked at before."""
    found: dict[tuple[str, str], CatalogObject] = {}
    for name in names:
        key = (kind, f"{name.schema}.{name.name}")
        if key not in seen:
            seen.add(key)
            found[key] = name
    return list(found.values())


def _kept(ask: Ask, names: Sequence[CatalogObject]) -> str:
    """The first table of an engine without transactions."""
    rows = _each(
        ask,
        "SELECT {n}, t.ENGINE FROM information_schema.TABLES t JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE "
        "WHERE t.TABLE_SCHEMA = {schema} AND t.TABLE_NAME = {name} AND e.TRANSACTIONS <> 'YES'",
        names,
    )
    if not rows:
        return ""
    name, engine = names[int(str(rows[0][0]))], rows[0][1]
    through = f", reached through {name.through}," if name.through else ""
    return f'the table "{name.name}"{through} uses the engine {engine}, which has no transactions'


def _behind(
    ask: Ask, changed: Sequence[CatalogObject], called: Sequence[CatalogObject], events: set[str]
) -> tuple[ReachableObjects, str]:
    """What views, triggers and routines lead to, and why that cannot be known."""
    found = ReachableObjects()
    views = _each(
        ask,
        "SELECT {n}, 'view', TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION FROM information_schema.VIEWS "
        "WHERE TABLE_SCHEMA = {schema} AND TABLE_NAME = {name}",
        changed,
    )
    triggers = _each(
        ask,
        "SELECT {n}, EVENT_MANIPULATION, TRIGGER_SCHEMA, TRIGGER_NAME, ACTION_STATEMENT FROM information_schema.TRIGGERS "
        "WHERE EVENT_OBJECT_SCHEMA = {schema} AND EVENT_OBJECT_TABLE = {name}",
        changed,
    )
    routines = _each(
        ask,
        "SELECT {n}, lower(ROUTINE_TYPE), ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES "
        "WHERE ROUTINE_SCHEMA = {schema} AND ROUTINE_NAME = {name}",
        called,
    )
    fired = [row for row in triggers if str(row[1]) in events]
    for _, kind, schema, name, body in (*views, *fired, *routines):
        what = f'the {"trigger" if str(kind).isupper() else kind} "{name}"'
        if not body:
            return found, f"{what} does not show its definition to this role"
        _add(found, str(body), str(schema), what, events, view=kind == "view")
    return found, ""


def _add(found: ReachableObjects, body: str, schema: str, what: str, events: set[str], *, view: bool) -> None:
    """What the body of a view, trigger or routine leads to. A view changes its tables by the events of the statement."""
    inner = reached(body, schema, what)
    found.called += inner.called
    found.events |= events if view else inner.events
    found.changed += _names(tokenize(body, MYSQL.name).tokens, body, schema, what) if view else inner.changed


def _each(ask: Ask, text: str, names: Sequence[CatalogObject]) -> list[tuple[object, ...]]:
    """The rows of `text` for all names: a look-up for each is cheap, a condition over several reads every table's definition."""
    looks = [
        text.format(n=n, schema=MYSQL.literal(name.schema), name=MYSQL.literal(name.name))
        for n, name in enumerate(names)
        if name.schema
    ]
    return ask(" UNION ALL ".join(looks)) if looks else []
