"""Statements of `--set`, `--delete` and `--where`."""

from __future__ import annotations

import pytest

from bulkq.errors import UsageError
from bulkq.model import StatementClass
from bulkq.model.key_range import KeyColumn, TableFacts, TableKey
from bulkq.query.backfill_statement import (
    assigned_columns,
    assignments_text,
    build_count,
    build_delete,
    build_set,
    changed_table,
    check_assigned,
    condition_text,
    tells_what_is_left,
)
from bulkq.query.parse_queries import inline
from bulkq.query.range_placeholder import expand, free_parameters

EXAMPLE = 'write "column = expression"'
TABLE = TableFacts(
    TableKey('"public"."t"', (KeyColumn("id", "bigint"),)),
    {"id": "bigint", "phone": "text", "Name": "text", "a": "int", "b": "int"},
)


def names(*texts: str, dialect: str = "postgresql") -> tuple[str, ...]:
    """The columns in the catalog that texts of `--set` assign."""
    return check_assigned(assigned_columns(texts, dialect), TABLE, dialect)


def test_statements() -> None:
    """The range comes first; the user's texts follow, each so that its comments end within it."""
    query = build_set("t", ["a = f(b, 1) -- one", "b = 2, c = :c"], "a is null -- left", "postgresql")
    assert query.sql == "UPDATE t SET a = f(b, 1) -- one\n, b = 2, c = :c WHERE :range AND (a is null -- left\n)"
    assert (query.name, query.verb, query.unbounded, free_parameters(query)) == ("set", "UPDATE", False, ("c",))
    assert build_set("t", ["a = 1"], None, "postgresql").sql == "UPDATE t SET a = 1 WHERE :range"
    delete = build_delete("t", "a or b", "postgresql")
    assert (delete.name, delete.sql) == ("delete", "DELETE FROM t WHERE :range AND (a or b)")
    count = build_count("t", "a or b", "postgresql")
    assert (count.name, count.sql) == ("verify", "SELECT count(*) FROM t WHERE :range AND (a or b)")
    assert count.statement is StatementClass.READ
    for made in (query, delete, count):
        assert expand(made, "postgresql", lambda _: "(TRUE)").query.parameters == made.parameters[1:] or made is query


def test_a_condition_without_a_changed_column_tells_nothing() -> None:
    """Its rows match it after the change too, so their number is not what is left."""
    assert tells_what_is_left('region = 1 and "price" is null', ["PRICE = 5", "b = 1"], "postgresql")
    assert not tells_what_is_left("region = 'price'", ["price = price * 2"], "postgresql")


def test_assigned_columns() -> None:
    """Each column by the name that the catalog has."""
    assert names("A = 1, b = case when a = 1 and b = 2 then 3 end", "phone = lower(phone)") == ("a", "b", "phone")
    assert names("(a, b) = (select 1, 2)", '"Name" = 5') == ("a", "b", "Name")
    assert names("a[1] = 2, a[2] = 3", "b.x = 3", "t.phone = a is distinct from b") == ("a", "a", "b", "phone")
    assert names("NAME = 1", "[a] = 2", dialect="sqlite") == ("Name", "a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id = 5", ': "id" is in the key by which the table is cut, so rows would move between ranges: use another key with --key, or bulkq run'),
        ("(a, ID) = (1, 2)", ': "id" is in the key by which the table is cut, so rows would move between ranges: use another key with --key, or bulkq run'),
        ("phon = 1", ': "public"."t" has no column "phon" (did you mean "phone"?)'),
        ("Name = 1", ': "public"."t" has no column "Name" (did you mean "Name"?)'),
        ("zzzz = 1", ': "public"."t" has no column "zzzz"'),
        ("a = 1; drop table t", ': ";" ends a statement: write one expression without it'),
        ("", " is empty: write SQL, or leave out the option"),
        ("a", f" is not an assignment: {EXAMPLE}"),
        ("= 1", f" is not an assignment: {EXAMPLE}"),
        ("a = 1,", f" is not an assignment: {EXAMPLE}"),
        ("a =", f': the expression behind "a =" is not complete: {EXAMPLE}'),
        ("a == 1", f': the expression behind "a =" is not complete: {EXAMPLE}'),
        ("a = 1 and", f': the expression behind "a =" is not complete: {EXAMPLE}'),
        ("a += 1", f': "a +" is not a column: {EXAMPLE}'),
        ("set a = 1", f': "set a" is not a column: {EXAMPLE}'),
        ("f(a) = 1", f': "f(a)" is not a column: {EXAMPLE}'),
        ("() = (1)", f': "" is not a column: {EXAMPLE}'),
        ("a = 1 and b = 2", " joins assignments with AND: write a comma, or put the expression into parentheses"),
        ("a = 1 where b = 2", " contains WHERE: use --where"),
        ("a = u.a from u", " contains FROM: write the statement into a file, with :range"),
        ("a = 1, a = 2", ': column "a" is assigned twice: keep one'),
    ],
)  # fmt: skip
def test_wrong_assignments(text: str, message: str) -> None:
    """Each is refused in one line that shows the text."""
    with pytest.raises(UsageError) as caught:
        names(text)
    assert str(caught.value) == f'--set "{text}"{message}'


def test_nothing_to_set() -> None:
    """No text at all."""
    with pytest.raises(UsageError, match="--set is empty"):
        assigned_columns((), "postgresql")


def test_wrong_condition() -> None:
    """The condition is checked too."""
    with pytest.raises(UsageError, match=r'^--where "limit 5" is not a condition'):
        build_delete("t", "limit 5", "postgresql")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("update t set a = 1 where :range", ("t",)),
        ('DELETE FROM ONLY public."T x" as u where :range(u)', ("public", "T x")),
        ("update t set a = 1 where :range returning a", ()),
        ("insert into t select 1 where :range", ()),
    ],
)
def test_the_table_that_a_statement_changes(text: str, name: tuple[str, ...]) -> None:
    """It stands in front; RETURNING and other statements have none."""
    assert changed_table(inline(text, "postgres"), "postgres") == name


def test_texts_of_options() -> None:
    """As they are written, so that more can follow."""
    assert assignments_text(["a = 1", "b = 2 -- two"], "postgres") == "a = 1, b = 2 -- two\n"
    assert condition_text("a > 1", "postgres") == "a > 1"
