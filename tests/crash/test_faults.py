"""The network and the server fail under a write: every set is applied once, and nothing stays unknown."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.support import targets
from tests.support.crash.nursery import (
    histogram,
    make_counters,
    marked,
    merged,
    recorded,
    run_id,
    run_rows,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.crash.nursery import Ended, Nursery
    from tests.support.servers.postgres import PostgresServer
    from tests.support.servers.proxy import Proxy
    from tests.support.targets import Target

SLOW = "update counters set n = n + 1 + (pg_sleep(0.001) is null)::int where id = :id"
QUICK = "update counters set n = n + 1 where id = :id"


@pytest.fixture
def target(tmp_path: Path, database: str) -> Target:
    """PostgreSQL."""
    return targets.make("postgresql", tmp_path, database, None)


class Write:
    """A write run of `rows` counters beside a running loop."""

    def __init__(self, nursery: Nursery, cli: Cli, target: Target, rows: int) -> None:
        make_counters(target, rows)
        self._nursery = nursery
        self._cli = cli
        self._target = target
        self._rows = rows
        self._process: asyncio.Future[Ended] | None = None

    def begin(self, url: str, *more: str, sql: str = QUICK) -> None:
        """Start it, through whatever `url` says."""
        params = f"range:id=1..{self._rows}"
        arguments = ("run", "-e", sql, "-t", url, "-p", params, "--write", "--progress", "none", *more)
        self._process = asyncio.ensure_future(asyncio.to_thread(self._nursery.run, self._cli, *arguments))

    @property
    def running(self) -> bool:
        """Whether it is at it."""
        assert self._process is not None
        return not self._process.done()

    async def applying(self) -> None:
        """Wait until the first rows are changed."""
        await asyncio.to_thread(self._applying)

    def _applying(self) -> None:
        ends_s = time.monotonic() + 20
        while histogram(self._target).get(1, 0) == 0:
            assert self.running, self.said()
            assert time.monotonic() < ends_s
            time.sleep(0.02)

    def said(self) -> str:
        """stderr so far."""
        return (self._cli.folder / "err").read_text(errors="replace")

    async def code(self) -> int:
        """Wait for its end; the exit code."""
        assert self._process is not None
        return (await self._process).code

    async def ends_well(self) -> str:
        """Wait for its end; everything is applied once and nothing is unknown. The last line of stderr."""
        assert await self.code() == 0, self.said()
        assert histogram(self._target) == {1: self._rows}
        assert (marked(self._target), run_rows(self._target, run_id(self._cli))) == ([], 0)
        last = self.said().rstrip("\n").rpartition("\n")[2]
        assert f" ok={self._rows} failed=0 unknown=0 skipped=0 " in last
        return last


CUTS_PER_KILL = 3
"""Cuts for each of `--kills`."""

SPARED = 14
"""Commits between two cuts: more than a tenth of all attempts may not be repeated within a minute."""


async def test_cut_after_commit_many_times(
    nursery: Nursery, cli: Cli, target: Target, proxy: Proxy, pytestconfig: pytest.Config
) -> None:
    """The answer to COMMIT is lost, again and again: each loss is settled by sending the batch again."""
    wanted = CUTS_PER_KILL * pytestconfig.getoption("--kills")
    write = Write(nursery, cli, target, (wanted + 30) * (SPARED + 1))
    cuts = 0
    write.begin(proxy.through(target.url), "-j", "4", "--batch", "1")
    while cuts < wanted and write.running:
        proxy.cut_after_commit(skip=SPARED)
        while write.running and not proxy.fired.is_set():
            await asyncio.sleep(0.001)
        cuts += proxy.fired.is_set()
    await write.ends_well()
    assert cuts >= wanted


@pytest.mark.parametrize("text", [b"BEGIN", b"INSERT INTO", b"COMMIT"])
async def test_cut_before_the_send(nursery: Nursery, cli: Cli, target: Target, proxy: Proxy, text: bytes) -> None:
    """What never reached the server is sent again."""
    write = Write(nursery, cli, target, 400)
    write.begin(proxy.through(target.url), "-j", "3", "--batch", "5", sql=SLOW)
    await write.applying()
    for _ in range(5):
        proxy.cut_before(text, skip=3)
        async with asyncio.timeout(20):
            await proxy.fired.wait()
    await write.ends_well()


@pytest.mark.parametrize("after_commit", [True, False])
async def test_silence(nursery: Nursery, cli: Cli, target: Target, proxy: Proxy, after_commit: bool) -> None:
    """The network swallows everything, with a commit on its way or before one, and comes back later."""
    write = Write(nursery, cli, target, 600)
    write.begin(proxy.through(target.url), "-j", "3", "--batch", "10", sql=SLOW)
    await write.applying()
    if after_commit:
        proxy.cut_after_commit(skip=2, silently=True)
    else:
        proxy.cut_before(b"COMMIT", skip=2, silently=True)
    async with asyncio.timeout(20):
        await proxy.fired.wait()
    await asyncio.sleep(0.5)  # the silence itself
    await proxy.resume()
    await write.ends_well()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_restarted_server(
    nursery: Nursery, cli: Cli, target: Target, postgres: PostgresServer, mode: str
) -> None:
    """The server is stopped under the run and comes back."""
    write = Write(nursery, cli, target, 1500)
    write.begin(target.url, "-j", "4", "--batch", "20", sql=SLOW)
    await write.applying()
    await asyncio.to_thread(postgres.restart, mode)
    await write.ends_well()


async def test_terminated_backends(nursery: Nursery, cli: Cli, target: Target) -> None:
    """Somebody ends the run's sessions, again and again."""
    write = Write(nursery, cli, target, 1500)
    write.begin(target.url, "-j", "4", "--batch", "10", sql=SLOW)
    await write.applying()
    for _ in range(6):
        await asyncio.to_thread(
            target.execute,
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name like 'bulkq/%' and datname = current_database()",
        )
        await asyncio.sleep(0.15)  # time to come back
    await write.ends_well()


