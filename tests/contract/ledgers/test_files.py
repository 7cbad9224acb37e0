"""Ledgers in files: size, permissions, damage."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import LedgerError, RefusedError
from bulkq.ledger import (
    open_ledger,
)
from bulkq.model import Mark
from tests.support.ledgers import ended, failure, opened, position, record

if TYPE_CHECKING:
    from collections.abc import Callable


# --- SQLite files ---------------------------------------------------------------------------------------------------


async def test_only_its_owner_may_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders that are made 0700, files 0600, whatever the umask; WAL, and synced fully."""
    import os

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    before = os.umask(0)
    try:
        async with opened("auto") as ledger:
            await ledger.begin(record(), [])
            folder = tmp_path / "state" / "bulkq"
            modes = {path.name: path.stat().st_mode & 0o777 for path in (folder.parent, folder, *folder.iterdir())}
            async with ledger.database.reading() as connection:
                settings = [
                    (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
                    for name in ("journal_mode", "synchronous")
                ]
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("state", "bulkq"), 0o700) | dict.fromkeys(
        ("ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"), 0o600
    )
    assert settings == ["wal", 2]


async def test_ten_million_sets_in_random_order_stay_small(tmp_path: Path) -> None:
    """10,000 batches of 1,000 that end out of order: rows are few, and the file is below a megabyte."""
    ledger = await open_ledger(str(tmp_path / "l.db"))
    await ledger.begin(record(), [])
    chance = random.Random(3)
    batches = list(range(10_000))
    for at in range(0, 10_000, 16):
        near = batches[at : at + 16]
        chance.shuffle(near)
        batches[at : at + 16] = near
    for i, batch in enumerate(batches):
        ledger.mark(Mark(0, ((batch * 1000 + 1, batch * 1000 + 1000),), source=position(batch * 1000 + 1000)))
        if i % 50 == 0:
            await ledger.sync()
    await ledger.sync()
    assert (await ledger.find("01kb4x0001")).ok == 10_000_000
    assert (await ledger.state("01kb4x0001"))[0].done == ((1, 10_000_000),)
    await ledger.close()
    assert (tmp_path / "l.db").stat().st_size < 1_000_000


@pytest.fixture
async def filled(tmp_path: Path) -> Path:
    """A ledger with runs in it."""
    path = tmp_path / "filled.db"
    async with opened(str(path)) as ledger:
        for i in range(20):
            run = record(f"01kb4x00{i:02}")
            await ledger.begin(run, ["/s"])
            ledger.mark(Mark(0, tuple((n, n) for n in range(1, 200, 2)), tuple(failure(n) for n in range(2, 20, 2))))
            await ledger.finish(ended(run))
    return path


async def read_everything(path: Path) -> None:
    """What `bulkq runs` and `resume` read."""
    async with opened(str(path)) as ledger:
        for run in await ledger.recent(100):
            await ledger.state(run.run)
            await ledger.find(run.run)


async def test_a_truncated_ledger_is_one_line_and_stays_as_it_is(filled: Path) -> None:
    """Cut at 30 random places: a LedgerError with its path; an error while reading never deletes state."""
    whole = filled.read_bytes()
    chance = random.Random(11)
    for cut in [0, 1, 16, 100, *(chance.randrange(len(whole)) for _ in range(30))]:
        filled.write_bytes(whole[:cut])
        with pytest.raises(LedgerError) as caught:
            await read_everything(filled)
        assert "\n" not in str(caught.value)
        assert str(filled) in str(caught.value)
        assert filled.read_bytes() == whole[:cut]
    filled.write_bytes(whole)
    await read_everything(filled)


async def test_damage_anywhere_is_one_line_or_none(filled: Path) -> None:
    """Random bytes in random pages: whatever is read then, no other error comes out."""
    whole = filled.read_bytes()
    chance = random.Random(12)
    told = 0
    for _ in range(20):
        broken = bytearray(whole)
        at = chance.randrange(100, len(whole) - 512)
        broken[at : at + 512] = chance.randbytes(512)
        filled.write_bytes(broken)
        try:
            await read_everything(filled)
        except (LedgerError, RefusedError) as error:
            told += 1
            assert "\n" not in str(error)
    assert told > 2


@pytest.mark.parametrize("content", [b"", b"id\n1\n2\n", b"SQLite format 3\0 and so on"])
async def test_what_is_no_ledger_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """An empty file, a CSV file, half a header."""
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="ledger") as caught:
        await open_ledger(str(path))
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


async def test_somebodys_database_gets_no_tables(sqlite_file: Callable[[str], Path], tmp_path: Path) -> None:
    """The target given as the ledger by mistake; a folder; a folder that is not there."""
    path = sqlite_file("create table t (a)")
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="has no ledger tables"):
        await open_ledger(str(path))
    assert path.read_bytes() == before
    with pytest.raises(LedgerError, match="is not a file"):
        await open_ledger(str(tmp_path))
    with pytest.raises(LedgerError, match="create it first"):
        await open_ledger(str(tmp_path / "no" / "ledger.db"))


async def test_a_locked_ledger_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program keeps a transaction open: after the patience, one line that says so."""
    from bulkq.ledger import database_connection

    monkeypatch.setattr(database_connection, "BUSY_S", 0.1)
    async with opened(str(tmp_path / "l.db")) as ledger:
        other = sqlite3.connect(tmp_path / "l.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(LedgerError, match="another process holds its lock"):
                await ledger.begin(record(), [])
        finally:
            other.close()
        await ledger.begin(record(), [])
