"""The request of a backfill: what a header gives, and what is refused before anything is opened."""

from __future__ import annotations

import pytest

from bulkq.errors import UsageError
from bulkq.lifecycle.backfill.validate_request import (
    check_parameters,
    complete_options,
    key_columns,
    range_statement,
    statement_of,
)
from bulkq.model.run import BackfillOptions
from bulkq.query import inline
from bulkq.query.parse_queries import load

WRITTEN = load(
    """-- name: norm
-- @over users
-- @key a, b
-- @where c is null
-- @batch 50
-- @verify select count(*) from users
update users set c = :c where :range;
""",
    "u.sql",
    "postgresql",
)[0]


def test_an_option_outranks_the_header() -> None:
    """What is not given comes from the header of the query."""
    found = complete_options(BackfillOptions(over=""), WRITTEN)
    assert (found.over, found.key, found.where) == ("users", ("a", "b"), "c is null")
    assert found.verify == "select count(*) from users"
    assert found.first_rows == 50
    given = complete_options(BackfillOptions(over="t", key=("x",), where="y", verify="z"), WRITTEN)
    assert (given.over, given.key, given.where, given.verify) == ("t", ("x",), "y", "z")
    assert key_columns(" a,,b ") == ("a", "b")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (BackfillOptions(over=""), "no table: give --over TABLE"),
        (BackfillOptions(over="t"), "nothing to do with t: give --set COLUMN=EXPR, --delete, or FILE"),
        (BackfillOptions(over="t", delete=True, assignments=("a = 1",)), "--delete and --set: give"),
        (BackfillOptions(over="t", delete=True), "--delete without --where deletes every row"),
        (BackfillOptions(over="t", assignments=("a = 1",), where=""), '--where "" is empty'),
        (BackfillOptions(over="t", assignments=("a = 1",), verify=" "), '--verify "" is empty'),
        (BackfillOptions(over="t", assignments=("a = 1",), min_rows=9, max_rows=2), "--min-rows 9 is more than"),
    ],
)
def test_what_is_refused(options: BackfillOptions, message: str) -> None:
    """No table, nothing to do, two things at once, a deletion without a condition."""
    with pytest.raises(UsageError, match=f"^{message}"):
        complete_options(options, None)


def test_a_table_that_is_not_a_name() -> None:
    """Two statements, or a quote that is not closed."""
    for over in ("t; drop table t", 't"q'):
        with pytest.raises(UsageError, match="is not the name of a table: write TABLE or SCHEMA.TABLE$"):
            statement_of(BackfillOptions(over=over, assignments=("a = 1",)), None, "postgresql")


APPLY = load(
    """-- name: put
-- @over t
-- @select select id, b from t where :range and b > :least
-- @map m:f
update t set a = :a where id = :id;
""",
    "t.sql",
    "postgresql",
)[0]


def test_a_function_of_a_header() -> None:
    """The range is in `--select`, whose parameters need values; those of the query come from the function."""
    options = complete_options(BackfillOptions(over=""), APPLY)
    assert (options.map, options.over) == ("m:f", "t")
    assert statement_of(options, APPLY, "postgresql") is APPLY
    select = range_statement(options, APPLY, "postgresql")
    assert select.sql == "select id, b from t where :range and b > :least"
    check_parameters(select, {"least"})
    with pytest.raises(UsageError, match=':least" has no value'):
        check_parameters(select, ())
    assert range_statement(BackfillOptions(over="t"), WRITTEN, "postgresql") is WRITTEN
    with pytest.raises(UsageError, match=":range belongs to --select"):
        statement_of(options, WRITTEN, "postgresql")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (BackfillOptions(over="t", select="x"), "--select needs a function for its rows"),
        (BackfillOptions(over="t", map="m:f"), "--map needs the rows of a range"),
        (BackfillOptions(over="t", map="m:f", select="x"), "--select and --map need a query that takes"),
        (BackfillOptions(over="t", delete=True, where="a", map_timeout_s=1.0), "--map-timeout goes with --select"),
        (BackfillOptions(over="t", delete=True, where="a", lock=False), "--no-lock goes with --select"),
    ],
)
def test_a_function_needs_its_queries(options: BackfillOptions, message: str) -> None:
    """Each message names what is missing, or what has no meaning."""
    with pytest.raises(UsageError, match=f"^{message}"):
        complete_options(options, None)


def test_a_query_without_a_table() -> None:
    """The message names the key of the header."""
    with pytest.raises(UsageError, match="add @over TABLE to the query"):
        complete_options(BackfillOptions(over=""), inline("update t set a = 1 where :range", "sqlite"))


def test_statements() -> None:
    """The statement is the query, or made from the options; a query without a place for the range is refused."""
    assert statement_of(BackfillOptions(over="users"), WRITTEN, "postgresql") is WRITTEN
    delete = BackfillOptions(over="t", delete=True, where="a > 1")
    assert statement_of(delete, None, "sqlite").sql == "DELETE FROM t WHERE :range AND (a > 1)"
    update = BackfillOptions(over="t", assignments=("a = 1",))
    assert statement_of(update, None, "sqlite").sql == "UPDATE t SET a = 1 WHERE :range"
    with pytest.raises(UsageError, match="is not an assignment"):
        statement_of(BackfillOptions(over="t", assignments=("a",)), None, "sqlite")
    with pytest.raises(UsageError, match="where the range of the key goes"):
        statement_of(BackfillOptions(over="t"), inline("update t set a = 1 where b = 2", "sqlite"), "sqlite")


def test_parameters() -> None:
    """A parameter beside the range needs a value, and a value a parameter."""
    check_parameters(WRITTEN, {"c"})
    with pytest.raises(UsageError, match=r'u.sql:norm: ":c" has no value: give it with --param c=VALUE'):
        check_parameters(WRITTEN, ())
    with pytest.raises(UsageError, match=r'--param d: u.sql:norm has no ":d"'):
        check_parameters(WRITTEN, {"c", "d"})
