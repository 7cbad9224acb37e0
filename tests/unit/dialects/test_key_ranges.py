"""The SQL of key ranges: conditions that compare one column at a time, and queries that read an index in its order."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
import sqlglot

from bulkq.dialects import POSTGRESQL, SQLITE, Dialect, key_ranges
from bulkq.errors import RefusedError
from bulkq.model.key_range import KeyColumn, RangeForm, TableKey

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = TableKey('public."Odd"', (KeyColumn("a", "integer"), KeyColumn('b"', "text", '"C"'), KeyColumn("c", "date")))
PAIRS = TableKey("t", (KeyColumn("a", "integer"), KeyColumn("b", "integer")))
BOTH = RangeForm(0, lower=True, upper=True)


@pytest.mark.parametrize(
    ("form", "alias", "text"),
    [
        (RangeForm(0, lower=False, upper=True), "", '("a" <= :bulkq_hi::integer)'),
        (BOTH, "u", '(u."a" > :bulkq_lo::integer AND u."a" <= :bulkq_hi::integer)'),
        (
            RangeForm(1, lower=True, upper=False),
            "",
            '("a" = :bulkq_1::integer AND "b""" COLLATE "C" > :bulkq_lo::text)',
        ),
        (
            RangeForm(2, lower=True, upper=True),
            "u",
            (
                '(u."a" = :bulkq_1::integer AND u."b""" COLLATE "C" = :bulkq_2::text '
                'AND u."c" > :bulkq_lo::date AND u."c" <= :bulkq_hi::date)'
            ),
        ),
    ],
)
def test_conditions_compare_one_column(form: RangeForm, alias: str, text: str) -> None:
    """Columns in front are equal, one has bounds."""
    assert key_ranges.condition(KEY, form, POSTGRESQL, alias) == text


