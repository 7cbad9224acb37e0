"""What an undo finds of a run, and what it says of rows that stay."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bulkq.errors import RefusedError
from bulkq.lifecycle.backfill import undo
from bulkq.lifecycle.backfill.row_image_queries import AboutImages, FoundImages, images_of
from bulkq.model.key_range import KeyColumn, RangeForm, TableKey
from bulkq.model.row_images import ALTERED, CAPTURED, CONFLICT, UNDONE, CapturedTable
from bulkq.model.run import BackfillOptions
from tests.support.sqlite_sessions import connected

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.engine.part_state import PartState

KEY = TableKey("`t`", (KeyColumn("id", "INTEGER"),))
WANTED = CapturedTable("`i`", "r1", 1, KEY, (KeyColumn("v", "INT"),))
OPTIONS = BackfillOptions(over="t", undo_of="r1", images=("`i`",))


async def test_images_are_found(tmp_path: Path) -> None:
    """With the present table, its triggers, and the range of the table of images; a column that is gone is named."""
    (tmp_path / "t.db").touch()
    db = await connected(tmp_path / "t.db")
    assert await undo.find_images(db, OPTIONS, 0, 1, "sqlite") is None
    about = AboutImages(("id",), ("v",), deletes=False, used=0)
    await db.administer(
        [
            "create table t (id integer primary key, v int)",
            "create trigger stamp after update on t begin select 1; end",
            *images_of("sqlite").create("i", [], 1, 1),
            f"insert into i (run, part, first, place, state, about) values ('r1', 1, 0, 0, 3, '{about.text}')",
            "insert into i (run, part, first, place, state, k1, o1, n1) values ('r1', 1, 1, 1, 0, 5, 6, 7)",
        ]
    )
    found = await undo.find_images(db, OPTIONS, 0, 1, "sqlite")
    assert found is not None
    assert (found.captured.key, found.captured.triggers, found.counts) == (KEY, True, {CAPTURED: 1})
    assert (found.start, found.end) == (("t:r1", "i:1", "i:0"), ("t:r1", "i:1"))
    assert undo.told_triggers(found) == 'the undo executes trigger "stamp" of `t`'
    await db.administer(["drop trigger stamp", "alter table t rename v to w"])
    with pytest.raises(RefusedError, match='`t` has no longer the column "v", which run r1 changed'):
        await undo.find_images(db, OPTIONS, 0, 1, "sqlite")
    await db.close()


def test_what_is_said_before() -> None:
    """How many rows, and how many of them are back."""
    assert (
        undo.shown_counts(FoundImages(WANTED, {CAPTURED: 2, CONFLICT: 1}, (), ())) == "run r1 has changed 3 rows of `t`"
    )
    found = FoundImages(WANTED, {CAPTURED: 2, UNDONE: 3, ALTERED: 1}, (), ())
    assert undo.shown_counts(found) == "run r1 has changed 6 rows of `t`, 4 are back already"
    assert undo.told_triggers(found) == ""


def test_rows_that_stay() -> None:
    """A row has changed, is there again, or was changed by a trigger."""
    part = cast("PartState", SimpleNamespace(spec=SimpleNamespace(target="x", query=SimpleNamespace(name="undo"))))
    deleted = CapturedTable("`i`", "r1", 1, KEY, (), deletes=True)
    made = [
        undo._conflict(part, table, 4, state, ("5",))
        for table, state in ((WANTED, CONFLICT), (deleted, CONFLICT), (WANTED, ALTERED))
    ]
    assert [failure.message for failure in made] == [f"(5) {text}" for text in (undo.CHANGED, undo.THERE, undo.AGAIN)]
    assert made[0].params == {"id": "5"}


def test_statements_of_a_range() -> None:
    """Of SQLite they mark, restore, and tell the rest apart."""
    queries = undo.undo_queries(FoundImages(WANTED, {}, (), ()), "sqlite", "undo r1")(
        RangeForm(2, lower=True, upper=False)
    )
    assert (queries.main.name, len(queries.before), len(queries.after)) == ("undo r1", 1, 2)
