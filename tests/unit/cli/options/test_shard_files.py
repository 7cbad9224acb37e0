"""Names of files that a shard writes."""

from __future__ import annotations

import pytest

from bulkq.cli.options.shard_files import filled_reports, own_file, refuse_queried
from bulkq.errors import UsageError
from bulkq.model.shard import Shard


def test_a_shard_has_files_of_its_own() -> None:
    """`{shard}` is filled; stdout and devices are no files."""
    assert own_file("-o", "d/x-{shard}.csv", Shard(2, 3)) == "d/x-2-of-3.csv"
    assert [own_file("-o", path, Shard(2, 3)) for path in (None, "-", "/dev/null")] == [None, "-", "/dev/null"]
    assert own_file("-o", "x.csv", None) == "x.csv"
    assert filled_reports(("json", "junit:r-{shard}.xml"), Shard(1, 3)) == ("json", "junit:r-1-of-3.xml")


def test_a_file_of_all_shards_is_refused() -> None:
    """So is a place for a shard in the name, if the run is whole."""
    with pytest.raises(UsageError, match=r'for example "\./x-\{shard\}\.csv"'):
        own_file("-o", "./x.csv", Shard(1, 3))
    with pytest.raises(UsageError, match="add --shard I/N"):
        own_file("-o", "x-{shard}.csv", None)
    with pytest.raises(UsageError, match="add --shard I/N"):
        filled_reports(("json:{shard}.json",), None)


def test_a_query_is_not_divided() -> None:
    """Its rows may differ from shard to shard; files, ranges and pipes are the same for all."""
    refuse_queried(("ids.csv", "range:id=1..9", "-"), Shard(1, 3))
    refuse_queried(("sql:select 1",), None)
    for spec in ("sql:select 1", "@q.sql:ids"):
        with pytest.raises(UsageError, match="each shard would run the query itself"):
            refuse_queried((spec,), Shard(1, 3))
