"""What comes but once is read to its end ahead of the run, and no further than the disk should hold."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import LedgerError, ParameterError
from bulkq.sources.spool import open_spool
from bulkq.sources.spool_ahead import PrefetchedSource
from tests.support.sources import AB, Given, batches, flat, stdin

if TYPE_CHECKING:
    from pathlib import Path


def ones(count: int) -> Given:
    """A source that gives sets one by one."""
    return Given(*(([(i, "x")], [i + 1]) for i in range(1, count + 1)))


async def test_the_end_is_read_before_it_is_asked_for(tmp_path: Path) -> None:
    """After the first set the spool has all of them, the total is known, and closing early leaves it complete."""
    source = PrefetchedSource(await stdin(50), tmp_path / "s", AB, patience_s=10)
    assert (source.typed, source.replayable, source.total, source.fraction()) == (False, False, None, None)
    first = await source.take(1, 7)
    assert first is not None
    assert (first.index, first.first, first.sets, first.origin(0)) == (7, 1, [("1", "x")], "stdin:2")
    assert (source.total, source.fraction()) == (50, 0.02)
    await source.close()
    await source.close()
    assert await source.take(1, 8) is None
    spool = await open_spool(tmp_path / "s", AB)
    assert spool.complete
    assert [n for n, _, _ in flat(await batches(spool))] == list(range(1, 51))


@pytest.mark.parametrize("size", [1, 4, 100])
async def test_everything_in_order(tmp_path: Path, size: int) -> None:
    """Sets, numbers and origins are those of the source, in any sizes."""
    found = await batches(PrefetchedSource(ones(20), tmp_path / "s", AB), size)
    assert flat(found) == [(i, (i, "x"), f"stdin:{i + 1}") for i in range(1, 21)]
    assert await batches(PrefetchedSource(ones(0), tmp_path / "t", AB), size) == []


async def test_a_bad_line(tmp_path: Path) -> None:
    """Without patience what stands before it is given first; with patience nothing is. The error is final."""
    hasty = PrefetchedSource(Given(([(1, 2)], [2]), ParameterError("stdin:3: broken")), tmp_path / "s", AB)
    assert await hasty.take(5, 0) is not None
    patient = PrefetchedSource(
        Given(([(1, 2)], [2]), ParameterError("stdin:3: broken")), tmp_path / "t", AB, patience_s=10
    )
    for source in (hasty, patient, patient):
        with pytest.raises(ParameterError, match="stdin:3: broken"):
            await source.take(5, 1)
        assert source.total is None
    await hasty.close()
    await patient.close()


async def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is given that is not on disk."""

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    source = PrefetchedSource(await stdin(2), tmp_path / "s", AB)
    monkeypatch.setattr("os.write", full)
    with pytest.raises(LedgerError, match=r"/s: cannot be written: no space left on device$"):
        await source.take(1, 0)
    await source.close()


async def test_not_too_far_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes into the pipe waits when the run is far behind, and goes on when it has come nearer."""
    monkeypatch.setattr("bulkq.sources.spool_ahead.AHEAD_BYTES", 1)
    given = ones(50)
    source = PrefetchedSource(given, tmp_path / "s", AB, patience_s=0.1)
    assert await source.take(1, 0) is not None
    assert 45 < len(given.left) < 50
    assert len(flat(await batches(source, 3))) == 49


async def test_closed_while_somebody_waits(tmp_path: Path) -> None:
    """A silent pipe does not keep anybody: taking ends with nothing."""

    class Silent(Given):
        async def take(self, size: int, index: int) -> None:  # type: ignore[override]
            await asyncio.Event().wait()

    source = PrefetchedSource(Silent(), tmp_path / "s", AB)
    taking = asyncio.ensure_future(source.take(1, 0))
    await asyncio.sleep(0.01)
    await source.close()
    assert await taking is None
