"""Which columns of a key a statement changes, and which are left to cut by."""

from __future__ import annotations

import pytest

from bulkq.errors import UsageError
from bulkq.model.key_range import KeyColumn, TableKey
from bulkq.query import inline
from bulkq.query.changed_key_columns import changed_columns, stable_key

KEY = TableKey("public.t", (KeyColumn("a", "integer"), KeyColumn("B", "text")), "t_pkey")


@pytest.mark.parametrize(
    ("sql", "table", "columns"),
    [
        ("update t set n = n + 1, a = 2 where :range", "public.t", ("n", "a")),
        ('update only public.t as x set (a, "B") = (select 1, 2), n[k] = 3 from u where :range', "public.t", ("a", "B", "n", "k")),
        ("with m as (update t set b = 1 where :range returning *) insert into u select * from m", '"public"."T"', ("b",)),
        ("with m as (update u set b = 1 where :range returning *) update v set a = 1 from m", "t", ()),
        ("insert into t select 1 from u where :range on conflict (a) do update set a = excluded.a", "t", ()),
        ("select a from t where :range for update; ", "t", ()),
        ("with m as (select a from t where :range for update) select * from m", "t", ()),
        ("with m as (select a from t where :range for update) delete from t using m where t.a = m.a", "t", ()),
        ("update t set a = case when a = 1 and n = 2 then 3 else (b = 4)::int end", "t", ("a",)),
        ("update t set a = 1", "t", ("a",)),
        ("merge into only s.t as x using u on true when matched and n then update set n = 1 when matched then update set a = 2, c = 3",
         "t", ("n", "c", "a", "c")),
        ("merge into t when matched then update set a = 2", "t", ("a",)),
        ("merge into u using t on true when matched then update set a = 2", "t", ()),
    ],
)  # fmt: skip
def test_changed_columns(sql: str, table: str, columns: tuple[str, ...]) -> None:
    """Those that are assigned in the table itself, also in a part of the statement; not what a conflict or a lock names."""
    assert changed_columns(inline(sql, "postgresql"), table, "postgresql") == columns


def test_names_of_other_databases() -> None:
    """MariaDB quotes with backticks and folds every name; SQLite has words behind UPDATE."""
    query = inline("update low_priority ignore `t` set `A` = 1 where :range", "mysql")
    assert changed_columns(query, "`db`.`t`", "mysql") == ("A",)
    joined = (
        "update o as x, d.u inner join t y on (y.a = u.a) set x.c = 1, y.a = 2, t.b = 3, d = 4, u.e = 5 where :range(y)"
    )
    assert changed_columns(inline(joined, "mysql"), "`d`.`t`", "mysql") == ("a", "b", "d")
    assert changed_columns(inline("update o, t set o.a = 2 where :range(t)", "mysql"), "`d`.`t`", "mysql") == ()
    query = inline("update or replace main.t set a = 1 where :range", "sqlite")
    assert changed_columns(query, "`main`.`t`", "sqlite") == ("a",)


def test_a_table_is_cut_by_the_columns_that_stay() -> None:
    """A row stays within its group of the columns in front of the first that changes."""
    assert stable_key(KEY, ("n",), "q", "postgresql") is KEY
    assert stable_key(KEY, ("B",), "q", "postgresql").columns == KEY.columns[:1]
    assert stable_key(KEY, ("b",), "q", "postgresql") is KEY
    assert stable_key(KEY, ("b",), "q", "sqlite").columns == KEY.columns[:1]


def test_other_names_of_a_column() -> None:
    """The number of a row has three names in SQLite, beside that of its column."""
    key = TableKey("t", (KeyColumn("id", "INTEGER", aliases=("rowid", "oid")),))
    with pytest.raises(UsageError, match='"id" is in the key'):
        stable_key(key, ("n", "RowId"), "q", "sqlite")
    assert stable_key(key, ("_rowid_",), "q", "sqlite") is key


def test_the_first_column_must_stay() -> None:
    """Else rows move between ranges, and are changed twice."""
    with pytest.raises(UsageError, match='q.sql:1: "a" is in the key by which the table is cut'):
        stable_key(KEY, ("n", "a"), "q.sql:1", "postgresql")
