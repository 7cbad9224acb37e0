"""Uses of a range that would change other rows than its own."""

from __future__ import annotations

import pytest

from bulkq.errors import QueryFileError
from bulkq.query import inline
from bulkq.query.range_placeholder import find_range


def complaint(text: str, dialect: str = "postgresql") -> str:
    """What is wrong with the range in a statement; "" if it is right."""
    try:
        find_range(inline(text, dialect), dialect)
    except QueryFileError as error:
        return str(error).removeprefix("-e:1: ").partition(": write")[0]
    return ""


@pytest.mark.parametrize(
    "text",
    [
        "update t set a = 1 where :range",
        "update t set a = 1 where :range and (b or c)",
        "update t set a = 1 where (:range) and (b or c)",
        "update t set a = 1 where a is distinct from b and :range returning id",
        "update t set a = 1 where :range and case when b or c then true else false end",
        "update t set a = 1 where case b when 1 then true end and :range",
        "update t set a = 1 where id in (select id from t where :range for update)",
        "update t set a = 1 where exists (select 1 from x where x.id = t.id and :range(t))",
        "update t set a = f(b or c) where :range",
        "with x as materialized (select id from t where :range) update t set a = 1 from x where x.id = t.id or b",
        "merge into t using (select * from t where :range) s on s.id = t.id when matched then update set a = 1",
        "insert into l select id from t where :range",
        "insert into l select id from u left join v on true join t on t.id = u.id and :range(t)",
        "select id from t where :range union all select id from u where :range(u)",
        "update t set a = :range where :range",
        "update t set a = 1 where :range and a || b = c",
        "update t set a = 1 where id > :lo and id <= :hi",
        "update t set a = 1 where :lo < id and :hi >= id",
        "update t set a = 1 where id > :lo and id <= :hi and f(:lo, :hi)",
    ],
)
def test_statements_that_a_range_bounds(text: str) -> None:
    """A condition of its own beside AND, in WHERE or in a subquery that gives the rows."""
    assert complaint(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "update t set a = 1 where :range and b or c",
        "update t set a = 1 where c xor d and :range",
        "update t set a = 1 where b or :range",
        "update t set a = 1 where :range or b",
        "update t set a = 1 where (:range and b) or c",
        "update t set a = 1 where id in (select id from t where :range) or b",
    ],
)
def test_or_beside_a_range(text: str) -> None:
    """OR at any level around the range makes rows outside of it match."""
    assert complaint(text) == ":range is beside OR, so a range would change rows outside of it"


def test_double_pipe() -> None:
    """In MySQL and MariaDB, `||` is OR."""
    assert "is beside OR" in complaint("update t set a = 1 where :range and b || c", "mysql")


@pytest.mark.parametrize(
    "text",
    [
        "delete from t where not :range",
        "delete from t where not (:range)",
        "delete from t where id not in (select id from t where :range)",
        "delete from t where not exists (select 1 from x where x.id = t.id and :range(t))",
    ],
)
def test_negated_range(text: str) -> None:
    """NOT makes every row outside of the range match."""
    assert complaint(text) == ":range is negated, so a range would change rows outside of it: remove NOT"


@pytest.mark.parametrize("text", ["update t set a = :range::int where b", "delete from t where :range = true"])
def test_range_within_an_expression(text: str) -> None:
    """A range is a condition, not an operand."""
    assert complaint(text) == ":range must be a condition of its own"


@pytest.mark.parametrize(
    "text",
    [
        "update t set a = (select max(b) from u where :range) where b",
        "update t set a = 1 where case when :range then true end",
        "update t set a = 1 where coalesce((:range), b)",
        "update t set a = 1 from u left outer join v on :range(v) where b",
        "values (:range)",
        "select a from t order by (:range)",
    ],
)
def test_range_that_bounds_nothing(text: str) -> None:
    """The range stands in a value, and the statement changes the same rows for each range."""
    assert complaint(text) in {
        ":range does not bound the rows that the statement changes",
        ":range must be a condition of its own",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("delete from t where :range limit 5", "LIMIT would leave rows of a range unchanged: remove it, and bound the rows of a range with --max-rows"),
        (
            "delete from t where id in (select id from t where :range order by id fetch first 5 rows only)",
            "FETCH would leave rows of a range unchanged: remove it, and bound the rows of a range with --max-rows",
        ),
        (
            "delete from t where id in (select id from t where :range for update skip locked)",
            "SKIP LOCKED would leave rows of a range unchanged: remove it",
        ),
    ],
)  # fmt: skip
def test_range_of_which_rows_would_be_left(text: str, words: str) -> None:
    """A range is done as a whole, or its rest would never be changed."""
    assert complaint(text) == words


@pytest.mark.parametrize(
    "condition", ["between :lo and :hi", ">= :lo and id < :hi", "> :lo and id < :hi", "in (:lo, :hi)"]
)
def test_bounds_that_repeat_or_leave_out_a_row(condition: str) -> None:
    """The lower bound is exclusive and the upper inclusive, as `-p range:` gives them."""
    assert complaint(f"update t set a = 1 where id {condition}") == ":lo is exclusive and :hi is inclusive"


def test_or_beside_bounds() -> None:
    """The message shows the form with bounds."""
    with pytest.raises(QueryFileError, match=r"write WHERE id > :lo AND id <= :hi AND \(\.\.\. OR \.\.\.\)"):
        find_range(inline("delete from t where id > :lo and id <= :hi or b"), "postgresql")
