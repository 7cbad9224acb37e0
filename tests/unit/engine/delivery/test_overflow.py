"""The private files of results that wait."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import StoppedError
from tests.support.windows import Bench, to_file

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.engine.delivery.overflow import Overflow


@pytest.mark.usefixtures("tight")
async def test_the_file_is_private_and_has_no_name(
    tmp_path: Path, store: Overflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other users cannot open the overflow, and it is gone with the process."""
    bench = Bench(to_file(tmp_path / "out.jsonl"), store)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    for index in range(1, 100):
        await bench.deliver(index)
    files = [segment._file.fileno() for segment in store._segments.values()]
    assert files
    assert all(os.fstat(file).st_nlink == 0 and os.fstat(file).st_mode & 0o777 == 0o600 for file in files)
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.usefixtures("tight")
async def test_no_room_for_what_waits(tmp_path: Path, store: Overflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the overflow cannot be written, the lane hears one line, and everything that waits is still there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    bench = Bench(to_file(tmp_path / "out.jsonl"), store)
    with pytest.raises(StoppedError, match=r"^cannot keep results that wait for an earlier one in .*gone: .*TMPDIR"):
        for index in range(1, 100):
            await bench.deliver(index)
    waiting = bench.window.backlog.all.batches
    assert [result.batch.index for result in bench.window.unwritten()] == list(range(1, waiting + 1))
