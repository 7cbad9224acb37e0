"""Which parameters name the rows of a set, from the text alone."""

from __future__ import annotations

import pytest

from bulkq.query import inline
from bulkq.query.key_columns_of_write import KeyColumns, find_key_columns


def found(sql: str, dialect: str = "postgres") -> KeyColumns | None:
    return find_key_columns(inline(sql, dialect), dialect)


def named(sql: str, dialect: str = "postgres") -> dict[str, str | None] | None:
    """Column -> parameter, by name."""
    query = inline(sql, dialect)
    names = find_key_columns(query, dialect)
    if names is None:
        return None
    return {column: None if i is None else query.parameters[i].name for column, i in names.values}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("update t set v = :v where id = :id", {"id": "id"}),
        ("update t set v = :v where :id = t.id", {"id": "id"}),
        ("update only s.t * as x set v = :v where x.id = :id and x.v <> :v", {"id": "id"}),
        ("update s.t set v = :v where s.t.id = :id", {"id": "id"}),
        ("update t x set v = :v where (x.id = :id)", {"id": "id"}),
        ('update "T" set v = :v where "Id""x" = :id', {'Id"x': "id"}),
        ("update t set v = :v where id = :id::bigint", {"id": "id"}),
        ("update t set v = :v where id = cast(:id as double precision)", {"id": "id"}),
        ("update t set v = :v where (a, b) = (:a, :b)", {"a": "a", "b": "b"}),
        ("update t set v = :v where ((a = :a and (b = :b)))", {"a": "a", "b": "b"}),
        ("update t set v = :v where (a = :v or b = 2) and id = :id", {"id": "id"}),
        ("update t set v = :v where a between 1 and :v and id = :id", {"id": "id"}),
        ("update t set v = :v where id = :id and x in (select y from u where z = :z)", {"id": "id"}),
        ("update t set v = :v from u where t.id = :id and u.k = t.k and u.l = :l", {"id": "id"}),
        ("update t set v = :v, id = :id where id = :id", {"id": "id"}),
        ("update t set v = :v where id = :id returning id", {"id": "id"}),
        ("delete from only t where id = :id", {"id": "id"}),
        ("delete from t using u where t.id = :id", {"id": "id"}),
    ],
)
def test_equalities_at_the_top_level_name_the_rows(sql: str, expected: dict[str, str]) -> None:
    """A column of the changed table that must equal a parameter bounds the rows of a set."""
    assert named(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "update t set v = :v",
        "update t set v = :v where id = :id or id = 7",
        "update t set v = :v where case when true and id = :id and true then true end",
        "update t set v = :v where not id = :id",
        "update t set v = :v where id = :id is not true",
        "update t set v = :v where a between 1 and id = :id",
        "update t set v = :v where id = :id + 1",
        "update t set v = :v where id >= :id",
        "update t set v = :v where id != :id",
        "update t set v = :v where id + 1 = :id",
        "update t set v = :v where lower(id) = :id",
        "update t set v = :v where id = a = :id",
        "update t set v = :v where id = :id::varchar(2)",
        "update t set v = :v where id = :id::text::int",
        "update t set v = :v where id = cast(:id as char(2))",
        "update t set v = :v where id = cast(1 as int)",
        "update t set v = :v where id = cast(x, :id)",
        "update t set v = :v where (a, b) = (:a, :v, 1)",
        "update t set v = :v where id in (:ids*)",
        "update t set v = :v, id = 5 where id = :id",
        "update t set id = :id + 1 where id = :id",
        "update t set (v, id) = (:v, 1) where id = :id",
        "update t set t.id = 5 where id = :id",
        "update t set id[1] = :v where id = :id",
        "update t set v = :v from u where id = :id",
        "update t set v = :v from u where u.id = :id",
        "update t, u set v = :v where t.id = :id",
        "update t as set v = :v where id = :id",
        "update (select 1) set v = :v where id = :id",
        "update t x y set v = :v where id = :id",
        "update t x set v = :v where t.id = :id",
        "-- @param t ident\nupdate :{t} set v = :v where id = :id",
        "delete t from t where id = :id",
        "delete from t partition (p) where id = :id",
        "with x as (delete from u where id = :id) update t set v = :v where id = :id",
        "select f(:id)",
        "merge into t using u on t.id = :id when matched then delete",
        "delete from t where",
        "delete from t as",
    ],
)
def test_what_is_not_certain_names_nothing(sql: str) -> None:
    """Other conditions, and statements that may change other rows too, give None."""
    assert found(sql) is None