@pytest.mark.parametrize("dialect", [POSTGRESQL, SQLITE], ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("form", [BOTH, RangeForm(2, lower=False, upper=False), RangeForm(1, lower=True, upper=False)])
def test_queries_parse(dialect: Dialect, form: RangeForm) -> None:
    """Each is one statement of its database."""
    for text in (
        key_ranges.greatest_query(KEY, dialect),
        key_ranges.row_query(KEY, dialect),
        key_ranges.count_query(KEY, BOTH, dialect),
        key_ranges.keys_query(KEY, form, dialect),
        key_ranges.lock_query(KEY, form, dialect),
        key_ranges.page_query(KEY, form, 10, dialect, whole=form.level > 0),
        key_ranges.boundary_query(KEY, RangeForm(2, lower=form.lower, upper=form.upper), 10, dialect),
        key_ranges.group_query(KEY, form, dialect),
        f"SELECT 1 FROM r ORDER BY {key_ranges.order_of_ends(KEY, ['u1', 'u2', 'u3'], dialect)}",
    ):
        assert len(sqlglot.parse(text, dialect=dialect.name)) == 1


def test_a_sample_is_a_few_keys_in_their_order() -> None:
    """The query of the sample is one statement, with the share of the pages."""
    text = key_ranges.sample_query(KEY, 0.25, 9, POSTGRESQL)
    assert len(sqlglot.parse(text, dialect="postgres")) == 1
    assert "TABLESAMPLE SYSTEM (0.250000) REPEATABLE (1)" in text


def test_the_upper_bound_of_a_page_is_compared_behind_its_limit() -> None:
    """So a planner that expects few rows below a bound does not sort the rest of the table."""
    text = key_ranges.page_query(PAIRS, BOTH, 50, POSTGRESQL)
    assert text.index("LIMIT 50") < text.index(":bulkq_hi")
    assert text.index(":bulkq_lo") < text.index("LIMIT 50")


@pytest.fixture
def pairs() -> Iterator[sqlite3.Connection]:
    """A table of groups: 1 row of 1, 5 rows of 2, 2 rows of 3."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a integer, b integer, PRIMARY KEY (a, b))")
    connection.executemany(
        "INSERT INTO t VALUES (?, ?)", [(a, b) for a, n in ((1, 1), (2, 5), (3, 2)) for b in range(n)]
    )
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("form", "rows", "values", "row"),
    [
        (RangeForm(0, lower=False, upper=False), 100, {}, ("i:3", "i:1", 8, 7)),
        (RangeForm(0, lower=False, upper=False), 4, {}, ("i:2", "i:2", 4, 2)),
        (BOTH, 100, {"bulkq_lo": "i:1", "bulkq_hi": "i:2"}, ("i:2", "i:4", 5, 1)),
        (RangeForm(1, lower=True, upper=False), 100, {"bulkq_1": "i:2", "bulkq_lo": "i:2"}, ("i:4", 2)),
        (RangeForm(1, lower=True, upper=False), 100, {"bulkq_1": "i:2", "bulkq_lo": "i:4"}, None),
    ],
)
def test_a_page_ends_with_its_last_row(
    pairs: sqlite3.Connection, form: RangeForm, rows: int, values: dict[str, str], row: tuple[object, ...] | None
) -> None:
    """With the number of its rows, and where its last group begins."""
    assert pairs.execute(key_ranges.page_query(PAIRS, form, rows, SQLITE), values).fetchone() == row


@pytest.mark.parametrize(
    ("rows", "values", "row"),
    [
        (1, {"bulkq_lo": "i:0", "bulkq_hi": "i:4"}, ("i:1",)),
        (3, {"bulkq_lo": "i:0", "bulkq_hi": "i:3"}, ("i:3",)),
        (3, {"bulkq_lo": "i:0", "bulkq_hi": "i:2"}, None),
        (5, {"bulkq_lo": "i:0", "bulkq_hi": "i:9"}, None),
    ],
)
def test_the_boundary_of_the_last_column(
    pairs: sqlite3.Connection, rows: int, values: dict[str, str], row: tuple[str] | None
) -> None:
    """It is the row at that number behind a position; none if that is past the end."""
    form = RangeForm(1, lower=True, upper=True)
    query = key_ranges.boundary_query(PAIRS, form, rows, SQLITE)
    assert pairs.execute(query, {"bulkq_1": "i:2", **values}).fetchone() == row
    whole = key_ranges.boundary_query(PAIRS, RangeForm(1, lower=False, upper=False), 2, SQLITE)
    assert pairs.execute(whole, {"bulkq_1": "i:3"}).fetchone() == ("i:1",)


def test_an_upper_bound_may_belong_to_the_next_page(pairs: sqlite3.Connection) -> None:
    """The group of the bound is left out then; the last group in front of it is found by itself."""
    values = {"bulkq_lo": "i:1", "bulkq_hi": "i:3"}
    page = key_ranges.page_query(PAIRS, BOTH, 100, SQLITE, whole=False)
    assert pairs.execute(page, values).fetchone() == ("i:2", "i:4", 5, 1)
    assert pairs.execute(key_ranges.group_query(PAIRS, BOTH, SQLITE), values).fetchone() == ("i:2",)
    first = RangeForm(0, lower=False, upper=True)
    assert pairs.execute(key_ranges.group_query(PAIRS, first, SQLITE), {"bulkq_hi": "i:1"}).fetchone() is None


def test_a_group_is_later_than_another(pairs: sqlite3.Connection) -> None:
    """If it has rows, and is not the same one."""
    query = key_ranges.later_group_query(PAIRS, 0, SQLITE)
    found = [
        pairs.execute(query, {"bulkq_1": group, "bulkq_lo": "i:2"}).fetchone() for group in ("i:1", "i:2", "i:3", "i:4")
    ]
    assert found == [None, None, (1,), None]


def test_the_last_row_and_its_key(pairs: sqlite3.Connection) -> None:
    """The key of the last row leads to a row with the same texts; another does not."""
    assert pairs.execute(key_ranges.greatest_query(PAIRS, SQLITE)).fetchone() == ("i:3", "i:1")
    values = {"bulkq_1": "i:3", "bulkq_2": "i:1"}
    assert pairs.execute(key_ranges.row_query(PAIRS, SQLITE), values).fetchone() == ("i:3", "i:1")
    assert pairs.execute(key_ranges.row_query(PAIRS, SQLITE), values | {"bulkq_2": "i:9"}).fetchone() is None
    assert pairs.execute(
        key_ranges.count_query(PAIRS, BOTH, SQLITE), {"bulkq_lo": "i:1", "bulkq_hi": "i:9"}
    ).fetchone() == (7,)


def test_names_of_columns_do_not_meet_names_of_results() -> None:
    """ORDER BY takes a name for a result before it takes it for a column."""
    key = TableKey("t", (KeyColumn("k1", "integer"), KeyColumn("k0", "integer")))
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (k1 integer, k0 integer, PRIMARY KEY (k1, k0))")
    connection.executemany("INSERT INTO t VALUES (?, ?)", [(2, 10), (10, 2), (9, 9)])
    assert connection.execute(key_ranges.greatest_query(key, SQLITE)).fetchone() == ("i:10", "i:2")
    page = key_ranges.page_query(key, RangeForm(0, lower=False, upper=False), 9, SQLITE)
    assert connection.execute(page).fetchone() == ("i:10", "i:2", 3, 3)
    connection.close()


def test_ends_stand_behind_all_that_begins_with_them(pairs: sqlite3.Connection) -> None:
    """A position of fewer columns comes behind its group, and in front of the next."""
    ends = [("i:2", None), ("i:10", "i:1"), ("i:2", "i:10"), ("i:2", "i:9"), ("i:10", None), ("i:9", None)]
    pairs.execute("CREATE TABLE r (u1 text, u2 text)")
    pairs.executemany("INSERT INTO r VALUES (?, ?)", ends)
    order = key_ranges.order_of_ends(PAIRS, ["u1", "u2"], SQLITE)
    assert pairs.execute(f"SELECT u1, u2 FROM r ORDER BY {order}").fetchall() == [
        ("i:2", "i:9"),
        ("i:2", "i:10"),
        ("i:2", None),
        ("i:9", None),
        ("i:10", "i:1"),
        ("i:10", None),
    ]


def test_an_unknown_database_is_refused() -> None:
    """By its name."""
    with pytest.raises(RefusedError, match="firebird"):
        key_ranges.condition(PAIRS, BOTH, Dialect(name="firebird"))
