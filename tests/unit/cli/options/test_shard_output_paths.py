"""Names of files that a shard writes."""

from __future__ import annotations

import pytest

from bulkq.cli.options.shard_output_paths import filled_reports, own_file
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
