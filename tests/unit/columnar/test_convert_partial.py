"""A partial as a finished file."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bulkq.columnar import convert_partial as module
from bulkq.columnar.convert_partial import convert_partial
from bulkq.columnar.partial_format import find_extent, pack_batch, pack_schema
from bulkq.columnar.read_output_file import rows_of, stored_batches


def written(path: Path, *batches: pa.RecordBatch) -> Path:
    """A partial of these batches."""
    parts: list[bytes] = []
    schema = None
    for batch in batches:
        if schema is None or not schema.equals(batch.schema):
            schema = batch.schema
            parts.append(pack_schema(schema))
        parts.append(pack_batch(batch))
    path.write_bytes(b"".join(parts))
    return path


def batch_of(*values: object) -> pa.RecordBatch:
    """A batch of one column."""
    return pa.record_batch([pa.array(values)], names=["a"])


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_rows_alone_decide_the_bytes(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However rows were cut into batches, the row groups and the bytes are the same."""
    monkeypatch.setattr(module, "GROUP_ROWS", 4)
    made = []
    for number, sizes in enumerate([[10], [1] * 10, [3, 7], [4, 4, 2]]):
        rows = iter(range(10))
        partial = written(tmp_path / "p", *[batch_of(*[next(rows) for _ in range(size)]) for size in sizes])
        path = tmp_path / f"{number}"
        assert convert_partial(partial, form, path, find_extent(partial, None).schemas) == []
        found = rows_of(path, form)
        assert found is not None
        assert found[0] == 10
        assert [b.num_rows for b in stored_batches(path, form)] == ([10] if form == "parquet" else [4, 4, 2])
        made.append(path.read_bytes())
    assert len(set(made)) == 1


def test_wide_rows_make_small_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row group is bounded in bytes as well."""
    monkeypatch.setattr(module, "GROUP_BYTES", 1000)
    partial = written(tmp_path / "p", *[batch_of("x" * 600)] * 4)
    convert_partial(partial, "parquet", tmp_path / "out", find_extent(partial, None).schemas)
    assert pq.ParquetFile(tmp_path / "out").metadata.num_row_groups == 2


@pytest.mark.parametrize(
    ("batches", "kind", "values", "texts"),
    [
        ([batch_of(None), batch_of(1)], pa.int64(), [None, 1], []),
        ([batch_of(None)], pa.string(), [None], []),
        ([batch_of(1), batch_of(1.5)], pa.float64(), [1.0, 1.5], []),
        ([batch_of(2**53 + 1), batch_of(1.5)], pa.string(), [str(2**53 + 1), "1.5"], ["a"]),
        ([batch_of(1), batch_of("x"), batch_of(b"\x00")], pa.string(), ["1", "x", "\\x00"], ["a"]),
    ],
)
def test_types_are_brought_together(
    batches: list[pa.RecordBatch], kind: pa.DataType, values: list[object], texts: list[str], tmp_path: Path
) -> None:
    """The type of a column that has none declared holds the values of all batches."""
    partial = written(tmp_path / "p", *batches)
    assert convert_partial(partial, "parquet", tmp_path / "out", find_extent(partial, None).schemas) == texts
    table = pq.read_table(tmp_path / "out")
    assert table.schema.field("a").type == kind
    assert table.column("a").to_pylist() == values


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_nothing(form: str, tmp_path: Path) -> None:
    """Without a schema the file has no columns, and is still a file."""
    (tmp_path / "p").write_bytes(b"")
    convert_partial(tmp_path / "p", form, tmp_path / "out", ())
    assert rows_of(tmp_path / "out", form) == (0, pa.schema([]))
