"""The messages of a partial."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from bulkq.columnar.partial_format import find_extent, pack_batch, pack_schema, read_messages

ONE = pa.record_batch([pa.array([1, 2])], names=["a"])
TWO = pa.record_batch([pa.array(["x"])], names=["a"])


def test_extent(tmp_path: Path) -> None:
    """The offset behind a number of rows; a torn message does not count, and another schema only with its rows."""
    path = tmp_path / "partial"
    parts = [pack_schema(ONE.schema), pack_batch(ONE), pack_schema(TWO.schema), pack_batch(TWO)]
    path.write_bytes(b"")
    assert find_extent(path, None) == (0, 0, ())
    path.write_bytes(b"".join(parts) + parts[1][:99])
    ends = [sum(map(len, parts[: n + 1])) for n in range(4)]
    assert [piece.end for piece in read_messages(path)] == ends
    assert find_extent(path, 0) == (ends[0], 0, (ONE.schema,))
    assert find_extent(path, 2) == (ends[1], 2, (ONE.schema,))
    assert find_extent(path, 1).rows == 0
    assert find_extent(path, 3) == (ends[3], 3, (ONE.schema, TWO.schema))
    assert find_extent(path, None) == find_extent(path, 3) == find_extent(path, 9)
    assert [piece.batch.num_rows for piece in read_messages(path, ends[2], TWO.schema) if piece.batch] == [1]
