"""The SQL of images that is the same in all databases."""

from __future__ import annotations

from bulkq.dialects import image_catalog
from bulkq.dialects.sqlite_image_catalog import IMAGES
from bulkq.model.images import CapturedTable
from bulkq.model.key_range import KeyColumn, TableKey

WANTED = CapturedTable("i", "r1", 2, TableKey("t", (KeyColumn("id", "INTEGER"),)), (KeyColumn("a", ""),))


def test_statements_about_a_run() -> None:
    """Each names the run, and those about a part the part."""
    assert image_catalog.of_run(WANTED) == "run = 'r1' AND part = 2"
    assert image_catalog.of_run(WANTED, "x") == "x.run = 'r1' AND x.part = 2"
    assert image_catalog.insert_about(WANTED, "'{}'").endswith("VALUES ('r1', 2, 0, 0, 3, '{}')")
    assert image_catalog.select_about("i", "r1", 2).endswith(
        "FROM i WHERE run = 'r1' AND part = 2 AND first = 0 AND place = 0"
    )
    assert image_catalog.count_states(WANTED).endswith("WHERE run = 'r1' AND part = 2 AND state <> 3 GROUP BY state")
    assert image_catalog.last_range("i", "r1") == "SELECT max(first) FROM i WHERE run = 'r1'"
    assert image_catalog.remove_images("i", "r1") == "DELETE FROM i WHERE run = 'r1'"
    assert image_catalog.remove_images("i", "r1", 9) == "DELETE FROM i WHERE run = 'r1' AND first <= 9"


def test_questions_about_images() -> None:
    """What can be restored, and which rows stay as they are."""
    assert "CASE WHEN EXISTS (" in image_catalog.count_matching(WANTED, IMAGES)
    text = image_catalog.select_conflicts(WANTED, IMAGES, (3, 4), 10)
    assert "(bulkq_i.first > 3 OR bulkq_i.first = 3 AND bulkq_i.place > 4)" in text
    assert text.endswith("LIMIT 10")
    assert IMAGES.table_key("i").table == "i"
