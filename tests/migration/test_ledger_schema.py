"""The revisions of the ledger: a migrated one equals a fresh one, and a kill in between loses nothing."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
from sqlalchemy import create_engine

from bulkq import package_data
from bulkq.errors import LedgerError
from bulkq.ledger import migrate, new_owner, open_ledger, revision_constants
from bulkq.ledger.upgrade_and_check import read_current_revision, upgrade_ledger
from bulkq.model import Mark, RunRecord, RunState

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]

NEXT = '''\
"""A column more."""
import sqlalchemy as sa
from alembic import op

revision = "{next}"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("runs") as batch:
        batch.add_column(sa.Column("colour", sa.Text, nullable=False, server_default="red"))
    op.execute(sa.text({slow!r}) if op.get_bind().dialect.name == "sqlite" else sa.text("select 1"))
'''
SLOW = "with recursive c(n) as (select 1 union all select n + 1 from c where n < 20000) select max(n) from c"


def record(run: str) -> RunRecord:
    """A run that begins."""
    return RunRecord(
        run=run,
        state=RunState.RUNNING,
        mode="read",
        name="n",
        targets=(),
        request="{}",
        fingerprint="{}",
        owner=new_owner(),
        started_at="2026-11-22T10:00:00Z",
    )


# --- the schema -----------------------------------------------------------------------------------------------------


def test_the_constant_is_alembics_head() -> None:
    """`HEAD`, by which a start sees that it needs no Alembic, is the last revision there is."""
    assert migrate.find_head() == revision_constants.HEAD


def described(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Tables, columns, keys, indexes of a SQLite file."""
    with sqlite3.connect(path) as connection:
        tables = [
            row[0] for row in connection.execute("select name from sqlite_schema where type = 'table' order by 1")
        ]
        found = {}
        for table in tables:
            found[table] = connection.execute(f"pragma table_info({table})").fetchall()
            indexes = connection.execute(f"pragma index_list({table})").fetchall()
            found[f"{table} indexes"] = sorted(row[1:] for row in indexes)
            found[f"{table} options"] = connection.execute(
                "select wr, strict from pragma_table_list where name = ?", [table]
            ).fetchall()
        found["revision"] = connection.execute("select * from alembic_version").fetchall()
    connection.close()
    return found


async def test_a_migrated_file_equals_a_fresh_one(tmp_path: Path) -> None:
    """From nothing through every revision: the same tables, columns, types, keys and indexes."""
    await (await open_ledger(str(tmp_path / "fresh.db"))).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    with engine.begin() as connection:
        migrate.migrate(connection)
    engine.dispose()
    assert described(tmp_path / "migrated.db") == described(tmp_path / "fresh.db")


COLUMNS = """\
select table_name, column_name, data_type, character_maximum_length, is_nullable, column_default, ordinal_position
  from information_schema.columns where table_schema = 'bulkq_ledger' order by 1, 7"""
INDEXES = "select tablename, indexname, indexdef from pg_indexes where schemaname = 'bulkq_ledger' order by 1, 2"
VERSION = "select version_num from bulkq_ledger.alembic_version"


async def test_a_migrated_server_equals_a_fresh_one(database: str) -> None:
    """The same in PostgreSQL; and nothing of ours stands outside of our schema."""
    await (await open_ledger(database)).close()
    connection = await asyncpg.connect(database)
    try:
        fresh = [await connection.fetch(query) for query in (COLUMNS, INDEXES, VERSION)]
        assert fresh[0]
        await connection.execute("drop schema bulkq_ledger cascade; create schema bulkq_ledger")
        from bulkq.ledger import database_connection
        from bulkq.ledger.location import locate

        migrated = await database_connection.open_server(locate(database))
        async with migrated.writing() as writing:
            await writing.run_sync(migrate.migrate)
        await migrated.close()
        assert [await connection.fetch(query) for query in (COLUMNS, INDEXES, VERSION)] == fresh
        assert await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'") == 0
    finally:
        await connection.close()


