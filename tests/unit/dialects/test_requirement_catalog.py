"""How databases are asked what a query requires."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.dialects import DIALECTS
from bulkq.model.requirement import NAMED

if TYPE_CHECKING:
    from bulkq.dialects.requirement_catalog import RequirementQuery

QUERIES = [
    (f"{dialect.name} {kind}", query)
    for dialect in DIALECTS
    for kind in NAMED
    if (query := getattr(dialect.requirements, kind, None)) is not None
]


@pytest.mark.parametrize(("name", "query"), QUERIES, ids=[name for name, _ in QUERIES])
def test_each_query_takes_names(name: str, query: RequirementQuery) -> None:
    """The names that are asked for have a place in it; the advice names the thing or is a sentence."""
    assert "{names}" in query.sql, name
    assert query.advice.format(name="n", user="u") is not None


def test_short_names_are_unique() -> None:
    """A short name means one database."""
    short = [dialect.short for dialect in DIALECTS if dialect.short]
    assert short == ["pg"]
