"""Images: what the rows that a backfill changed were before, and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from bulkq.model.key_range import KeyColumn, TableKey

CAPTURED, UNDONE, CONFLICT, ABOUT, MATCHED, ALTERED = 0, 1, 2, 3, 4, 5
"""States of an image: kept; its row is back; its row has other values by now; no image, but what the run keeps (its number is 0);
under way, in a transaction that is not committed; its row was given back, and triggers made other values of the old ones."""


@frozen
class CapturedTable:
    """What a run keeps of the rows that it changes in a table, and where.

    Attributes:
        images: the table of images, quoted, with its schema.
        run: that changes the rows.
        part: its part.
        key: of the table that is changed.
        columns: whose values are kept, with their types; if `deletes`, all that are stored.
        deletes: the rows are deleted, so there are no values after it.
        triggers: the table has triggers, so an undo compares what it has restored.
    """

    images: str
    run: str
    part: int
    key: TableKey
    columns: tuple[KeyColumn, ...]
    deletes: bool = False
    triggers: bool = False


@frozen
class CapturedChange:
    """A change that keeps images.

    Attributes:
        sets: what stands behind SET; "" for DELETE.
        where: the condition beside the range; "" for all rows.
        condition: of the range, with placeholders.
        version: of the server, as `Server.version_number`.
        text: the statement as a user wrote it, with the condition of the range in it; "" if it is made from the others.
    """

    sets: str
    where: str
    condition: str
    version: int
    text: str = ""


@frozen
class ImageStatements:
    """The statements of one range, in the order in which its transaction executes them.

    Attributes:
        main: changes the user's table, and its count is the number of changed rows.
        before: ahead of it.
        after: behind it.
    """

    main: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