async def test_a_ledger_of_the_first_revision_gets_checks(tmp_path: Path) -> None:
    """As the first version left it, with a run in it: the run stays, and results of checks and events can be kept."""
    from bulkq.ledger.check_results import CheckHistory
    from bulkq.model import CheckResult, Verdict

    path = tmp_path / "ledger.db"
    ledger = await open_ledger(str(path))
    await ledger.begin(record("01kbold"), [])
    await ledger.close()
    with sqlite3.connect(path) as connection:
        for table in ("checks", "events", "commands"):
            connection.execute(f"drop table {table}")
        connection.executescript('drop index runs_group; alter table runs drop shard; alter table runs drop "group"')
        connection.execute("update alembic_version set version_num = '0001'")
    connection.close()
    ledger = await open_ledger(str(path))
    assert (await ledger.find("01kbold")).run == "01kbold"
    history = CheckHistory(ledger.database)
    result = CheckResult(
        name="c", file="c.sql", line=1, target="t", verdict=Verdict.FAIL, expected="empty", message="2 rows", rows=2
    )
    await history.keep("01kbnew", "2026-11-22T10:00:00Z", [("c.sql:c", "", result)])
    assert await history.of("01kbnew") == (result,)
    assert (await history.before(["c.sql:c"]))["c.sql:c", "t"][""][0].rows == 2
    assert await ledger.events("01kbold") == ()
    await ledger.close()
    assert described(path)["revision"] == [(revision_constants.HEAD,)]


@pytest.mark.long
async def test_a_developer_can_run_alembic(tmp_path: Path) -> None:
    """`[tool.alembic]` finds the scripts, and finds nothing to change."""
    url = f"url=sqlite+aiosqlite:///{tmp_path}/dev.db"
    for command in (["upgrade", "head"], ["check"]):
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "alembic", "-x", url, *command],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert done.returncode == 0, done.stderr
    assert described(tmp_path / "dev.db")["revision"] == [(revision_constants.HEAD,)]


# --- upgrades -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Later:
    """A program with one more revision."""

    folder: Path
    head: str = "9001"

    def now(self, patch: pytest.MonkeyPatch) -> None:
        """Let this process be that program."""
        from bulkq.ledger import file_create, file_upgrade, sqlite3_row_writer, upgrade_and_check
        from bulkq.ledger import open as opening

        patch.setattr(package_data, "find", lambda _: self.folder)
        holders = (file_create, file_upgrade, sqlite3_row_writer, opening, upgrade_and_check)
        for module in (revision_constants, *holders, migrate):
            patch.setattr(module, "HEAD", self.head)


@pytest.fixture
def later(tmp_path: Path) -> Later:
    """The migrations of this program and one more."""
    folder = tmp_path / "later"
    shutil.copytree(ROOT / "migrations", folder, ignore=shutil.ignore_patterns("__pycache__"))
    made = Later(folder)
    (folder / "versions" / "9001_later.py").write_text(
        NEXT.format(next=made.head, head=revision_constants.HEAD, slow=SLOW)
    )
    return made


