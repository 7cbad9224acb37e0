"""The signals of databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.dialects import DIALECTS
from bulkq.policy.throttle_expressions import SIGNALS

if TYPE_CHECKING:
    from bulkq.dialects.throttle_signal_catalog import SignalCatalog

CATALOGS = [dialect.signals for dialect in DIALECTS if dialect.signals is not None]


@pytest.mark.parametrize("catalog", CATALOGS)
def test_every_query_takes_the_literals(catalog: SignalCatalog) -> None:
    """No other name is to be filled in, and a right has a statement that gives it."""
    named = catalog.named_replica
    queries = [*catalog.values.values(), *filter(None, (catalog.replicas, catalog.position))]
    queries += [] if named is None else [named.primary, named.replica]
    for query in queries:
        for sql in (query.sql, query.allowed, query.impossible):
            assert "{" not in sql.format(name="'a'", ours="'b'", reader="'c'")
        assert bool(query.allowed) is bool(query.grant)
        assert query.grant.format(role="r").endswith("TO r") or not query.grant


@pytest.mark.parametrize("catalog", CATALOGS)
def test_every_value_is_a_signal(catalog: SignalCatalog) -> None:
    """It can be written as an expression."""
    assert catalog.values.keys() <= SIGNALS.keys()
