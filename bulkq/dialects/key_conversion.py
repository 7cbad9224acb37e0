"""How a database turns the value of a key column into text and back, so that the text stands at the same place of the key's order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.model.key_range import KeyColumn, TableKey

    Expression = Callable[[str, KeyColumn], str]
    """An expression, and the column that it belongs to -> an expression."""


def collated(reference: str, column: KeyColumn) -> str:
    """The column at `reference`, compared by the collation of its key."""
    return f"{reference} COLLATE {column.collation}" if column.collation else reference


def _plain_table(key: TableKey) -> str:
    return key.table


def _none(key: TableKey) -> str:  # noqa: ARG001
    return ""


@frozen(kw_only=True)
class KeyConversion:
    """The expressions of one database.

    Attributes:
        text: a value of the column -> its text. NULL: the value has no text that leads back to it.
        value: a text, which is a placeholder -> the value to compare the column with.
        ordered: the column, the table and a text that a table of ours holds -> an expression whose order is that of the key.
        reference: the column as it stands in comparisons and in ORDER BY.
        table: as it stands in FROM of a query that needs the index of the key.
        literal: a text, and a function that quotes a text -> the value as people type it; None: it follows from the type of the column.
        misplaced: a query for a text of a key that the database may not find again in its own order, no row if there is none; "" if it
            finds all.
        settings: a statement for a session that asks for boundaries alone; "" if it needs none.
        sample: what stands behind a table in FROM to read `{percent}` percent of its pages, always the same ones; "" if that
            cannot be done.
    """

    text: Expression
    value: Expression
    ordered: Callable[[str, KeyColumn, TableKey], str]
    reference: Expression = collated
    table: Callable[[TableKey], str] = _plain_table
    literal: Callable[[str, Callable[[str], str]], str] | None = None
    misplaced: Callable[[TableKey], str] = _none
    settings: str = ""
    sample: str = ""
