"""The place of a key range in a statement."""

from __future__ import annotations

import pytest

from bulkq.errors import QueryFileError
from bulkq.model import Parameter
from bulkq.query import inline, load, locate
from bulkq.query.range_placeholder import (
    RangeError,
    RangePlace,
    by_bounds,
    expand,
    find_range,
    free_parameters,
    has_range,
)


def condition(alias: str) -> str:
    """The condition of a range of `id`."""
    dot = f"{alias}." if alias else ""
    return f'({dot}"id" > :bulkq_lo AND {dot}"id" <= :bulkq_hi)'


def expanded(text: str) -> str:
    """The statement of a text with its range."""
    return expand(inline(text), "postgresql", condition).query.sql


def complaint(text: str) -> str:
    """What is wrong with a statement."""
    with pytest.raises(RangeError) as caught:
        find_range(inline(text), "postgresql")
    return str(caught.value)


def test_placeholder_with_and_without_alias() -> None:
    """The alias goes to the condition as it is written."""
    assert expanded("delete from t where :range") == 'delete from t where ("id" > :bulkq_lo AND "id" <= :bulkq_hi)'
    assert expanded('delete from t "U" where :range ( "U" ) and a') == (
        'delete from t "U" where ("U"."id" > :bulkq_lo AND "U"."id" <= :bulkq_hi) and a'
    )
    assert find_range(inline("delete from a.t where :range(a.t)"), "postgresql") == (
        RangePlace("range", "a.t", 22, 33),
    )


def test_expanded_query_keeps_what_the_user_wrote() -> None:
    """Name, file, line, declared parameters, strings, comments and escapes stay; offsets lead back to the file."""
    (query,) = load(
        "-- name: a(cut: date)\n-- @timeout 5s\nupdate t set a = ':range' -- :range\n where :range(t) and b < :cut\n"
        "   and c = \\:\\:d and :range;",
        "users.sql",
    )
    statement = expand(query, "postgresql", condition)
    made = statement.query
    assert (made.name, made.file, made.line, made.timeout_s, made.unbounded) == ("a", "users.sql", 3, 5.0, False)
    assert made.parameters == (Parameter("bulkq_lo"), Parameter("bulkq_hi"), Parameter("cut", type="date"))
    assert [made.sql[p.start : p.end] for p in made.placeholders] == [
        *(":bulkq_lo", ":bulkq_hi", ":cut", ":bulkq_lo", ":bulkq_hi"),
    ]
    assert [made.sql[at] for at in made.escapes] == ["\\", "\\"]
    assert made.where is not None
    assert made.sql[made.where :].startswith("where")
    for text in ("set a", "and b <", "d and"):
        assert statement.source(made.sql.index(text)) == query.sql.index(text)
        assert locate(made, made.sql.index(text)) == locate(query, query.sql.index(text))
    assert statement.source(made.sql.index(":bulkq_lo")) == query.sql.index(":range(t)")
    assert statement.source(len(made.sql)) == len(query.sql)


def test_bounds_take_an_expression() -> None:
    """`:lo` and `:hi` become what the database reads as a value of the key."""
    query = inline("delete from t where id > :lo and id <= :hi and b = :c")
    statement = expand(query, "mysql", condition, lambda name: f"CAST(:{name} AS SIGNED)")
    assert statement.query.sql == (
        "delete from t where id > CAST(:bulkq_lo AS SIGNED) and id <= CAST(:bulkq_hi AS SIGNED) and b = :c"
    )
    assert by_bounds(statement.places)
    assert not by_bounds(find_range(inline("delete from t where :range"), "postgresql"))
    assert expand(query, "postgresql", condition).query.sql.startswith("delete from t where id > :bulkq_lo and")


def test_parameters_beside_the_range() -> None:
    """With `:range`, `:lo` is a parameter like any other."""
    assert free_parameters(inline("delete from t where :range and a = :lo and b = :c")) == ("lo", "c")
    assert free_parameters(inline("delete from t where id > :lo and id <= :hi and b = :c")) == ("c",)
    assert has_range(inline("delete from t where :range"))
    assert not has_range(inline("delete from t where a in (:range*)"))


MISSING = "-e:1: the statement does not say where the range of the key goes (comments do not count): write "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("update t set a = 1", MISSING + '"update t set a = 1 WHERE :range"'),
        ("update t set a = 1 returning id", MISSING + '"... WHERE :range returning id"'),
        (
            "update some_table set a_column = 'a value', another_column = 'another one'",
            MISSING + """"... lue', another_column = 'another one' WHERE :range\"""",
        ),
        ("delete from t\n where a\n  = 1\norder by b", MISSING + '"... WHERE :range AND (a = 1) order by b"'),
        ("delete from t where a /* b */ = 1", MISSING + '"... WHERE :range AND (...)"'),
        ("delete from t where a = 'some value' and b = 'some other value'", MISSING + '"... WHERE :range AND (...)"'),
        ("delete from t where", MISSING + '"... WHERE :range AND (...)"'),
        (
            "insert into l (select a from t where a = 1) returning id",
            MISSING + '"... WHERE :range AND (a = 1) ) returning id"',
        ),
        (
            "delete from t\nwhere a = ':range'",
            '-e:2: ":range" is in quotes, so it is not a placeholder: write "... WHERE :range AND (a = \':range\')"',
        ),
        (
            "delete from t where a = 'x' /* and :range */ and b",
            '-e:1: ":range" is in a comment, so it is not a placeholder: write "... WHERE :range AND (...)"',
        ),
        (
            "delete from t where a::range /* */ = 1",
            '-e:1: "::range" is a cast, not a placeholder: write "... WHERE :range AND (...)"',
        ),
        ("delete from t where a = 1 -- and :range", MISSING + '"... WHERE :range AND (a = 1)"'),
        ("delete from t where \\:range", MISSING + '"... WHERE :range AND (\\:range)"'),
        (
            "update t set a = (select 1 where :range)",
            '-e:1: UPDATE without WHERE would change every row for each range: write "... te t set a = (select 1 where :range) WHERE :range"',
        ),
        ("delete from t where a in (:range*)", '-e:1: "in (:range*)" is not a condition: write :range'),
        *(
            (f"delete from t where {text}", f'-e:1: "{text}" does not name a table: write :range(u) with an alias of the statement')
            for text in (":range()", ":range(1)", ":range(", ":range(a b)", ":range(a,b)", ":range(')')")
        ),
        ("delete from t where id > :lo", '-e:1: a range has two ends, and ":hi" is not used: write id > :lo AND id <= :hi, or :range'),
        (
            "delete from t where :range and a = :bulkq_1",
            '-e:1: ":bulkq_1": names that begin with bulkq_ are bulkq\'s own: rename it',
        ),
    ],
)  # fmt: skip
def test_ranges_that_are_missing(text: str, message: str) -> None:
    """The message says why there is none and shows where it goes."""
    assert complaint(text) == message


def test_error_has_its_place() -> None:
    """A finding of lint needs the offset and the text without file and line."""
    with pytest.raises(QueryFileError) as caught:
        find_range(inline("delete from t\nwhere not :range"), "postgresql")
    assert isinstance(caught.value, RangeError)
    assert (caught.value.offset, caught.value.reason[:16]) == (24, ":range is negate")
