"""A file that is made while its partial grows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from bulkq.columnar import convert_growing_partial
from bulkq.columnar import convert_partial as module
from bulkq.columnar.convert_growing_partial import GrowingFile
from bulkq.columnar.convert_partial import convert_partial
from bulkq.columnar.partial_format import find_extent, pack_batch, pack_schema

BATCH = pa.record_batch([pa.array([1, 2, 3])], names=["a"])


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_the_same_bytes(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far it came before the end, the file is that of the whole partial."""
    monkeypatch.setattr(module, "GROUP_ROWS", 4)
    monkeypatch.setattr(convert_growing_partial, "GROUP_ROWS", 4)
    partial, made = tmp_path / "p", tmp_path / "made"
    follower = GrowingFile(partial, form, made, BATCH.schema)
    partial.write_bytes(pack_schema(BATCH.schema))
    for rows in range(3, 18, 3):
        with partial.open("ab") as file:  # only append: cutting a file that the thread has mapped ends the process
            file.write(pack_batch(BATCH))
        if follower.due(rows):
            follower.follow(partial.stat().st_size, rows)
    assert follower.finish(partial.stat().st_size)
    convert_partial(partial, form, tmp_path / "whole", find_extent(partial, None).schemas)
    assert made.read_bytes() == (tmp_path / "whole").read_bytes()


def test_abandoned(tmp_path: Path) -> None:
    """Nothing is left of a file that is not wanted, or cannot be made."""
    partial, made = tmp_path / "p", tmp_path / "made"
    partial.write_bytes(pack_schema(BATCH.schema) + pack_batch(BATCH))
    follower = GrowingFile(partial, "parquet", made, BATCH.schema)
    follower.follow(partial.stat().st_size, 3)
    follower.abandon()
    assert not made.exists()
    broken = GrowingFile(partial, "parquet", tmp_path / "no folder" / "made", BATCH.schema)
    assert not broken.finish(partial.stat().st_size)
