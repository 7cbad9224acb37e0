"""Parts of messages: quoted values, suggestions, lists of names, numbers with their noun."""

from __future__ import annotations

import pytest

from bulkq.text.message_parts import (
    MOST_SHOWN,
    a_or_an,
    counted,
    find_nearest,
    first_names,
    listed,
    nearest_hint,
    quoted,
    suggestion,
    suggestion_or_names,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a b", '"a b"'),
        (12, '"12"'),
        ("a\nb\x1b\u202e", r'"a\nb\x1b\u202e"'),
        ("x" * MOST_SHOWN, f'"{"x" * MOST_SHOWN}"'),
        ("x" * (MOST_SHOWN + 1), f'"{"x" * MOST_SHOWN}..."'),
    ],
)
def test_quoted_values_stay_on_one_line(value: object, text: str) -> None:
    """Control characters are escaped, and a long value is cut."""
    assert quoted(value) == text


def test_lists_of_names() -> None:
    """A list is cut by its length or by the number of names."""
    assert listed([]) == ""
    assert listed(["a", "b"]) == '"a", "b"'
    assert listed(["x" * 50, "y" * 50, "z", "w"]) == f'"{"x" * 50}", "{"y" * 50}" and 2 more'
    assert first_names(["a", "b"], 2) == "a, b"
    assert first_names(["a", "b", "c"], 2) == "a, b and 1 more"


def test_suggestions() -> None:
    """The nearest names, whatever their case; nothing if none is near."""
    assert find_nearest("Timout", ["timeout", "name"]) == "timeout"
    assert find_nearest("zzz", ["timeout"]) == ""
    assert suggestion("idd", ["ID ", "name"]) == ' (did you mean "ID "?)'
    assert suggestion("timout", ["timeout"], "@{}") == " (did you mean @timeout?)"
    assert suggestion("app1", ["app2", "app3", "app4", "app5"], "{}", most=2) == " (did you mean app5 or app4?)"
    assert suggestion("zzz", ["timeout"]) == ""
    assert suggestion_or_names("nam", ["name", "url"]) == ' (did you mean "name"?)'
    assert suggestion_or_names("zzz", ["name", "url"]) == " (there are: name, url)"


def test_nouns() -> None:
    """Articles and plurals."""
    assert (a_or_an("integer"), a_or_an("bigint")) == ("an integer", "a bigint")
    assert [counted(n, "row") for n in (0, 1, 1200)] == ["0 rows", "1 row", "1,200 rows"]
    assert counted(2, "query", "queries") == "2 queries"


def test_nearest() -> None:
    """A misspelled name gets a hint."""
    assert nearest_hint("Custmers", ["customers", "orders"]) == "did you mean customers?"
    assert nearest_hint("x", ["customers"]) is None
