"""Tables that are to be changed in ranges, as PostgreSQL's catalog answers."""

from __future__ import annotations

import json

import pytest

from bulkq.dialects import POSTGRESQL
from bulkq.dialects.backfill_catalog import KeyCandidate, TableDescription
from bulkq.model.key_range import KeyColumn

COLUMN = {
    "name": "id",
    "type": "integer",
    "not_null": True,
    "generated": False,
    "composite": False,
    "wrapped_enum": False,
    "cut": False,
    "options": 0,
    "default_class": True,
    "less": "",
    "collation": "",
    "loose": "",
    "width": 4,
}
INDEX = {
    "index": "t_pkey",
    "primary": True,
    "method": "btree",
    "valid": True,
    "immediate": True,
    "partial": False,
    "without": None,
}
FACTS = {
    "name": "public.t",
    "kind": "r",
    "temporary": False,
    "system": False,
    "role": "me",
    "hidden_rows": False,
    "columns": [["id", "integer"]],
    "foreign": None,
    "storage": [7, 8192, None],
}
AROUND = {
    **dict.fromkeys(
        ("partition_of", "partitioned", "children", "triggers", "rules", "references", "generated", "publications")
    ),
    "unlogged": False,
    "partitions": 1,
    "logical": False,
    "full": 0,
    "without_identity": 0,
}
EXPRESSION = dict.fromkeys(COLUMN)


def table(**changed: object) -> TableDescription:
    """The table of `FACTS` with a primary key, changed so."""
    assert POSTGRESQL.tables is not None
    facts = FACTS | {"indexes": [INDEX | {"columns": [COLUMN]}]} | changed
    return POSTGRESQL.tables.read([[(json.dumps(facts),)], [(json.dumps(AROUND),)]])


def test_a_table() -> None:
    """Name, columns, key, rows and size."""
    key = KeyCandidate("t_pkey", (KeyColumn("id", "integer"),), primary=True, width=4)
    assert table() == TableDescription("public.t", {"id": "integer"}, (key,), rows=7, size=8192)


def test_a_table_without_anything() -> None:
    """The catalog says null where it has no columns and no indexes."""
    found = table(columns=None, indexes=None, storage=[None, None, ["a", "b", "c", "d"]])
    assert (found.columns, found.candidates, found.rows) == ({}, (), None)
    assert found.notices == ("a, b, c and 1 more were never analyzed, so the number of rows is not known",)


@pytest.mark.parametrize(
    ("index", "columns", "fault"),
    [
        ({"valid": False}, [COLUMN], "it is not valid: REINDEX it"),
        ({"method": "gist"}, [COLUMN], "its access method gist has no order"),
        ({"immediate": False}, [COLUMN], "its constraint is DEFERRABLE, so its values may be equal for a while"),
        ({"partial": True}, [COLUMN], "it is partial"),
        ({}, [COLUMN, EXPRESSION], "it has an expression"),
        ({"without": ["c"]}, [COLUMN], "c, which inherits from the table, has no such key"),
        ({}, [COLUMN, COLUMN | {"not_null": False}], 'its column "id" may be NULL'),
        (
            {},
            [COLUMN | {"composite": True}],
            'its column "id" has a composite type, of which the server makes no value from a parameter',
        ),
        (
            {},
            [COLUMN | {"wrapped_enum": True}],
            'its column "id" has a domain over an enum, for which the server has no operators',
        ),
        (
            {},
            [COLUMN | {"cut": True}],
            (
                'its column "id" has floating-point numbers, whose texts lose digits because extra_float_digits is less than 1 in the '
                "session: set it to 1 for the role, or in PGOPTIONS"
            ),
        ),
        ({}, [COLUMN | {"generated": True}], 'its column "id" is generated, so an UPDATE may change it'),
        (
            {},
            [COLUMN | {"type": "hstore", "less": "other"}],
            'its column "id" has the type hstore, which has an order without the operators < and >',
        ),
        (
            {},
            [COLUMN | {"type": "ext.citext", "less": "ext"}],
            (
                'its column "id" has the type ext.citext, whose operators are in the schema ext, outside the search path: '
                "add ext to the search_path of the role, or to that of PGOPTIONS"
            ),
        ),
        ({}, [COLUMN | {"options": 3}], 'its column "id" is in descending order'),
        ({}, [COLUMN | {"options": 2}], 'its column "id" has NULLS FIRST'),
        ({}, [COLUMN | {"default_class": False}], 'its column "id" has an operator class that is not the default'),
    ],
)
def test_an_index_that_is_no_key(index: dict[str, object], columns: list[dict[str, object]], fault: str) -> None:
    """The first fault is said."""
    (candidate,) = table(indexes=[INDEX | index | {"columns": columns}]).candidates
    assert candidate.fault == fault


def test_a_collation_with_equal_texts() -> None:
    """It is said if the key is chosen."""
    column = COLUMN | {"collation": "public.loose", "loose": "loose"}
    (candidate,) = table(indexes=[INDEX | {"columns": [column]}]).candidates
    assert candidate.columns == (KeyColumn("id", "integer", "public.loose"),)
    assert candidate.notices == ('key column "id" has the collation "loose", in which different texts are equal',)


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        ({"system": True}, "a table of the server itself"),
        ({"temporary": True}, "a temporary table"),
        ({"temporary": True, "kind": "v"}, "a view"),
        ({"kind": "p"}, ""),
    ],
)
def test_what_is_not_a_table_of_the_user(facts: dict[str, object], wrong: str) -> None:
    """It is named for what it is."""
    found = table(**facts).wrong
    assert found.startswith(wrong)
    assert bool(found) == bool(wrong)


def test_rows_that_cannot_be_changed() -> None:
    """Rows that are hidden, or that are on another server."""
    assert table(hidden_rows=True).refusal.startswith('row level security is active for role "me"')
    assert table(foreign=["f"]).refusal.startswith("f below it is a foreign table")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("oid 7; id integer", "oid 7; id bigint", True),
        ("a smallint, b uuid", "a integer, b uuid", True),
        ('k character varying COLLATE "C", id integer', 'k text COLLATE "C", id bigint', True),
        ('k character varying COLLATE "C"', 'k text COLLATE "default"', False),
        ('k character COLLATE "C"', 'k text COLLATE "C"', False),
        ("id integer", "id numeric", False),
    ],
)
def test_types_of_one_order(one: str, other: str, same: bool) -> None:
    """A key may get a wider type while ranges of it are done."""
    catalog = POSTGRESQL.tables
    assert catalog is not None
    assert (catalog.one_order(one) == catalog.one_order(other)) is same
