"""The queries of a backfill with a Python function."""

from __future__ import annotations

import pytest

from bulkq.errors import UsageError
from bulkq.query import inline
from bulkq.query.transform_statements import add_row_lock, check_apply, read_select

APPLY = inline("-- name: put\nupdate t set a = :a where id = :id", "postgres")


def test_the_query_of_a_range_has_the_name_of_the_one_that_it_is_for() -> None:
    """So failures are those of one query."""
    select = read_select("select id, b from t where :range and b > :least;", APPLY, "postgres")
    assert select.place == "--select:put"
    assert (select.name, [parameter.name for parameter in select.parameters]) == ("put", ["range", "least"])
    assert add_row_lock(select, "FOR UPDATE").sql == "select id, b from t where :range and b > :least\nFOR UPDATE"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("delete from t where :range", '--select: "delete from t where :range" is not one SELECT'),
        ("select 1; select 2", "--select: "),
        ("select id from t", "--select: the statement does not say where the range of the key goes"),
        ("select id from t where :range or b", "--select: :range is beside OR"),
        ("select :{x} + :x from t where :range", "--select:1: "),
        ("-- @param x ident\nselect :{x} from t where :range", "--select: :{x} is a name"),
    ],
)
def test_a_query_that_does_not_read_a_range_is_refused(text: str, wrong: str) -> None:
    """With the option in front."""
    with pytest.raises(UsageError) as caught:
        read_select(text, APPLY, "postgres")
    assert str(caught.value).startswith(wrong)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("update t set a = :a where :range", "sql: :range belongs to --select"),
        ("select :a", "sql is not INSERT, UPDATE, DELETE or MERGE"),
        ("-- @transaction off\nupdate t set a = :a", "sql is not INSERT"),
        ("update t set a = 1", "sql has no parameters"),
        ("-- @param a ident\nupdate t set :{a} = :b where c = 1", "sql: :{a} is a name, which a function cannot give"),
    ],
)
def test_a_query_that_cannot_take_the_sets_is_refused(text: str, wrong: str) -> None:
    """Before anything is opened."""
    with pytest.raises(UsageError, match=f"^{wrong.replace('{', '[{]')}"):
        check_apply(inline(text, "postgres"))


def test_a_write_with_parameters_is_taken() -> None:
    """It is executed for each set."""
    check_apply(APPLY)