WAITING = "waiting for transactions of the run's former process"

GATE = 1842
"""Of an advisory lock that the test holds: a COMMIT waits for it, for as long as the test wants."""

HELD_COMMIT = (
    (
        "create function held() returns trigger language plpgsql as $$begin "
        "perform set_config('client_connection_check_interval', '0', true), set_config('lock_timeout', '0', true); "
        f"perform pg_advisory_xact_lock_shared({GATE}); return null; end$$"
    ),
    (
        "create constraint trigger held after update on counters deferrable initially deferred for each row "
        "when (new.id = 5) execute function held()"
    ),
)


@pytest.mark.parametrize("failpoint", ["commit-sent", "after-batch-postgresql"])
async def test_orphan_is_waited_for(cli: Cli, target: Target, nursery: Nursery, failpoint: str) -> None:
    """The killed client's COMMIT is held up: the resume, started meanwhile, waits for it and finds its marker."""
    make_counters(target, 20)
    target.execute(*HELD_COMMIT)
    gate = await asyncpg.connect(target.url, timeout=10)
    await gate.execute(f"select pg_advisory_lock({GATE})")
    arguments = ["run", "-e", QUICK, "-t", target.url, "-p", "range:id=1..20", "--write", "-j", "1", "--batch", "5"]
    ended = await asyncio.to_thread(lambda: nursery.run(cli, *arguments, failpoint=failpoint))
    assert ended.killed, ended.err
    process = cli.start("resume", "--last", "--progress", "lines", "--batch", "4")
    assert process.stderr is not None
    said = []
    while failpoint == "commit-sent" and WAITING not in "".join(said):
        said.append((await asyncio.to_thread(process.stderr.readline)).decode())
        assert said[-1], said  # it has ended
    await gate.close()
    ended = await cli.finish(process)
    assert ended.code == 0, ended.err
    assert histogram(target) == {1: 20}
    assert (marked(target), run_rows(target, run_id(cli))) == ([], 0)
    assert [state for _, state in recorded(cli)] == ["finished"]


@pytest.mark.parametrize("text", [b"CREATE TABLE", b'"bulkq_runs" (run, owner)', b"COMMIT"])
async def test_cut_while_the_run_begins(nursery: Nursery, cli: Cli, target: Target, proxy: Proxy, text: bytes) -> None:
    """The network breaks while tables and run row are made: both are looked for again, and the run begins once."""
    write = Write(nursery, cli, target, 20)
    proxy.cut_before(text)
    write.begin(proxy.through(target.url))
    assert await write.code() == 0, write.said()
    assert histogram(target) == {1: 20}
    assert (marked(target), run_rows(target, run_id(cli))) == ([], 0)
    assert [state for _, state in recorded(cli)] == ["finished"]


@pytest.mark.parametrize("text", [b"SET owner", b"SELECT part"])
async def test_cut_while_a_resume_takes_over(
    nursery: Nursery, cli: Cli, target: Target, proxy: Proxy, text: bytes
) -> None:
    """The network breaks while a resume takes the run over: it asks again, and goes on."""
    make_counters(target, 20)
    where = ["-t", proxy.through(target.url), "-p", "range:id=1..20", "--write", "--batch", "5"]
    ended = await asyncio.to_thread(lambda: nursery.run(cli, "run", "-e", QUICK, *where, failpoint="after-mark"))
    assert ended.killed, ended.err
    proxy.cut_before(text)
    ended = await asyncio.to_thread(nursery.run, cli, "resume", "--last")
    assert ended.code == 0, ended.err
    assert histogram(target) == {1: 20}


async def test_cut_while_markers_are_removed(nursery: Nursery, cli: Cli, target: Target, proxy: Proxy) -> None:
    """All is done and on record when the network breaks: exit 0, one line says what is left, and a resume removes it."""
    write = Write(nursery, cli, target, 20)
    proxy.cut_before(b"DELETE FROM")
    write.begin(proxy.through(target.url))
    assert await write.code() == 0
    assert f"bulkq resume {run_id(cli)} removes them" in write.said()
    assert merged(marked(target)) == [(1, 20)]
    ended = await asyncio.to_thread(nursery.run, cli, "resume", "--last")
    assert ended.code == 0, ended.err
    assert (marked(target), run_rows(target, run_id(cli))) == ([], 0)
    assert histogram(target) == {1: 20}
