"""The queries for PostgreSQL's objects. Servers execute them in the integration tests."""

from __future__ import annotations

import pytest

from bulkq.dialects.maintenance_catalog import ServerFacts, SizeForm
from bulkq.dialects.postgresql_maintenance_objects import identity, moved, object_query, proof_expression
from bulkq.model.maintenance import MaintenanceOptions

PG15, PG18 = ServerFacts(version=150000), ServerFacts(version=180000)


def query(
    command: str,
    server: ServerFacts = PG15,
    *,
    bloat: bool = False,
    sizes: SizeForm = SizeForm.EXACT,
    **options: object,
) -> str:
    """The query for a command."""
    return object_query(MaintenanceOptions(command=command, **options), server, bloat=bloat, sizes=sizes)  # type: ignore[arg-type]


def test_only_roots_are_analyzed_where_a_parent_takes_its_partitions_along() -> None:
    """So that nothing is done twice within the hierarchy of parents."""
    assert "NOT c.relispartition" in query("analyze")
    assert "NOT c.relispartition" not in query("analyze", PG18)


def test_sizes_wait_for_no_lock() -> None:
    """A table that is locked has an estimate, and so has every table at the second try."""
    assert "coalesce(b.closed, false)" in query("vacuum")
    assert "pg_total_relation_size" not in query("vacuum", sizes=SizeForm.ESTIMATED)
    assert "pg_relation_size(c.oid)" in query("reindex")
    assert "ELSE pg_total_relation_size(c.oid)" in query("vacuum", sizes=SizeForm.ROUGH)
    assert "c.reltuples > 0" in query("vacuum", sizes=SizeForm.ROUGH)
    assert "c.reltuples > 0" not in query("vacuum")


def test_bloat_is_estimated_if_it_is_wanted() -> None:
    """It reads the statistics of all columns."""
    assert "pg_stats" not in query("vacuum")
    assert "pg_stats" in query("vacuum", bloat=True)
    assert "btree" in query("reindex", bloat=True)


def test_schemas_of_the_server_are_left_out() -> None:
    """Unless they are named; FREEZE needs the catalog."""
    assert "NOT IN ('pg_catalog', 'pg_toast', 'information_schema')" in query("vacuum")
    assert "NOT IN ('pg_toast', 'information_schema')" in query("freeze")
    named = ("pg_catalog", "pg_toast", "information_schema")
    assert "AND true" in query("vacuum", schemas=named)


def test_commands_with_lists_of_their_own() -> None:
    """A checkpoint has one object; findings have their own query."""
    assert "'pg_checkpoint', 'USAGE'" in query("checkpoint")
    assert "rolsuper" in query("checkpoint", ServerFacts(version=140000))
    assert "duplicate index" in query("indexes")
    assert "'MAINTAIN'" not in query("indexes")
    assert "'MAINTAIN'" in query("indexes", PG18)
    assert "pg_rewrite" in query("refresh")
    assert "pg_rewrite" not in query("vacuum")
    assert "u.indisunique" in query("refresh")
    assert "'/' || c.oid::oid::text" in query("refresh")


def test_a_counter_proves_nothing_if_the_server_does_not_count() -> None:
    """The list of objects says so."""
    assert "track_counts" in query("vacuum")
    assert "track_counts" not in query("vacuum", full=True)
    assert "track_counts" in query("vacuum", full=True, analyze=True)
    assert "relkind <> 'p'" in proof_expression(MaintenanceOptions(command="analyze"))


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        ("5/16384/abc", "5/16384/abc", False),
        ("5/16384/abc", "6/16384/abc", True),
        ("5/16384/abc", "6/16385/abc", False),
        ("5/16384/abc", "0/16384/def", None),
        ("5/16384/abc", "5/16384/def", None),
        ("5/16384/abc", "1/16384/def", True),
        ("5", "6/16384/abc", None),
        ("70+5/16384/abc", "71+6/16384/abc", True),
        ("70+5/16384/abc", "71+5/16384/abc", False),
        ("16384/16384", "16390/16391", True),
        ("16384", "16384", False),
        ("16384/false", "16384/true", True),
        ("/16384/", "1/16384/abc", None),
    ],
)
def test_what_a_proof_shows(then: str, now: str, expected: bool | None) -> None:
    """Another table with the name was not done, nor one of whose two parts only one moved; counters that were reset, and those of an older version, show nothing."""
    assert moved(then, now) is expected


@pytest.mark.parametrize(
    ("proof", "oid"),
    [
        ("3/16384/e", "16384"),
        ("5/16384/file", "16384"),
        ("16384/5", "16384"),
        ("5+3/16384/e", "16384"),
        ("/16384/", "16384"),
        ("3", ""),
        ("", ""),
    ],
)
def test_the_oid_in_a_proof(proof: str, oid: str) -> None:
    """It stays when a table is renamed."""
    assert identity(proof) == oid
