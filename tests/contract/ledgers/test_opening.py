"""Opening a ledger: made at most once, refused if it is newer, without SQLAlchemy for a new run."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import LedgerNewer
from bulkq.ledger import (
    LedgerMissing,
    open_ledger,
    store,
)
from bulkq.ledger.revision_constants import HEAD
from bulkq.ledger.upgrade_and_check import check_ledger, read_current_revision, upgrade_ledger
from bulkq.model import RunState, SinkPosition
from tests.support.ledgers import execute, opened, record

if TYPE_CHECKING:
    from tests.support.command import Cli

# --- the place ------------------------------------------------------------------------------------------------------


async def test_a_ledger_is_not_made_where_none_is_wanted(url: str) -> None:
    """Reading commands make nothing."""
    with pytest.raises(LedgerMissing, match="no ledger"):
        await open_ledger(url, create=False)
    with pytest.raises(LedgerMissing):
        await read_current_revision(url)
    assert await upgrade_ledger(url) == (None, HEAD)
    assert await upgrade_ledger(url) == (HEAD, HEAD)
    assert await read_current_revision(url) == HEAD
    found = await check_ledger(url)
    assert (found.problems, set(found.rows.values())) == ((), {0})
    assert found.size_bytes > 0


async def test_five_that_open_at_once_share_one_ledger(url: str) -> None:
    """Nobody's run is lost."""
    ledgers = await asyncio.gather(*(open_ledger(url) for _ in range(5)))
    await asyncio.gather(*(each.begin(record(f"01kb4x000{i}"), []) for i, each in enumerate(ledgers)))
    assert len(await ledgers[0].recent()) == 5
    for each in ledgers:
        await each.close()


async def test_a_newer_ledger_is_refused(url: str) -> None:
    """One line, exit 4, and nothing in it is changed."""
    await (await open_ledger(url)).close()
    if url.startswith("postgres"):
        await execute(url, "update bulkq_ledger.alembic_version set version_num = '9999'")
    else:
        with sqlite3.connect(url) as connection:
            connection.execute("update alembic_version set version_num = '9999'")
        connection.close()
    with pytest.raises(LedgerNewer, match="newer bulkq") as caught:
        await open_ledger(url)
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)
    found = await check_ledger(url)
    assert found.revision == "9999"
    assert found.problems


async def test_opening_does_not_stop_the_loop(tmp_path: Path) -> None:
    """Other tasks go on while SQLAlchemy is imported; an up-to-date ledger needs no Alembic."""
    script = (
        "import asyncio, sys, time\n"
        "from bulkq.ledger import open_ledger\n"
        "assert 'sqlalchemy' not in sys.modules\n"
        "async def main():\n"
        "    ticks = 0\n"
        "    async def tick():\n"
        "        nonlocal ticks\n"
        "        while True:\n"
        "            await asyncio.sleep(0.005)\n"
        "            ticks += 1\n"
        "    ticker = asyncio.create_task(tick())\n"
        f"    ledger = await open_ledger({str(tmp_path / 'l.db')!r})\n"
        "    ticker.cancel()\n"
        "    await ledger.recent()\n"
        "    await ledger.close()\n"
        "    print(ticks > 10, 'sqlalchemy' in sys.modules, 'alembic' in sys.modules)\n"
        "asyncio.run(main())\n"
    )
    for _ in range(2):  # when it is made, and when it is there
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(store.__file__).parents[2]
        )  # fmt: skip
        assert done.stdout.strip() == "True True False"


NEW_RUN = """
import asyncio, sys
from dataclasses import replace
from bulkq.ledger import open_recorder
from bulkq.model import Failure, Mark, Outcome, RunRecord, RunState, SinkPosition

run = RunRecord(run="01kb4x0001", state=RunState.RUNNING, mode="read", name="n", targets=("t",), request="{{}}",
    fingerprint="{{}}", owner="", started_at="2026-11-22T10:00:00Z")

async def main():
    ledger = await open_recorder({path!r})
    await ledger.begin(run, ["/s"], [(1, SinkPosition("/o", 0))])
    for n in (2, 4, 3, 1):
        ledger.mark(Mark(1, ((n, n),), (Failure(9 + n, "f:1", "t", "q", {{}}, Outcome.UNKNOWN, None, "m", 1),)))
        await ledger.sync()
    ledger.mark(Mark(1, ((10, 10),)))
    await ledger.finish(replace(run, state=RunState.FINISHED, exit_code=3, ok=5))
    await ledger.close()
    print("sqlalchemy" in sys.modules)

asyncio.run(main())
"""


async def test_a_new_run_needs_no_sqlalchemy(tmp_path: Path) -> None:
    """Where the ledger is there, from its beginning to its end; what was written is read as ever."""
    async with opened(str(tmp_path / "l.db")):
        pass
    script = NEW_RUN.format(path=str(tmp_path / "l.db"))
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(store.__file__).parents[2]
    )  # fmt: skip
    assert done.stdout.strip() == "False"
    async with opened(str(tmp_path / "l.db")) as ledger:
        found = await ledger.find("01kb4x0001")
        (part,) = await ledger.state(found.run)
        assert (found.state, found.exit_code, found.ok) == (RunState.FINISHED, 3, 5)
        assert part.done == ((1, 4), (10, 10))
        assert [failed.n for failed in part.failures] == [11, 12, 13]
        assert part.sinks == (SinkPosition("/o", 0),)
        assert await ledger.spools(found.run) == ("/s",)


def test_a_library_of_the_ledger_that_fails_in_its_import(cli: Cli, postgres_url: str, tmp_path: Path) -> None:
    """One line with the library, its error and the next step; exit 2, and no internal error."""
    (tmp_path / "asyncpg").mkdir()
    (tmp_path / "asyncpg" / "__init__.py").write_text("raise RuntimeError('wrong version of libpq')")
    finished = cli("runs", "--ledger", postgres_url, env={"PYTHONPATH": str(tmp_path)})
    assert finished.code == 2
    assert finished.err.count("\n") == 1
    assert "RuntimeError: wrong version of libpq: install another version of asyncpg, or choose another" in finished.err


def test_a_greenlet_that_fails_in_its_import(cli: Cli, tmp_path: Path) -> None:
    """SQLAlchemy imports it before the ledger is opened: one line, too."""
    (tmp_path / "greenlet").mkdir()
    (tmp_path / "greenlet" / "__init__.py").write_text("raise RuntimeError('broken')")
    finished = cli("runs", "--ledger", str(tmp_path / "ledger.db"), env={"PYTHONPATH": str(tmp_path)})
    assert finished.code == 2
    assert "RuntimeError: broken: install another version of SQLAlchemy and greenlet, or choose" in finished.err
