"""How a database keeps images of rows: the table for them, what fills it, and what gives rows their old values back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen
from bulkq.model.key_range import KeyColumn, TableKey
from bulkq.model.row_images import ABOUT, ALTERED, CAPTURED, CONFLICT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.model.row_images import CapturedChange, CapturedTable, ImageStatements


@frozen
class CapturableTable:
    """What decides whether the rows of a table can be captured.

    Attributes:
        stored: columns that a row is restored from, in their order: all but generated ones.
        deletions: constraints by which deleting a row changes other rows, for people.
        updates: those by which changing a column does: the column, and the constraint for people.
        fixed: those of them to which UPDATE gives no value.
        wrong: why texts of values would not lead back to them; "" if they do.
    """

    stored: tuple[str, ...]
    deletions: tuple[str, ...] = ()
    updates: tuple[tuple[str, str], ...] = ()
    wrong: str = ""
    fixed: tuple[str, ...] = ()


@frozen(kw_only=True)
class ImageCatalog:
    """The images of one database.

    Attributes:
        key: columns of the table's key: run, part, number of the range, place in it.
        create: the table, the names of its columns (none if it is not there), the number of key columns and of captured columns ->
            statements that make it.
        present: a query for its columns, with `{name}`, a literal.
        facts: a query about the table that is to be changed, with `{table}`, a literal of its quoted name, and `{bare}`, of the last
            part of the name.
        read_facts: the answer to it.
        capture: the statements that change a range and keep its images.
        undo: the statements that give the rows of a range of images their old values back, with the condition of that range.
        matching: an expression that is true if the row of the image `bulkq_i` can be restored.
        keys: expressions for the key's texts in the image `bulkq_i`.
        updates_since: the version from which an UPDATE that a user wrote can keep images.
        used: a query for the bytes that images use, with `{name}`; it grows with them.
    """

    key: tuple[KeyColumn, ...]
    create: Callable[[str, Sequence[str], int, int], tuple[str, ...]]
    present: str
    facts: str
    read_facts: Callable[[Sequence[tuple[object, ...]]], CapturableTable]
    capture: Callable[[CapturedTable, CapturedChange], ImageStatements]
    undo: Callable[[CapturedTable, str], ImageStatements]
    matching: Callable[[CapturedTable], str]
    keys: Callable[[CapturedTable], Sequence[str]]
    used: str
    updates_since: int = 0

    def table_key(self, images: str) -> TableKey:
        """The key by which the table of images is cut."""
        return TableKey(images, self.key)


def of_run(wanted: CapturedTable, alias: str = "") -> str:
    """The condition for the images of a part."""
    prefix = f"{alias}." if alias else ""
    return f"{prefix}run = '{wanted.run}' AND {prefix}part = {wanted.part}"


def insert_about(wanted: CapturedTable, text: str) -> str:
    """Write what a part of a run keeps; `text` is a literal."""
    return (
        f"INSERT INTO {wanted.images} (run, part, first, place, state, about) "
        f"VALUES ('{wanted.run}', {wanted.part}, 0, 0, {ABOUT}, {text})"
    )


def select_about(images: str, run: str, part: int) -> str:
    """The text of `insert_about`, or no row."""
    return f"SELECT about FROM {images} WHERE run = '{run}' AND part = {part} AND first = 0 AND place = 0"


def count_states(wanted: CapturedTable) -> str:
    """Rows of state and number: of the images of a part."""
    return f"SELECT state, count(*) FROM {wanted.images} WHERE {of_run(wanted)} AND state <> {ABOUT} GROUP BY state"


def count_matching(wanted: CapturedTable, catalog: ImageCatalog) -> str:
    """Rows of 1 or 0 and a number: of the images that are to be undone, whether their rows can be restored."""
    return (
        f"SELECT bulkq_q.m, count(*) FROM (SELECT CASE WHEN {catalog.matching(wanted)} THEN 1 ELSE 0 END AS m "
        f"FROM {wanted.images} AS bulkq_i WHERE {of_run(wanted, 'bulkq_i')} AND bulkq_i.state IN ({CAPTURED}, {CONFLICT})) AS bulkq_q "
        "GROUP BY bulkq_q.m"
    )


def select_conflicts(wanted: CapturedTable, catalog: ImageCatalog, after: tuple[int, int], rows: int) -> str:
    """The next rows behind a number and place that did not get their old values: both, the state, and the texts of the key."""
    first, place = after
    texts = ", ".join(catalog.keys(wanted))
    return (
        f"SELECT bulkq_i.first, bulkq_i.place, bulkq_i.state, {texts} FROM {wanted.images} AS bulkq_i "
        f"WHERE {of_run(wanted, 'bulkq_i')} AND bulkq_i.state IN ({CONFLICT}, {ALTERED}) "
        f"AND (bulkq_i.first > {first} OR bulkq_i.first = {first} AND bulkq_i.place > {place}) "
        f"ORDER BY bulkq_i.first, bulkq_i.place LIMIT {rows}"
    )


def remove_images(images: str, run: str, upto: int | None = None) -> str:
    """Take the images of a run away, up to the range `upto`."""
    more = "" if upto is None else f" AND first <= {upto}"
    return f"DELETE FROM {images} WHERE run = '{run}'{more}"


def last_range(images: str, run: str) -> str:
    """The greatest number of a range that has images."""
    return f"SELECT max(first) FROM {images} WHERE run = '{run}'"