def test_the_text_of_mysql_is_read_by_its_rules() -> None:
    """Names fold, `||` is an OR, casts may cut, and columns may be set with their table's name."""
    assert named("update `T` set v = :v where `Id` = :id limit 1", "mysql") == {"id": "id"}
    assert named("update t set v = :v where id = :id || id = 7", "mysql") is None
    assert named("update t set v = :v where id = cast(:id as unsigned)", "mysql") is None
    assert named("update low_priority ignore t set v = :v where t.id = :id", "mysql") == {"id": "id"}


def test_a_cast_is_noted() -> None:
    """A cast by the text may change what a value equals, so it is told."""
    names = found("update t set v = :v where id = :id::int and k = :v")
    assert names is not None
    assert names.cast == {1}


def test_bounds_of_a_range() -> None:
    """`col > :lo AND col <= :hi` names the rows of a range, if nothing assigns the column."""
    names = found("update t set v = 1 where id > :lo and id <= :hi")
    assert names == KeyColumns(("t",), (), assigned=frozenset({"v"}), bounds=(0, 1))
    assert found("update t set id = 1 where id > :lo and id <= :hi") is None
    assert found("update t set v = 1 where id > :lo and k <= :hi") is None
    assert found("update t set v = 1 where id > 5 and id <= :hi") is None


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("insert into t (a, b) values (:a, lower(:b)) on conflict (a) do nothing", {"a": "a", "b": None}),
        ("insert into s.t as x (a, b) values (:a, :b::int) returning a", {"a": "a", "b": "b"}),
        ("insert into t (a) overriding system value values (:a)", {"a": "a"}),
        ("replace into t (a) value (:a)", {"a": "a"}),
        ("insert or replace into t (a) values (:a)", {"a": "a"}),
        ("insert into t values (:a)", {"": "a"}),
    ],
)
def test_the_values_of_an_insert(sql: str, expected: dict[str, str | None]) -> None:
    """Columns with the parameters that they are given."""
    assert named(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "insert into t (a) values (:a), (:a)",
        "insert into t (a, b) values (:a)",
        "insert into t (a.b) values (:a)",
        "insert into t (a) select :a",
        "insert into t (a) values row(:a)",
        "insert t (a) values (:a)",
        "-- @param t ident\ninsert into :{t} (a) values (:a)",
    ],
)
def test_other_inserts_name_nothing(sql: str) -> None:
    """Several rows, a query, or another shape."""
    assert found(sql) is None


def test_what_an_upsert_assigns() -> None:
    """Columns that get another value than the one that was in conflict."""
    base = "insert into t (a, b) values (:a, :b) on "
    same = found(base + "conflict (a) do update set a = excluded.a, b = excluded.b, c = t.c + 1 where t.b < 5")
    assert same is not None
    assert same.conflict == ("a",)
    assert "a" not in same.assigned
    assert {"c"} <= same.assigned
    other = found(base + "conflict (lower(a)) do update set a = excluded.b")
    assert other is not None
    assert (other.conflict, "a" in other.assigned) == ((), True)
    named_ = found(base + "conflict on constraint k do nothing")
    assert named_ is not None
    assert named_.conflict == ()
    mine = find_key_columns(
        inline(base + "duplicate key update a = values(a), b = last_insert_id(b), c = 1", "mysql"), "mysql"
    )
    assert mine is not None
    assert mine.assigned == {"c"}
    empty = find_key_columns(inline(base + "duplicate key update a =", "mysql"), "mysql")
    assert empty is not None
    assert empty.assigned == {"a"}
