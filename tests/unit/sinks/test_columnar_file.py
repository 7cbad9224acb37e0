"""The partial of messages and the file that is made of it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from bulkq.columnar.partial_format import pack_batch
from bulkq.columnar.read_output_file import rows_of
from bulkq.errors import RefusedError, StoppedError
from bulkq.sinks.columnar_file import ColumnarFile

BATCH = pa.record_batch([pa.array([1, 2])], names=["a"])


def begun(path: Path, form: str = "parquet") -> ColumnarFile:
    """A file with two rows in its partial."""
    file = ColumnarFile(str(path), form)
    file.add_schema(BATCH.schema)
    file.add_rows(pack_batch(BATCH), 2)
    return file


async def test_offsets(tmp_path: Path) -> None:
    """0 before the schema, then one more than the rows; what an earlier process wrote is continued there."""
    path = tmp_path / "x.parquet"
    file = begun(path)
    assert file.offset == 3
    await file.finish(complete=False)
    again = ColumnarFile(str(path), "parquet", 3)
    assert (again.rows, again.offset, again.finished) == (2, 3, False)
    await again.finish(complete=True)
    assert rows_of(path, "parquet") == (2, BATCH.schema)
    complete = ColumnarFile(str(path), "parquet", 3)
    assert complete.finished
    complete.discard()


@pytest.mark.parametrize("known", [2, 9])
async def test_a_changed_partial_is_refused(known: int, tmp_path: Path) -> None:
    """A partial that does not end a batch where the ledger has recorded it is not continued."""
    path = tmp_path / "x.parquet"
    await begun(path).finish(complete=False)
    with pytest.raises(RefusedError, match="does not hold the"):
        ColumnarFile(str(path), "parquet", known)


async def test_a_missing_partial_is_refused(tmp_path: Path) -> None:
    """Neither the partial nor the complete file is there, or the file has other rows."""
    path = tmp_path / "x.parquet"
    with pytest.raises(RefusedError, match="is missing"):
        ColumnarFile(str(path), "parquet", 3)
    await begun(path).finish(complete=True)
    with pytest.raises(RefusedError, match="is missing"):
        ColumnarFile(str(path), "parquet", 4)


async def test_a_folder_in_the_way(tmp_path: Path) -> None:
    """A file that cannot be made leaves the partial, from which a resume makes it."""
    path = tmp_path / "x.parquet"
    file = begun(path)
    (tmp_path / "x.parquet.partial.new").mkdir()
    with pytest.raises((StoppedError, OSError)):
        await file.finish(complete=True)
    assert (tmp_path / "x.parquet.partial").exists()


async def test_another_run_is_writing(tmp_path: Path) -> None:
    """A complete file whose partial another run holds takes no more rows."""
    path = tmp_path / "x.parquet"
    await begun(path).finish(complete=True)
    file = ColumnarFile(str(path), "parquet", 3)
    (tmp_path / "x.parquet.partial").write_bytes(b"")
    with pytest.raises(RefusedError, match="is being written by another run"):
        file.add_rows(pack_batch(BATCH), 2)
    file.discard()
