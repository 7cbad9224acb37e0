"""Columns of a table that triggers change when its rows are changed, read from the texts of the triggers.

For SQLite, whose triggers consist of SQL alone: what their texts do not assign, they do not change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.query.changed_key_columns import assigned_in
from bulkq.query.identifier_placeholders import name_parts, token_name
from bulkq.query.tokens import TokenKind, tokenize

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

NAMES = frozenset({TokenKind.WORD, TokenKind.QUOTED})

EVENTS = frozenset({"INSERT", "UPDATE", "DELETE"})


def columns_of_triggers(
    triggers: Sequence[tuple[str, str, str]], table: str, changed: Collection[str], dialect: str
) -> dict[str, str]:
    """The columns of `table` that triggers assign after an UPDATE of it, also through other tables -> the trigger that does.

    A condition (WHEN) is taken for true.

    Args:
        triggers: name, table and text (CREATE TRIGGER) of each in the database.
        table: as the catalog quotes it.
        changed: columns that the UPDATE assigns, which choose triggers `UPDATE OF`; none if they are not known.
        dialect: sqlglot's or SQLAlchemy's name of it.
    """
    own = (name_parts(table, '`"') or (table,))[-1].lower()
    texts = {name: _Trigger(on.lower(), sql, dialect) for name, on, sql in triggers}
    columns = {one.lower() for one in changed}
    reached, called = {own}, dict[str, str]()
    left = [name for name, one in texts.items() if one.table != own or one.is_called(columns)]
    while found := [name for name in left if texts[name].table in reached]:
        for name in found:
            left.remove(name)
            reached |= texts[name].names & {one.table for one in texts.values()}
            called |= {column: name for column in assigned_in(texts[name].sql, table, dialect) if column not in called}
    return called


class _Trigger:
    """A trigger: its table, its event, and the names in its body."""

    def __init__(self, table: str, sql: str, dialect: str) -> None:
        self.table, self.sql = table, sql
        tokens = tokenize(sql, dialect).tokens
        begin = next((at for at, token in enumerate(tokens) if token.word == "BEGIN"), len(tokens))
        at = next((at for at, token in enumerate(tokens[:begin]) if token.word in EVENTS), begin)
        names = [token_name(sql, token, dialect).lower() if token.kind in NAMES else "" for token in tokens]
        self._event = tokens[at].word if at < begin else ""
        on = next((i for i in range(at, begin) if tokens[i].word == "ON"), begin)
        self._of = set(names[at + 2 : on]) if tokens[at + 1 : at + 2] and tokens[at + 1].word == "OF" else set[str]()
        self.names = set(names[begin:])

    def is_called(self, columns: Collection[str]) -> bool:
        """Whether an UPDATE of `columns` executes it; () for an UPDATE of any."""
        return self._event == "UPDATE" and (not self._of or not columns or not self._of.isdisjoint(columns))
