"""Options of parameter sets."""

from __future__ import annotations

import pytest

from bulkq.cli.options.sources import refuse_query_of_shard
from bulkq.errors import UsageError
from bulkq.model.shard import Shard


def test_a_query_is_not_divided() -> None:
    """Its rows may differ from shard to shard; files, ranges and pipes are the same for all."""
    refuse_query_of_shard(("ids.csv", "range:id=1..9", "-"), Shard(1, 3))
    refuse_query_of_shard(("sql:select 1",), None)
    for spec in ("sql:select 1", "@q.sql:ids"):
        with pytest.raises(UsageError, match="each shard would run the query itself"):
            refuse_query_of_shard((spec,), Shard(1, 3))
