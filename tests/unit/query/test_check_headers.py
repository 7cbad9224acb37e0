"""The grammar of `@expect`, `@warn`, `@fail` and the lines beside them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from bulkq.errors import QueryFileError
from bulkq.model.check_conditions import CheckRules, Condition, Measure
from bulkq.query import check_headers, inline, load, read_rules

ROWS, VALUE, COLUMNS, SAME, UNCHANGED = Measure


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("empty", Condition("empty", ROWS, "=", Decimal(0))),
        ("not  empty", Condition("not empty", ROWS, "<>", Decimal(0))),
        ("rows = 0", Condition("rows = 0", ROWS, "=", Decimal(0))),
        ("Rows<=5", Condition("Rows<=5", ROWS, "<=", Decimal(5))),
        ("rows <> 1e3", Condition("rows <> 1e3", ROWS, "<>", Decimal(1000))),
        ("rows between 1 and 5", Condition("rows between 1 and 5", ROWS, "between", Decimal(1), Decimal(5))),
        ("value >= 0.99", Condition("value >= 0.99", VALUE, ">=", Decimal("0.99"))),
        ("value < -.5", Condition("value < -.5", VALUE, "<", Decimal("-0.5"))),
        ("value > 3", Condition("value > 3", VALUE, ">", Decimal(3))),
        ("value between -1 AND 1", Condition("value between -1 AND 1", VALUE, "between", Decimal(-1), Decimal(1))),
        ("value = 'it''s  so'", Condition("value = 'it''s  so'", VALUE, "=", "it's  so")),
        ("value <> TRUE", Condition("value <> TRUE", VALUE, "<>", operand=True)),
        ("value = false", Condition("value = false", VALUE, "=", operand=False)),
        (
            'columns = (id bigint, "a,""b" text, c timestamp  with time zone, d)',
            Condition(
                'columns = (id bigint, "a,""b" text, c timestamp with time zone, d)',
                COLUMNS,
                columns=(("id", "bigint"), ('a,"b', "text"), ("c", "timestamp with time zone"), ("d", "")),
            ),
        ),
        ("same as totals", Condition("same as totals", SAME, other="totals")),
        ("same as a.sql:b on prod", Condition("same as a.sql:b on prod", SAME, other="a.sql:b", target="prod")),
        ("unchanged", Condition("unchanged", UNCHANGED, "=", Decimal(0))),
        ("unchanged 2.5 %", Condition("unchanged 2.5 %", UNCHANGED, "=", Decimal("2.5"))),
        ("rows unchanged 5%", Condition("rows unchanged 5%", UNCHANGED, "=", Decimal(5), of=ROWS)),
        ("value unchanged", Condition("value unchanged", UNCHANGED, "=", Decimal(0), of=VALUE)),
    ],
)
def test_conditions_are_understood(text: str, wanted: Condition) -> None:
    """Every form of the grammar, in any case of letters and with any blanks."""
    assert check_headers.parse_condition(text) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("emty", '(did you mean "empty"?)'),
        ("row = 0", '(did you mean "rows"?)'),
        ("none", 'write "empty", "not empty", "rows <= 10"'),
        ("no rows", '(did you mean "not empty"?)'),
        ("rows", "is not a condition"),
        ("rows 5", "is not a condition"),
        ("", '"" is not a condition'),
        ("rows == 3", '"==" is not a comparison operator (did you mean "="?)'),
        ("rows != 3", 'did you mean "<>"?'),
        ("rows => 3", 'did you mean ">="?'),
        ("value is 3", 'did you mean "="?'),
        ("value betwen 1 and 2", 'did you mean "between"?'),
        ("value xor 1", '"xor" is not a comparison operator: use =, <>, <, <=, >, >= or between'),
        ("values > 3", '(did you mean "value"?)'),
        ("rows between 5 and 1", "no value is between 5 and 1"),
        ("rows between 5", 'write "rows between 1 and 5"'),
        ("rows = -1", '"-1" is not a number of rows'),
        ("rows < 1.5", '"1.5" is not a number of rows'),
        ("rows = 'x'", "\"'x'\" is not a number: write a number after"),
        ("rows = true", '"true" is not a number'),
        ("value = x", "write a number, a 'text', true or false"),
        ("value = 1,000", '"1,000" is not a number'),
        ("value > 'x'", "> only compares numbers"),
        ("columns", 'write "columns = (id bigint, name text)"'),
        ("columns = ()", 'write "columns = (id bigint, name text)"'),
        ("columns = (1 int)", 'write "columns = (id bigint, name text)"'),
        ("columns = (n numeric(10, 2))", "databases do not report the lengths"),
        ("same", 'write "same as NAME"'),
        ("same as a on", 'write "same as NAME"'),
        ("unchanged x%", '"x" is not a percentage'),
        ("unchanged -1%", '"-1" is not a percentage'),
        ("unchanged 5", "is not a condition"),
        ("rows unchangd 5%", '(did you mean "unchanged"?)'),
    ],
)
def test_what_is_no_condition_says_what_to_write(text: str, said: str) -> None:
    """One line that quotes the text, names the nearest word, and shows how it is done."""
    with pytest.raises(ValueError, match=".") as caught:
        check_headers.parse_condition(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_header_gives_the_rules_of_a_check() -> None:
    """Each line where it belongs; what is not said has its default."""
    query = inline(
        "-- @expect rows <= 10\n-- @expect columns = (id)\n-- @warn rows > 0\n-- @fail rows > 10\n-- @until 2026-12-31\n"
        '-- @sample 20\n-- @mask email, "Phone, home"\n-- @mask email\n-- @params range:n=1..3\nselect :n::int as id'
    )
    found = read_rules(query)
    assert [c.text for c in found.expect] == ["rows <= 10", "columns = (id)"]
    assert ([c.text for c in found.warn], [c.text for c in found.fail]) == (["rows > 0"], ["rows > 10"])
    assert (found.until, found.sample, found.params) == (date(2026, 12, 31), 20, ("range:n=1..3",))
    assert found.mask == ("email", '"Phone', 'home"')
    assert read_rules(inline("select 1")) == CheckRules()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("@expect nothing", 'c.sql:2: @expect "nothing" is not a condition'),
        ("@expect", "c.sql:2: @expect needs a value: a condition such as empty"),
        ("@warn rowz > 0", 'c.sql:2: @warn "rowz > 0" is not a condition (did you mean "rows"?)'),
        ("@fail same as x", '"same as" is an expectation: write it after @expect'),
        ("@until tomorrow", 'c.sql:2: @until "tomorrow" is not a date: write it like "2026-12-31"'),
        ("@sample all", '@sample "all" is not a whole number from 0 to 1000'),
        ("@sample 1001", "is not a whole number from 0 to 1000"),
        ("@mask a,,b", "contains an empty name"),
        ("@expects empty", "c.sql:2: unknown key @expects (did you mean @expect?)"),
        (
            "@expect same as x\n-- @expect same as y",
            'c.sql:3: @expect "same as y": a check can be compared with one other',
        ),
    ],
)
def test_a_wrong_header_is_an_error_with_its_line(line: str, said: str) -> None:
    """Found when the file is read, by every command that reads it."""
    with pytest.raises(QueryFileError) as caught:
        load(f"-- name: c\n-- {line}\nselect 1", "c.sql")
    assert said in str(caught.value)
