"""Files that are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkq.columnar.read_output_file import rows_of


@pytest.mark.parametrize("form", ["parquet", "arrow"])
@pytest.mark.parametrize("data", [b"", b"PAR1", b"x" * 100])
def test_not_complete(form: str, data: bytes, tmp_path: Path) -> None:
    """What is not a complete file has no rows."""
    path = tmp_path / "x"
    path.write_bytes(data)
    assert rows_of(path, form) is None
    assert rows_of(tmp_path / "missing", form) is None
