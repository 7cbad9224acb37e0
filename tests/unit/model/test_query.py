"""Where the names of a query are looked up."""

from __future__ import annotations

from dataclasses import replace

from bulkq.model.target import FallbackSchemas
from bulkq.query import inline


def test_the_search_path() -> None:
    """The schema, the shared ones, those of extensions; a DO block is not shown the last."""
    query = inline("select 1", "postgres")
    assert query.path == ()
    told = replace(query, schema="tenant", behind=FallbackSchemas(("shared",), ("geo",)))
    assert told.path == ("tenant", "shared", "geo")
    assert replace(told, verb="DO").path == ("tenant", "shared")
