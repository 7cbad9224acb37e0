"""How a table is described that is to be changed in ranges of its key."""

from __future__ import annotations

from bulkq.dialects.backfill_catalog import BackfillCatalog, KeyCandidate, TableDescription, TableIdentity, read_acting
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


def test_what_acts_on_a_table() -> None:
    """Its identity has no kind; a definition is a digest, and texts may come as bytes."""
    rows = [("", "", "oid 5"), ("column", "c", "text"), (b"trigger", b"g h", b"BEFORE"), ("foreign key", "f", None)]
    acting = ("trigger g h c341c7fe1027", "foreign key f e3b0c44298fc")
    assert read_acting(rows) == TableIdentity("oid 5", acting, {"c": "text"})
    assert read_acting([]) == TableIdentity()
