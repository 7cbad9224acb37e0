"""The SQL of images that is the same in all databases."""

from __future__ import annotations

from bulkq.dialects import row_images
from bulkq.dialects.sqlite_row_images import IMAGES
from bulkq.model.key_range import KeyColumn, TableKey
from bulkq.model.row_images import CapturedTable

WANTED = CapturedTable("i", "r1", 2, TableKey("t", (KeyColumn("id", "INTEGER"),)), (KeyColumn("a", ""),))


def test_statements_about_a_run() -> None:
    """Each names the run, and those about a part the part."""
    assert row_images.of_run(WANTED) == "run = 'r1' AND part = 2"
    assert row_images.of_run(WANTED, "x") == "x.run = 'r1' AND x.part = 2"
    assert row_images.insert_about(WANTED, "'{}'").endswith("VALUES ('r1', 2, 0, 0, 3, '{}')")
    assert row_images.select_about("i", "r1", 2).endswith(
        "FROM i WHERE run = 'r1' AND part = 2 AND first = 0 AND place = 0"
    )
    assert row_images.count_states(WANTED).endswith("WHERE run = 'r1' AND part = 2 AND state <> 3 GROUP BY state")
    assert row_images.last_range("i", "r1") == "SELECT max(first) FROM i WHERE run = 'r1'"
    assert row_images.remove_images("i", "r1") == "DELETE FROM i WHERE run = 'r1'"
    assert row_images.remove_images("i", "r1", 9) == "DELETE FROM i WHERE run = 'r1' AND first <= 9"


def test_questions_about_images() -> None:
    """What can be restored, and which rows stay as they are."""
    assert "CASE WHEN EXISTS (" in row_images.count_matching(WANTED, IMAGES)
    text = row_images.select_conflicts(WANTED, IMAGES, (3, 4), 10)
    assert "(bulkq_i.first > 3 OR bulkq_i.first = 3 AND bulkq_i.place > 4)" in text
    assert text.endswith("LIMIT 10")
    assert IMAGES.table_key("i").table == "i"
