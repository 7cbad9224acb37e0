"""Claims, and the names of the tables beside the markers."""

from __future__ import annotations

from bulkq.model import Claim, MarkerTables


def test_tables_beside_the_markers_have_names_of_their_own() -> None:
    """The names are quoted, and the last part alone is another."""
    tables = MarkerTables('"s"."bulkq_runs"', '"s"."bulkq_markers"')
    assert tables.ranges == '"s"."bulkq_ranges"'
    assert tables.images == '"s"."bulkq_images"'


def test_a_claim_counts_its_sets() -> None:
    """The first and the last set are both claimed."""
    assert Claim("run", "owner", 1, 11, 20, MarkerTables('"a_runs"', '"a_markers"')).sets == 10
