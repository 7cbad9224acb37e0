"""Which parameters count as the key of a set, and how they compare, from the text and the catalog."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.dialects import dialect_for, parameter_equality
from bulkq.dialects.parameter_equality import ANY
from bulkq.dialects.row_key_catalog import CatalogColumn, CatalogTable
from bulkq.query import inline
from bulkq.query.key_columns_of_write import find_key_columns
from bulkq.query.row_keys_of_parameter_sets import RowKey, RowKeyTypes, find_row_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.dialects.row_key_catalog import Keys, ParameterUse

COLUMNS = [
    CatalogColumn("id", "bigint", "bigint"),
    CatalogColumn("n", "numeric", "numeric"),
    CatalogColumn("price", "numeric", "numeric", length=655366),
    CatalogColumn("hundreds", "numeric", "numeric", length=(3 << 16 | 0x7FE) + 4),
    CatalogColumn("code", "character varying", "code", length=6),
    CatalogColumn("name", "text", "text"),
    CatalogColumn("fold", "text", "text", collation="ci"),
    CatalogColumn("mail", "citext", "public.citext"),
    CatalogColumn("at", "timestamp with time zone", "timestamp with time zone", length=3),
    CatalogColumn("day", "date", "date"),
    CatalogColumn("r", "real", "real"),
    CatalogColumn("f", "double precision", "double precision"),
    CatalogColumn("twice", "bigint", "bigint", computed=True),
    CatalogColumn("five", "integer", "integer", filled=False),
]
TABLE = CatalogTable({column.name: column for column in COLUMNS})


def keys_of(dialect: str) -> Callable[[CatalogColumn, ParameterUse], Keys]:
    catalog = dialect_for(dialect).catalog
    assert catalog is not None
    return catalog.keys


def found(sql: str, table: CatalogTable = TABLE, *types: str, mysql: bool = False) -> tuple[RowKey, ...] | None:
    dialect = "mysql" if mysql else "postgres"
    query = inline(sql, dialect)
    names = find_key_columns(query, dialect)
    assert names is not None
    kinds = types or tuple(table.columns[p.name].type if p.name in table.columns else "" for p in query.parameters)
    return find_row_keys(names, table, RowKeyTypes(kinds, [p.type for p in query.parameters], keys_of(dialect)))


def where(column: str, *types: str, text: str = ":x") -> object:
    """How `column = :x` compares."""
    made = found(f"delete from t where {column} = {text}", TABLE, *(types or ("",)))
    assert made is not None
    return made[0].keys[0]


@pytest.mark.parametrize(
    ("column", "kind", "keys"),
    [
        ("id", "bigint", parameter_equality.integers),
        ("id", "", parameter_equality.integers),
        ("id", "numeric", parameter_equality.numbers),
        ("id", "double precision", parameter_equality.anything),
        ("n", "numeric", parameter_equality.numbers),
        ("price", "numeric", parameter_equality.numbers),
        ("code", "code", parameter_equality.padded),
        ("code", "text", parameter_equality.texts),
        ("code", "other", parameter_equality.anything),
        ("name", "text", parameter_equality.texts),
        ("fold", "text", parameter_equality.anything),
        ("mail", "citext", parameter_equality.folded),
        ("mail", "text", parameter_equality.texts),
        ("at", "timestamp with time zone", parameter_equality.instants),
        ("day", "timestamp with time zone", parameter_equality.anything),
        ("r", "real", parameter_equality.anything),
        ("f", "double precision", parameter_equality.doubles),
        ("f", "numeric", parameter_equality.anything),
    ],
)
def test_values_compare_as_the_types_do(column: str, kind: str, keys: object) -> None:
    """By the parameter's type and the column's; what may find different values equal is not told apart."""
    assert where(column, kind) is keys


def test_a_cast_that_cuts_is_not_trusted() -> None:
    """`::char` is one character, a domain may have a length, and a cast whose type is not known may do anything."""
    assert where("name", "character", text=":x::char") is parameter_equality.anything
    assert where("code", "code", text=":x::code") is parameter_equality.anything
    assert where("name", "", text=":x::text") is parameter_equality.anything
    assert where("name", "text", text=":x::text") is parameter_equality.texts
    query = inline("-- name: q(x: varchar(2))\ndelete from t where name = :x")
    names = find_key_columns(query, "postgres")
    assert names is not None
    made = find_row_keys(names, TABLE, RowKeyTypes(["character varying"], ["varchar(2)"], keys_of("postgres")))
    assert made is not None
    assert made[0].keys == (parameter_equality.anything,)
    assert not made[0].compared


def test_certain_columns_count_alone() -> None:
    """Beside a column whose values are always understood, others are left out: the key is coarser, and never unknown."""
    made = found("delete from t where day = :day and id = :id and twice = :twice and nope = :nope")
    assert made is not None
    assert (made[0].names, made[0].compared) == (("id",), True)
    assert found("delete from t where twice = :twice") is None


def test_keys_of_sets() -> None:
    """One column gives its keys, several give rows of keys; a value that may equal any other makes such a row."""
    one = RowKey(("id",), (1,), (parameter_equality.integers,))
    assert one.of([("a", "01"), ("b", "2")]) == [1, 2]
    two = RowKey(("id", "day"), (0, 1), (parameter_equality.integers, parameter_equality.dates))
    assert two.of([("1", None), ("01", None)]) == [(1, None), (1, None)]
    assert two.of([("1", "today"), ("1", None)]) == [ANY, (1, None)]


def unique(*indexes: tuple[str, ...] | None, rewritten: bool = False) -> CatalogTable:
    return replace(TABLE, unique=indexes, rewritten=rewritten)


def names_of(sql: str, table: CatalogTable) -> list[tuple[str, ...]] | None:
    made = found(sql, table)
    return None if made is None else [group.names for group in made]


def test_inserts_meet_in_unique_indexes() -> None:
    """Every unique index is a way to name a row; the one of ON CONFLICT stands first."""
    sql = "insert into t (id, name, day) values (:id, :name, :day)"
    assert names_of(sql, unique()) == []
    assert names_of(sql, unique(("id",), ("name", "day"))) == [("id",), ("name",)]
    assert names_of(sql + " on conflict (name) do nothing", unique(("id",), ("name",))) == [("name",), ("id",)]
    assert names_of(sql, unique(("n",), ("id",))) == [("id",)], "what is left out is NULL, or has its own value"
    assert names_of(sql, unique(("five",), ("id",))) is None, "what is left out is five in every row"
    assert names_of(sql, unique(None, ("id",))) is None
    assert names_of(sql + " on conflict (id) do nothing", unique(None, ("id",))) == [("id",)]
    assert names_of(sql + " on conflict (id) do nothing", unique(None)) is None
    assert names_of(sql + " on conflict (id) do nothing", unique(("name",))) is None
    assert names_of(sql, unique(("id",), rewritten=True)) is None
    assert names_of("insert into t (id) values (:id + 1)", unique(("id",))) is None
    assert names_of("insert into t (twice) values (:twice)", unique(("twice",))) is None
    assert names_of("insert into t values (:id, :n)", unique(("n",))) == [("n",)]
    assert names_of(sql + " on conflict (id) do update set id = 5", unique(("id",))) is None


def test_inserts_round_and_cut() -> None:
    """What is stored may be another value than the one that was given: whole numbers and texts stay."""
    sql = "insert into t (price, hundreds, at, code) values (:price, :hundreds, :at, :code)"
    made = found(sql, unique(("price",), ("hundreds",), ("at",), ("code",)))
    assert made is not None
    keys = [group.keys[0] for group in made]
    assert keys == [
        parameter_equality.whole,
        parameter_equality.anything,
        parameter_equality.anything,
        parameter_equality.padded,
    ]


MYSQL = CatalogTable(
    {
        name: CatalogColumn(name, kind, length=length, collation=collation)
        for name, kind, length, collation in [
            ("id", "int", 0, ""),
            ("b", "varchar", 5, "utf8mb4_bin"),
            ("g", "varchar", 5, "utf8mb4_general_ci"),
            ("l", "text", 0, "latin1_swedish_ci"),
            ("s", "text", 0, "utf8mb4_swedish_ci"),
            ("f", "float", 0, ""),
            ("d", "decimal", 0, ""),
        ]
    },
    (("b",),),
)


@pytest.mark.parametrize(
    ("column", "keys"),
    [
        ("id", parameter_equality.whole),
        ("b", parameter_equality.padded),
        ("g", parameter_equality.folded),
        ("l", parameter_equality.folded),
        ("s", parameter_equality.anything),
        ("f", parameter_equality.anything),
        ("d", parameter_equality.rounded),
    ],
)
def test_mysql_compares_by_the_column(column: str, keys: object) -> None:
    """Type and collation of the column say how a value compares."""
    made = found(f"delete from t where {column} = :x", MYSQL, "", mysql=True)
    assert made is not None
    assert made[0].keys == (keys,)


def test_mysql_may_cut() -> None:
    """A text that is longer than its column may become any other."""
    made = found("insert into t (b) values (:b)", MYSQL, "", mysql=True)
    assert made is not None
    assert made[0].of([("abcde",), ("abcdef",)]) == ["abcde", ANY]
