"""pyarrow and its absence."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from bulkq.columnar.load_pyarrow import require_pyarrow
from bulkq.errors import MissingDriver

if TYPE_CHECKING:
    from pathlib import Path


def test_there() -> None:
    """With the extra there is nothing to say."""
    require_pyarrow("Parquet output")


def test_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it one line has the command."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        MissingDriver, match=r"Parquet output needs the package \"pyarrow\": pip install 'bulkq\[parquet\]'"
    ):
        require_pyarrow("Parquet output")


def test_an_import_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A pyarrow that was built for another numpy: its error is the message."""
    monkeypatch.delitem(sys.modules, "pyarrow")
    (tmp_path / "pyarrow.py").write_text("raise AttributeError('_ARRAY_API not found')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        MissingDriver, match="needs pyarrow, which cannot be imported: AttributeError: _ARRAY_API not found"
    ):
        require_pyarrow("Parquet output")