@pytest.fixture(params=["sqlite", "postgresql"])
async def old(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A ledger of this program, with a run in it."""
    url: str = str(tmp_path / "old.db") if request.param == "sqlite" else request.getfixturevalue("database")
    ledger = await open_ledger(url)
    await ledger.begin(record("01kb4x0001"), [])
    ledger.mark(Mark(0, ((1, 100),)))
    await ledger.close()
    return url


async def test_an_older_ledger_is_upgraded_when_it_is_opened(
    old: str, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its runs are there; its file keeps its permissions; nothing is left beside it."""
    before = revision_constants.HEAD
    later.now(monkeypatch)
    assert await read_current_revision(old) == before
    ledger = await open_ledger(old)
    assert await ledger.database.revision() == later.head
    assert (await ledger.find("01kb")).ok == 100
    await ledger.close()
    assert await upgrade_ledger(old) == (later.head, later.head)
    if not old.startswith("postgres"):
        assert Path(old).stat().st_mode & 0o777 == 0o600
        assert {p.name for p in Path(old).parent.glob("old.db*")} == {"old.db", "old.db.lock"}


async def test_a_ledger_in_use_is_not_upgraded(old: str, later: Later, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that another process has open is left as it is, in one line; a server looks after that itself."""
    if old.startswith("postgres"):
        pytest.skip("PostgreSQL's own locks do this")
    from bulkq.ledger import file_lock_and_revision

    user = await open_ledger(old)
    later.now(monkeypatch)
    monkeypatch.setattr(file_lock_and_revision, "PATIENCE_S", 0.1)
    with pytest.raises(LedgerError, match="another process uses it"):
        await open_ledger(old)
    await user.begin(record("01kb4x0002"), [])
    await user.close()
    program = sqlite3.connect(old)  # one that knows nothing of our lock
    program.execute("begin immediate")
    program.execute("update runs set name = 'changed'")
    program.execute("commit")
    with pytest.raises(LedgerError, match=r"another program has it open|locked"):
        await open_ledger(old)
    program.close()
    ledger = await open_ledger(old)
    assert [run.name for run in await ledger.recent()] == ["changed", "changed"]
    await ledger.close()


async def test_five_upgrades_at_once_are_one(old: str, later: Later, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second finds it done."""
    later.now(monkeypatch)
    ledgers = await asyncio.gather(*(open_ledger(old) for _ in range(5)))
    for ledger in ledgers:
        assert (await ledger.find("01kb")).ok == 100
        await ledger.close()
    assert await read_current_revision(old) == later.head


async def test_an_upgrade_that_fails_leaves_the_old_one(
    old: str, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revision that cannot be applied: one line, and the ledger is what it was."""
    script = later.folder / "versions" / "9001_later.py"
    script.write_text(script.read_text() + '    op.execute("select * from nowhere")\n')
    with monkeypatch.context() as patch:
        later.now(patch)
        with pytest.raises(LedgerError, match="nowhere") as caught:
            await open_ledger(old)
        assert "\n" not in str(caught.value)
    ledger = await open_ledger(old)
    assert (await ledger.find("01kb")).ok == 100
    await ledger.close()


# --- kills ----------------------------------------------------------------------------------------------------------

KILLER = r"""
import asyncio, os, random, signal, sys, time
from pathlib import Path

folder, what, seed, trials, migrations = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
sys.path[:0] = sys.argv[6:]
import sqlalchemy.dialects.sqlite.aiosqlite, aiosqlite
from bulkq import package_data
from bulkq.ledger import file_create, file_upgrade, migrate, new_owner, open_ledger, open_recorder, revision_constants, sqlite3_row_writer, store
from bulkq.ledger import open as opening
from bulkq.model import Mark, RunRecord, RunState

if migrations:
    package_data.find = lambda _: Path(migrations)
    for module in (revision_constants, file_create, file_upgrade, sqlite3_row_writer, opening, migrate):
        module.HEAD = "9001"

def record(run):
    return RunRecord(run=run, state=RunState.RUNNING, mode="read", name="n", targets=(), request="{}", fingerprint="{}",
        owner=new_owner(), started_at="2026-11-22T10:00:00Z")

async def work(path):
    ledger = await (open_ledger if what == "make" else open_recorder)(str(path))
    if what in ("close", "direct"):
        await ledger.begin(record("killed"), [])
        for n in range(1, 2000):
            ledger.mark(Mark(0, ((n, n),)))
            if n % 20 == 0:
                await asyncio.sleep(0)
            if n % 200 == 0:
                await ledger.sync()
    await ledger.close()

async def look(path):
    ledger = await open_ledger(str(path))
    runs = await ledger.recent()
    if what in ("upgrade", "direct"):
        assert runs[-1].run == "01kb4x0001" and runs[-1].ok == 100 and len(runs) <= (2 if what == "direct" else 1), runs
    for run in runs:
        state = await ledger.state(run.run)
        if what in ("close", "direct") and run.run == "killed" and state:
            ((part),) = state
            assert len(part.done) == 1 and part.done[0][0] == 1, part
            assert run.ok == part.done[0][1], run
    async with ledger.database.reading() as connection:
        found = (await connection.exec_driver_sql("PRAGMA integrity_check")).scalars().all()
    assert found == ["ok"], found
    await ledger.close()
    left = [p.name for p in path.parent.iterdir() if ".new-" in p.name]
    assert what in ("close", "direct") or not left or what == "make", left

def child(function, path):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            asyncio.run(function(path))
            code = 0
        finally:
            os._exit(code)
    return pid

def measure(path):
    start = time.monotonic()
    os.waitpid(child(work, path), 0)
    return time.monotonic() - start

def fresh(n):
    path = folder / f"{what}-{n}" / "ledger.db"
    path.parent.mkdir()
    if what in ("upgrade", "direct"):
        path.write_bytes((folder / "old.db").read_bytes())
    return path

random.seed(seed)
longest = max(measure(fresh(f"m{i}")) for i in range(2))
killed = whole = 0
for trial in range(trials):
    path = fresh(trial)
    pid = child(work, path)
    time.sleep(random.random() * longest)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    killed += os.WIFSIGNALED(status)
    whole += path.exists()
    _, status = os.waitpid(child(look, path), 0)
    assert status == 0, (what, trial, seed)
print(killed, whole)
"""


def run_killer(folder: Path, what: str, migrations: Sequence[Path] = ()) -> tuple[int, int]:
    """Twenty processes killed at random moments of `what`; how many, and in how many cases a ledger was there."""
    import bulkq

    seed = int(os.environ.get("BULKQ_TEST_SEED", "0")) or random.SystemRandom().randrange(10**6)
    print(f"BULKQ_TEST_SEED={seed}")
    paths = [str(migrations[0]) if migrations else "", str(Path(bulkq.__file__).parents[1])]
    env = {k: v for k, v in os.environ.items() if not k.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(folder), what, str(seed), "20", *paths],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    killed, whole = map(int, done.stdout.split())
    return killed, whole


async def test_a_kill_while_it_is_made_leaves_none_or_a_whole_one(tmp_path: Path) -> None:
    """20 moments: afterwards it opens, and is sound."""
    killed, _ = await asyncio.to_thread(run_killer, tmp_path, "make")
    assert killed > 0


async def test_a_kill_while_it_is_upgraded_leaves_the_old_or_the_new_one(tmp_path: Path, later: Later) -> None:
    """20 moments: afterwards it opens, is upgraded, and has its run; what the dead process left is cleared away."""
    ledger = await open_ledger(str(tmp_path / "old.db"))
    await ledger.begin(record("01kb4x0001"), [])
    ledger.mark(Mark(0, ((1, 100),)))
    await ledger.close()
    killed, whole = await asyncio.to_thread(run_killer, tmp_path, "upgrade", [later.folder])
    assert killed > 0
    assert whole == 20


async def test_a_kill_while_it_is_written_and_closed_leaves_a_prefix(tmp_path: Path) -> None:
    """20 moments: what is there is complete up to some set, and the counts agree with the ranges."""
    killed, _ = await asyncio.to_thread(run_killer, tmp_path, "close")
    assert killed > 0


async def test_a_kill_while_a_run_begins_in_a_ledger_that_is_there_leaves_a_prefix(tmp_path: Path) -> None:
    """20 moments, many of them while the first rows are written or the rest is opened; the run before is as it was."""
    ledger = await open_ledger(str(tmp_path / "old.db"))
    await ledger.begin(record("01kb4x0001"), [])
    ledger.mark(Mark(0, ((1, 100),)))
    await ledger.close()
    killed, whole = await asyncio.to_thread(run_killer, tmp_path, "direct")
    assert killed > 0
    assert whole == 20
