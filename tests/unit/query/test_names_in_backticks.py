"""Names in double quotes are put into backticks, and nothing else is."""

from __future__ import annotations

import pytest

from bulkq import query as queries


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 1", None),
        ('select \'say "x"\' -- "y"', None),
        ('select "a""b", "c`d"', None),
        ('select "a", \'"b"\' from "t" where "a b" = :v', "select `a`, '\"b\"' from `t` where `a b` = :v"),
    ],
)
def test_names_change_their_quotes(sql: str, expected: str | None) -> None:
    """Texts, comments and names that contain a quote stay, and so do all offsets."""
    query = queries.inline(sql, "sqlite")
    found = queries.put_into_backticks(query, "sqlite")
    assert (found and found.sql) == expected
    assert found is None or (found.placeholders, len(found.sql)) == (query.placeholders, len(sql))
