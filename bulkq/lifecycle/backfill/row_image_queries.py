"""The table of images in a target: its name, what a run has said about its images there, and how a run forgets them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for, row_images
from bulkq.errors import DatabaseError, RefusedError, TargetError
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.row_images import ALTERED, CAPTURED, CONFLICT, UNDONE
from bulkq.query.identifier_placeholders import name_parts
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.row_images import ImageCatalog
    from bulkq.model.key_range import Position
    from bulkq.model.row_images import CapturedTable
    from bulkq.protocols import Connection

PIECE = 1_000
"""Ranges whose images are removed in one transaction."""


@frozen
class AboutImages:
    """What a part of a run says about its images.

    Attributes:
        key: columns of the key.
        columns: whose values were kept.
        deletes: the rows were deleted.
        used: bytes of the table of images when the run began.
    """

    key: tuple[str, ...]
    columns: tuple[str, ...]
    deletes: bool
    used: int

    @property
    def text(self) -> str:
        """As it is kept."""
        return json.dumps([self.key, self.columns, self.deletes, self.used])


@frozen
class FoundImages:
    """The images of a part of a run that is undone.

    Attributes:
        captured: what was kept, of which table.
        counts: how many images are in which state.
        start: in front of the first image, in the key of the table of images.
        end: behind the last one.
        acting: triggers and rules that an undo executes, for people.
    """

    captured: CapturedTable
    counts: dict[int, int]
    start: Position
    end: Position
    acting: tuple[str, ...] = ()

    @property
    def left(self) -> int:
        """Images whose rows may be restored."""
        return self.counts.get(CAPTURED, 0) + self.counts.get(CONFLICT, 0)

    @property
    def back(self) -> int:
        """Images whose rows an undo has restored, also those that triggers have changed again."""
        return self.counts.get(UNDONE, 0) + self.counts.get(ALTERED, 0)


def images_of(dialect: str) -> ImageCatalog:
    """How images are kept in a database.

    Raises:
        RefusedError: they are not.
    """
    found = dialect_for(dialect).images
    if found is None:
        raise RefusedError(
            f"--capture is for PostgreSQL and SQLite, not for {dialect}: leave it out, and keep a copy of the table instead"
        )
    return found


def parts_of(name: str, dialect: str) -> tuple[str, ...]:
    """The parts of a name of the catalog, without quotes."""
    return name_parts(name, f'{dialect_for(dialect).quote}"') or tuple(name.split("."))


def names_of(images: str, dialect: str) -> dict[str, str]:
    """The values of `{name}` and `{bare}` in queries about a quoted name: as literals."""
    known, parts = dialect_for(dialect), parts_of(images, dialect)
    return {"name": known.literal(images), "table": known.literal(images), "bare": known.literal(parts[-1])}


async def read_about(connection: Connection, images: str, run: str, part: int, dialect: str) -> AboutImages | None:
    """What a part of a run says about its images; None if it has none, or if the table is not there.

    Raises:
        DatabaseError: the table cannot be read.
    """
    if not await present(connection, images, dialect):
        return None
    rows = await connection.administer([row_images.select_about(images, run, part)])
    if not rows:
        return None
    key, columns, deletes, used = json.loads(str(rows[0][0]))
    return AboutImages(tuple(key), tuple(columns), deletes, used)


async def present(connection: Connection, images: str, dialect: str) -> list[str]:
    """The columns of the table of images, or some of them; none if it is not there."""
    question = images_of(dialect).present.format(**names_of(images, dialect))
    return [str(row[0]) for row in await connection.administer([question])]


async def used_bytes(connection: Connection, images: str, dialect: str) -> int:
    """The bytes that images use."""
    rows = await connection.administer([images_of(dialect).used.format(**names_of(images, dialect))])
    return int(str(rows[0][0] or 0))


async def state_counts(connection: Connection, wanted: CapturedTable) -> dict[int, int]:
    """How many images of a part are in which state."""
    rows = await connection.administer([row_images.count_states(wanted)])
    return {int(str(state)): int(str(count)) for state, count in rows}


async def matching_counts(connection: Connection, wanted: CapturedTable, dialect: str) -> tuple[int, int]:
    """Of the images that an undo would take: how many rows can be restored, and how many cannot."""
    rows = await connection.administer([row_images.count_matching(wanted, images_of(dialect))])
    found = {int(str(can)): int(str(count)) for can, count in rows}
    return found.get(1, 0), found.get(0, 0)


async def conflicts(
    connection: Connection, wanted: CapturedTable, dialect: str, after: tuple[int, int], rows: int
) -> Sequence[tuple[tuple[int, int], int, tuple[str, ...]]]:
    """The next rows behind a number and place that did not get their old values: both, the state, and the texts of the key."""
    question = row_images.select_conflicts(wanted, images_of(dialect), after, rows)
    found = await connection.administer([question])
    return [((int(str(row[0])), int(str(row[1]))), int(str(row[2])), tuple(map(str, row[3:]))) for row in found]


async def forget_images(connection: Connection, images: str, run: str, dialect: str) -> None:
    """Remove the images of a run, some ranges at a time.

    Raises:
        TargetError: the connection broke.
        RefusedError: the role may not remove them.
    """
    try:
        if not await present(connection, images, dialect):
            return
        rows = await connection.administer([row_images.last_range(images, run)])
        last = int(str(rows[0][0])) if rows and rows[0][0] is not None else 0
        for upto in (*range(PIECE, last, PIECE), None):
            await connection.administer([row_images.remove_images(images, run, upto)])
    except DatabaseError as error:
        kind = TargetError if error.connection_lost else RefusedError
        raise kind(f"the images of run {run} in {images} cannot be removed: {error}") from error


def shown(columns: Sequence[str]) -> str:
    """Names of columns, for people."""
    return ", ".join(map(quoted, columns))
