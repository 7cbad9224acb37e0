"""pyarrow and its absence."""

from __future__ import annotations

import sys

import pytest

from bulkq.columnar.load_pyarrow import require_pyarrow
from bulkq.errors import MissingDriver


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
