"""How a table is described that is to be changed in ranges of its key."""

from __future__ import annotations

from bulkq.dialects.backfill_catalog import BackfillCatalog, KeyCandidate, TableDescription
from bulkq.model.key_range import KeyColumn


def test_the_names_of_a_key() -> None:
    """In the order of the index."""
    assert KeyCandidate("i", (KeyColumn("b", ""), KeyColumn("a", ""))).names == ("b", "a")


def test_a_database_without_replicas() -> None:
    """Nothing is said of them."""
    catalog = BackfillCatalog((), lambda answers: TableDescription("t"), "")
    assert catalog.read([]) == TableDescription("t")
    assert catalog.read_servers([("slot",)]) == ()
    assert catalog.read_rows([(1,)]) is None
