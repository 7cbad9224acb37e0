"""Files as rows, from any row on."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bulkq.columnar import read_input_file
from bulkq.columnar.read_input_file import BadFileError, open_rows

TABLE = pa.table({"a": list(range(10)), "b": [str(n) for n in range(10)]})


def made(path: Path, form: str) -> str:
    """A file of ten rows in groups of three."""
    if form == "parquet":
        pq.write_table(TABLE, path, row_group_size=3)
    else:
        with (pa.ipc.new_file if form == "arrow" else pa.ipc.new_stream)(str(path), TABLE.schema) as writer:
            writer.write_table(TABLE, max_chunksize=3)
    return str(path)


@pytest.mark.parametrize("form", ["parquet", "arrow", "stream"])
@pytest.mark.parametrize("start", [0, 1, 3, 5, 9, 10])
def test_rows_from(form: str, start: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows before the first are not given; pieces are bounded."""
    monkeypatch.setattr(read_input_file, "BATCH_ROWS", 2)
    rows = open_rows(made(tmp_path / "x", form), form.replace("stream", "arrow"))
    assert rows.rows == 10
    assert rows.schema.names == ["a", "b"]
    pieces = list(rows.batches(["b"], start))
    assert [value for piece in pieces for value in piece.column("b").to_pylist()] == list(map(str, range(start, 10)))
    assert all(0 < piece.num_rows <= 2 for piece in pieces)
    rows.close()


@pytest.mark.parametrize("data", [b"", b"PAR1", b"hallo", b"ARROW1", b"x" * 200])
@pytest.mark.parametrize(
    ("form", "message"), [("parquet", "is not a complete Parquet file"), ("arrow", "is neither a complete Arrow")]
)
def test_bad_files(data: bytes, form: str, message: str, tmp_path: Path) -> None:
    """What is not such a file is one line."""
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(BadFileError, match=message):
        open_rows(str(tmp_path / "x"), form)


@pytest.mark.parametrize("form", ["parquet", "arrow", "stream"])
def test_truncated(form: str, tmp_path: Path) -> None:
    """A file without its end is refused when it is opened."""
    path = made(tmp_path / "x", form)
    data = Path(path).read_bytes()
    Path(path).write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(BadFileError):
        open_rows(path, form.replace("stream", "arrow"))


def test_damaged_pages(tmp_path: Path) -> None:
    """Damage between the footer and the head is found when it is read."""
    path = made(tmp_path / "x.parquet", "parquet")
    data = bytearray(Path(path).read_bytes())
    data[10:60] = b"\xff" * 50
    Path(path).write_bytes(data)
    rows = open_rows(path, "parquet")
    with pytest.raises(BadFileError, match="cannot be read as Parquet"):
        list(rows.batches(["a"], 0))
