"""Texts that go into a generated statement."""

from __future__ import annotations

import pytest

from bulkq.errors import UsageError
from bulkq.query.tokens import tokenize
from bulkq.query.validate_sql_fragment import check_condition, close_comment, count_levels, parse_fragment

EXAMPLE = 'write a condition such as "phone is null"'


@pytest.mark.parametrize(
    "text",
    [
        "phone is null",
        "a",
        "true",
        "not a",
        "a is distinct from b",
        "a in (select 1 from u order by b limit 3)",
        "exists (select 1)",
        "replace(a, 'x', 'y') = b",
        "set = 1",
        "set is null",
        "delete",
        "a = any(array[1, 2])",
        "a = :b and c in (:d*) -- and so on",
        "a ->> 'b' = 'c' /* and so on */",
        "case when a = 1 then b else c end",
    ],
)
def test_conditions(text: str) -> None:
    """What only the server can judge passes."""
    check_condition(text, "--where", "postgresql")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", " is empty: write SQL, or leave out the option"),
        ("-- a", " is empty: write SQL, or leave out the option"),
        ("order by x", f" is not a condition, because of ORDER: {EXAMPLE}"),
        ("limit 5", f" is not a condition, because of LIMIT: {EXAMPLE}"),
        ("a = 1 returning id", f" is not a condition, because of RETURNING: {EXAMPLE}"),
        ("select 1", f" is not a condition, because of SELECT: {EXAMPLE}"),
        ("delete from t", f" is not a condition, because of DELETE: {EXAMPLE}"),
        ("id = 1; drop", ': ";" ends a statement: write one expression without it'),
        ("where a = 1", ": remove the word WHERE at the beginning"),
        ("and a = 1", ": remove the word AND at the beginning"),
        ("a = 1 and", f' ends with "and": {EXAMPLE}'),
        ("a =", f' ends with "=": {EXAMPLE}'),
        ("5", f" is not a condition: {EXAMPLE}"),
        ("'x'", f" is not a condition: {EXAMPLE}"),
        ("a = 1, b = 2", f" is not a condition: {EXAMPLE}"),
        ("a = 1) or (1 = 1", ': ")" closes nothing: remove it'),
        ("(a = 1]", ': "]" closes nothing: remove it'),
        ("f(a = 1", ': "(" is not closed'),
        ("a = 'x", ": string is not closed"),
        ("a = 1 /* x", ": comment is not closed"),
        (":range and a", ": bulkq adds the range of the key itself: remove :range"),
        ("a = :{b}", ": a name cannot be a parameter here: write the name itself"),
        ("a = $1", ': positional parameter "$1" has no value: write ":name"'),
    ],
)
def test_no_conditions(text: str, message: str) -> None:
    """Each is refused in one line that names the option and shows the text."""
    with pytest.raises(UsageError) as caught:
        check_condition(text, "--where", "postgresql")
    assert str(caught.value) == f'--where "{text}"{message}'


def test_comments_that_a_server_executes() -> None:
    """Their text would be part of the statement, unseen."""
    with pytest.raises(UsageError, match="starts a comment that MariaDB and MySQL execute"):
        check_condition("a = 1 /*! or true */", "--where", "mysql")


@pytest.mark.parametrize(
    ("text", "result"),
    [(" a = 1 ", "a = 1"), ("a -- b", "a -- b\n"), ("a -- b\n or c", "a -- b\n or c"), ("a /* b */", "a /* b */")],
)
def test_comments_do_not_swallow_what_follows(text: str, result: str) -> None:
    """Only a comment that runs to the end of the text needs a line break."""
    assert close_comment(parse_fragment(text, "--where", "postgresql")) == result


def test_levels() -> None:
    """Parentheses, brackets, braces and CASE enclose."""
    tokens = tokenize("a(b[c]) case d end", "postgresql").tokens
    assert count_levels(tokens) == [0, 0, 1, 1, 2, 1, 0, 0, 1, 0]
