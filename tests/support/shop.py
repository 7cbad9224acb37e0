"""A small SQLite database with queries, as a user has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.sqlite_files import column

if TYPE_CHECKING:
    from pathlib import Path

TARGET = "sqlite:///app.db"
SETUP = "create table t(id integer primary key, v text); insert into t values (1, 'one'), (2, 'two'), (3, 'three');"
QUERIES = """\
-- name: one(id: bigint)
-- The value of an id.
select id, v from t where id = :id;

-- name: touch(id: bigint)
-- @mode write
update t set v = upper(v) where id = :id;

-- name: everything
select id, v from t order by id;
"""


def values(folder: Path) -> list[str]:
    """The values in the table."""
    return column(folder / "app.db", "select v from t order by id")


def tables(folder: Path) -> list[str]:
    """The tables there are."""
    return column(folder / "app.db", "select name from sqlite_master where type = 'table' order by name")
