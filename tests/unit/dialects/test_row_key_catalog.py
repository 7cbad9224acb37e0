"""What catalogs answer about a table, as rows of their queries."""

from __future__ import annotations

import json

from bulkq.dialects import DUCKDB, MYSQL, POSTGRESQL, SQLITE
from bulkq.dialects.row_key_catalog import CatalogColumn, CatalogTable


def test_a_table_is_asked_for_by_its_quoted_name() -> None:
    """A quote in a name ends neither the name nor the literal around it."""
    (query,) = POSTGRESQL.table_queries(["s", "o\"n'e"])
    assert 'to_regclass(E\'"s"."o""n\'\'e"\')' in query
    here, *_ = MYSQL.table_queries(["t"])
    assert "c.table_schema = DATABASE() AND c.table_name = 't'" in here
    there, *_ = MYSQL.table_queries(["s'", "t\\"])
    assert "c.table_schema = 's''' AND c.table_name = 't\\\\'" in there


def test_other_databases_are_not_asked() -> None:
    """No query, so nothing is known of the table."""
    assert SQLITE.table_queries(["t"]) == DUCKDB.table_queries(["t"]) == ()


def test_a_table_in_json() -> None:
    """Columns and indexes are null where the table has none."""
    assert POSTGRESQL.catalog is not None
    facts = {
        "rewritten": True,
        "columns": [["id", "bigint", "bigint", 0, "", False, True]],
        "unique": [["id"], None],
    }
    column = CatalogColumn("id", "bigint", "bigint", 0, "", computed=False, filled=True)
    found = POSTGRESQL.catalog.table([[(json.dumps(facts),)]])
    assert found == CatalogTable({"id": column}, (("id",), None), rewritten=True)
    empty = {"rewritten": False, "columns": None, "unique": None}
    assert POSTGRESQL.catalog.table([[(json.dumps(empty),)]]) == CatalogTable({})


DESCRIBED = (
    (b"id", "int", "int(11)", 0, None, "auto_increment", None),
    ("name", "varchar", "varchar(20)", 20, "utf8mb4_bin", "", "NULL"),
    ("twice", "int", "int(11)", 0, "", "STORED GENERATED", "0"),
)
INDEXED = (
    ("PRIMARY", "id", None),
    ("cut", "name", 3),
    ("cut", "id", None),
    ("both", "id", None),
    ("both", "name", None),
)


def test_a_table_in_rows() -> None:
    """Text may come as bytes. An index on a part of a column, or on what is not a column, is not one of columns."""
    assert MYSQL.catalog is not None
    indexed = [*INDEXED, ("expression", "", None)]
    found = MYSQL.catalog.table([DESCRIBED, indexed, [(0, "STRICT_TRANS_TABLES")]])
    assert found.columns == {
        "id": CatalogColumn("id", "int", "int(11)", 0, "", computed=False, filled=True),
        "name": CatalogColumn("name", "varchar", "varchar(20)", 20, "utf8mb4_bin", computed=False, filled=True),
        "twice": CatalogColumn("twice", "int", "int(11)", 0, "", computed=True, filled=False),
    }
    assert found.unique == (("id",), None, ("id", "name"), None)
    assert not found.rewritten


def test_values_may_be_rewritten() -> None:
    """By a trigger, or by a server that is not strict."""
    assert MYSQL.catalog is not None
    for triggers, mode in ((1, "STRICT_ALL_TABLES"), (0, "")):
        assert MYSQL.catalog.table([DESCRIBED, (), [(triggers, mode)]]).rewritten


def test_only_dynamic_types_leave_a_value_as_it_is() -> None:
    """Elsewhere a column converts what is compared with it."""
    assert POSTGRESQL.has_affinity("", "")
    assert not SQLITE.has_affinity("", "")
