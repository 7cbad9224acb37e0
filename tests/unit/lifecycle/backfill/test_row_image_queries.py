"""The table of images in a file of SQLite: what a run says about it, counts, conflicts, and how a run forgets its images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.errors import RefusedError
from bulkq.lifecycle.backfill import row_image_queries
from bulkq.lifecycle.backfill.row_image_queries import AboutImages, FoundImages
from bulkq.model.key_range import KeyColumn, TableKey
from bulkq.model.row_images import ALTERED, CAPTURED, CONFLICT, UNDONE, CapturedTable
from tests.support.sqlite_sessions import connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bulkq.drivers.sqlite.connection import SqliteConnection

KEY = TableKey("t", (KeyColumn("id", "INTEGER"),))
WANTED = CapturedTable("`bulkq_images`", "r1", 1, KEY, (KeyColumn("v", "INTEGER"),))
ABOUT = AboutImages(("id",), ("v",), deletes=False, used=7)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteConnection]:
    """A table with three rows, and images of a run and of another."""
    (tmp_path / "t.db").touch()
    opened = await connected(tmp_path / "t.db")
    states = (CAPTURED, CAPTURED, CONFLICT, UNDONE, ALTERED)
    rows = [f"('r1', 1, {n}, 1, {state}, {n}, {n}, {n * 10})" for n, state in enumerate(states, 1)]
    await opened.administer(
        [
            "create table t (id integer primary key, v int)",
            "insert into t values (1, 10), (2, 21), (3, 30)",
            *row_image_queries.images_of("sqlite").create("bulkq_images", [], 1, 1),
            f"insert into bulkq_images (run, part, first, place, state, k1, o1, n1) values {', '.join(rows)}, ('r2', 1, 1, 1, 0, 1, 1, 1)",
            f"insert into bulkq_images (run, part, first, place, state, about) values ('r1', 1, 0, 0, 3, '{ABOUT.text}')",
        ]
    )
    yield opened
    await opened.close()


async def test_what_a_run_has_said(db: SqliteConnection) -> None:
    """It is read back; another run, or a file without the table, has said nothing."""
    assert await row_image_queries.read_about(db, "`bulkq_images`", "r1", 1, "sqlite") == ABOUT
    assert await row_image_queries.read_about(db, "`bulkq_images`", "r1", 2, "sqlite") is None
    assert await row_image_queries.read_about(db, "`other`", "r1", 1, "sqlite") is None
    assert "k1" in await row_image_queries.present(db, "`bulkq_images`", "sqlite")
    assert await row_image_queries.used_bytes(db, "`bulkq_images`", "sqlite") > 0


async def test_counts_and_conflicts(db: SqliteConnection) -> None:
    """By state; rows that can be restored, of those that are not; and rows that did not get their old values."""
    counts = await row_image_queries.state_counts(db, WANTED)
    assert counts == {CAPTURED: 2, CONFLICT: 1, UNDONE: 1, ALTERED: 1}
    found = FoundImages(WANTED, counts, (), ())
    assert (found.left, found.back) == (3, 2)
    assert await row_image_queries.matching_counts(db, WANTED, "sqlite") == (2, 1)
    first = await row_image_queries.conflicts(db, WANTED, "sqlite", (0, 0), 1)
    assert first == [((3, 1), CONFLICT, ("3",))]
    assert await row_image_queries.conflicts(db, WANTED, "sqlite", (3, 1), 9) == [((5, 1), ALTERED, ("5",))]


async def test_a_run_forgets(db: SqliteConnection) -> None:
    """Only its own images; where there is no such table there is nothing to forget."""
    await row_image_queries.forget_images(db, "`bulkq_images`", "r1", "sqlite")
    assert await db.administer(["select run, count(*) from bulkq_images group by run"]) == [("r2", 1)]
    await row_image_queries.forget_images(db, "`other`", "r1", "sqlite")
    await db.administer(["create trigger no before delete on bulkq_images begin select raise(abort, 'no'); end"])
    with pytest.raises(RefusedError, match=r"the images of run r2 in `bulkq_images` cannot be removed: no"):
        await row_image_queries.forget_images(db, "`bulkq_images`", "r2", "sqlite")


def test_a_database_without_images() -> None:
    """It is named."""
    with pytest.raises(RefusedError, match="--capture is for PostgreSQL and SQLite, not for mysql"):
        row_image_queries.images_of("mysql")
    assert row_image_queries.shown(["a", "b"]) == '"a", "b"'
