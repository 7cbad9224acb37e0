"""Which declared types give a column an affinity."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from bulkq.dialects.sqlite_affinity import AFFINITIES, has_affinity

TYPES = [
    "",
    "blob",
    "BLOB(20)",
    "text",
    "varchar(3)",
    "tinyblob",
    "intblob",
    "clob",
    "real",
    "floating point",
    "numeric",
    "date",
    "any",
]


@pytest.mark.parametrize("declared", TYPES)
def test_as_sqlite_compares(declared: str) -> None:
    """With an affinity text that is stored is found by its number, or the number is stored as text and found."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"create table t (c {declared})")
        connection.execute("insert into t values ('7')")
        found = connection.execute("select count(*) from t where c = 7").fetchone()[0]
        ((name, kind, made),) = connection.execute(AFFINITIES, {"name": "T"})
    assert (name, has_affinity(kind, made)) == ("c", bool(found))


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ("create table t (c any) strict", False),
        ("create table t (c any check (c in (1, 2))) without rowid, STRICT", False),
        ("create table t (c any) without rowid", True),
        ("create table strict (c any)", True),
    ],
)
def test_any(table: str, found: bool) -> None:
    """ANY is a type without an affinity in STRICT tables, and NUMERIC in others."""
    assert has_affinity("ANY", table) is found
