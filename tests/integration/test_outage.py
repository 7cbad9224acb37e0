"""The server goes away and comes back, sessions are killed, the network is cut: no set fails and none is answered twice."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

import bulkq
from bulkq.drivers import open_driver
from bulkq.drivers.asyncpg.driver import AsyncpgDriver
from bulkq.engine.pool import ConnectionPool
from bulkq.errors import StoppedError
from tests.support import targets
from tests.support.servers import postgres as servers
from tests.support.servers.silence import silence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bulkq.protocols import Connection
    from tests.support.command import Cli, Finished
    from tests.support.servers.postgres import PostgresServer
    from tests.support.servers.proxy import Proxy
    from tests.support.targets import Target

SLOW_LOOKUP = "select id, square from numbers, pg_sleep(0.002) where id = :id"
SETS = 3_000
AT_ONCE_S = 15  # a drain takes 30


@pytest.fixture
def target(tmp_path: Path, database: str) -> Target:
    """PostgreSQL with three thousand numbers."""
    made = targets.make("postgresql", tmp_path, database, None)
    made.numbers(SETS)
    return made


def answered(path: Path) -> list[object]:
    return [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()]


async def running(path: Path) -> None:
    """Wait until the first rows are on disk."""
    while not path.exists() or not path.stat().st_size:
        await asyncio.sleep(0.02)


def read(cli: Cli, url: str) -> object:
    return cli.start(
        "run",
        "-e",
        SLOW_LOOKUP,
        "-t",
        url,
        "-p",
        f"range:id=1..{SETS}",
        "-o",
        "out.jsonl",
        "-j",
        "4",
        "--batch",
        "20",
        "--progress",
        "none",
    )


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_the_server_restarts(
    mode: str, target: Target, postgres: PostgresServer, cli: Cli, tmp_path: Path
) -> None:
    """A restart in the middle is waited for; every set is answered once, in order, and nothing failed."""
    process = read(cli, target.url)
    await asyncio.wait_for(running(tmp_path / "out.jsonl.partial"), 20)
    await asyncio.to_thread(postgres.restart, mode)
    got = await cli.finish(process)  # type: ignore[arg-type]
    assert got.code == 0, got.err
    assert answered(tmp_path / "out.jsonl") == list(range(1, SETS + 1))
    assert got.counts["failed"] == "0"


async def test_a_stop_ends_at_once_while_the_target_is_lost(
    target: Target, proxy: Proxy, cli: Cli, tmp_path: Path
) -> None:
    """No statement of a read is in flight then, so there is nothing to wait for; a resume answers what is left."""
    process = read(cli, proxy.through(target.url))
    await asyncio.wait_for(running(tmp_path / "out.jsonl.partial"), 20)
    await proxy.refuse()
    proxy.cut()
    process.send_signal(signal.SIGTERM)  # type: ignore[attr-defined]
    stopped_s = time.monotonic()
    got = await cli.finish(process)  # type: ignore[arg-type]
    assert time.monotonic() - stopped_s < AT_ONCE_S
    assert (got.code, got.counts["failed"]) == (5, "0")
    assert "the target was lost" in got.err
    await proxy.resume()
    assert (await cli.finish(cli.start("resume", "--last"))).code == 0
    assert answered(tmp_path / "out.jsonl") == list(range(1, SETS + 1))


async def test_sessions_are_killed(target: Target, cli: Cli, tmp_path: Path) -> None:
    """Terminated backends are replaced; their batches are sent again."""
    process = read(cli, target.url)
    await asyncio.wait_for(running(tmp_path / "out.jsonl.partial"), 20)
    kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name like 'bulkq/%' and datname = current_database()"
    killed = await asyncio.to_thread(target.execute, kill)
    got = await cli.finish(process)  # type: ignore[arg-type]
    assert int(str(killed[0][0])) > 0
    assert got.code == 0, got.err
    assert answered(tmp_path / "out.jsonl") == list(range(1, SETS + 1))


async def test_the_network_is_cut(target: Target, proxy: Proxy, cli: Cli, tmp_path: Path) -> None:
    """Cut connections and two seconds of refused ones end in the same complete file."""
    process = read(cli, proxy.through(target.url))
    await asyncio.wait_for(running(tmp_path / "out.jsonl.partial"), 20)
    await proxy.refuse()
    proxy.cut()
    await asyncio.sleep(2)
    await proxy.resume()
    got = await cli.finish(process)  # type: ignore[arg-type]
    assert got.code == 0, got.err
    assert "target is back" in got.err
    assert answered(tmp_path / "out.jsonl") == list(range(1, SETS + 1))


async def test_an_outage_longer_than_allowed(target: Target, proxy: Proxy, cli: Cli, tmp_path: Path) -> None:
    """After `--outage` the run stops, exit 5, and the partial is left."""
    process = cli.start(
        "run",
        "-e",
        SLOW_LOOKUP,
        "-t",
        proxy.through(target.url),
        "-p",
        f"range:id=1..{SETS}",
        "-o",
        "out.jsonl",
        "--outage",
        "2s",
        "--batch",
        "20",
        "-j",
        "2",
    )
    await asyncio.wait_for(running(tmp_path / "out.jsonl.partial"), 20)
    await proxy.refuse()
    proxy.cut()
    got = await cli.finish(process)
    assert got.code == 5, got.err
    assert "was unreachable" in got.err
    assert (tmp_path / "out.jsonl.partial").exists()
    assert got.counts["failed"] == "0"


async def test_a_server_that_hangs_is_no_reason_to_wait_longer() -> None:
    """It accepts and says nothing: a probe ends with the outage, also where a connection might take ten seconds."""
    said: list[str] = []
    async with silence() as url:
        sessions = ConnectionPool(open_driver(url, read_only=True), outage_s=1.0, say=said.append)
        began_s = time.monotonic()
        with pytest.raises(StoppedError, match=r"the target was unreachable for 1s: no answer within 2s"):
            await sessions.open()
    assert time.monotonic() - began_s < 6
    assert said == ["connection lost (no answer within 2s): waiting up to 1s for the target"]


async def test_a_silent_network(target: Target, proxy: Proxy, cli: Cli, tmp_path: Path) -> None:
    """A network that swallows everything is noticed by the client's own deadline, and the run goes on over new connections."""
    query = "select id, square from numbers where id = :id"
    process = cli.start(
        "run",
        "-e",
        f"{query} and pg_sleep(0.002) is not null",
        "-t",
        proxy.through(target.url),
        "-p",
        f"range:id=1..{SETS}",
        "-o",
        "out.jsonl",
        "-j",
        "2",
        "--batch",
        "20",
        "--timeout",
        "1s",
    )
    await asyncio.wait_for(running(tmp_path / "out.jsonl.partial"), 20)
    proxy.swallow()
    await asyncio.sleep(1)
    await proxy.resume()
    got = await cli.finish(process, 60)
    assert got.code in (0, 3), got.err
    assert "Traceback" not in got.err
    done = int(got.counts["ok"]) + int(got.counts["unknown"]) + int(got.counts["failed"])
    assert done == SETS
    assert len(answered(tmp_path / "out.jsonl")) == int(got.counts["ok"])


async def touch(cli: Cli, url: str, *, lanes: int) -> Finished:
    """Write to every number once, without a ledger, a hundred in a batch."""
    sql = "update numbers set touched = touched + 1 where id = :id"
    sets = ("-p", f"range:id=1..{SETS}", "--batch", "100", "-j", str(lanes))
    return await cli.run("run", "-e", sql, "-t", url, *sets, "--write", "--ledger", "none")


async def test_a_write_survives_a_cut_before_commit(target: Target, proxy: Proxy, cli: Cli) -> None:
    """A connection cut before COMMIT was sent means a rollback, and the batch is applied once."""
    proxy.cut_before(b"BEGIN ISOLATION", 3)
    got = await touch(cli, proxy.through(target.url), lanes=2)
    assert got.code == 0, got.err
    assert target.execute("select min(touched), max(touched) from numbers") == [(1, 1)]


async def test_a_lost_answer_of_a_commit_is_unknown(target: Target, proxy: Proxy, cli: Cli) -> None:
    """Without a ledger a commit whose answer is lost is unknown: never counted as done or failed, never sent again, exit 3."""
    proxy.cut_after_commit(3)
    got = await touch(cli, proxy.through(target.url), lanes=1)
    assert got.code == 3, got.err
    assert got.counts["unknown"] == "100"
    assert target.execute("select min(touched), max(touched) from numbers") == [(1, 1)]


async def without_more(url: str, monkeypatch: pytest.MonkeyPatch, shut: Callable[[], Awaitable[object]]) -> float:
    """A run of 40 sets for which `shut` is done after its second connection; how long it took."""
    connect = AsyncpgDriver.connect
    made = 0

    async def counted(driver: AsyncpgDriver) -> Connection:
        nonlocal made
        made += 1
        if made == 3:
            await shut()
        return await connect(driver)

    monkeypatch.setattr(AsyncpgDriver, "connect", counted)
    async with bulkq.open(url, concurrency=6) as db:
        began_s = asyncio.get_running_loop().time()
        query = "select :id::int as id, pg_sleep(0.05)::text as s"
        async with db.run(query, [{"id": n} for n in range(1, 41)], timeout=5) as rows:
            assert [row["id"] async for row in rows] == list(range(1, 41))
        assert rows.summary is not None
        assert rows.summary.ok == 40
    return asyncio.get_running_loop().time() - began_s


async def test_the_server_has_no_room_for_more_lanes(
    password_url: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lanes that get no connection leave the work to those that have one, and nobody waits for the server's sake."""
    role = urlsplit(password_url).username
    url = password_url.replace("@", ":right@", 1)

    async def shut() -> None:
        await asyncio.to_thread(servers.execute, postgres.url, f"ALTER ROLE {role} CONNECTION LIMIT 2")

    assert await without_more(url, monkeypatch, shut) < 10


async def test_lanes_that_wait_for_a_connection_do_not_outlast_the_run(
    target: Target, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Further connections are refused: those that there are answer everything, and then the run is at its end."""
    assert await without_more(proxy.through(target.url), monkeypatch, proxy.refuse) < 10


def test_a_role_with_few_connections(password_url: str, postgres: PostgresServer, cli: Cli) -> None:
    """The limit of the role counts as what the server has free, before anything runs."""
    role = urlsplit(password_url).username
    servers.execute(postgres.url, f"ALTER ROLE {role} CONNECTION LIMIT 3")
    url = password_url.replace("@", ":right@", 1)
    got = cli("run", "-e", "select :id::int as id", "-t", url, "-p", "range:id=1..100", "-j", "8")
    assert got.code == 4, got.err
    assert "-j 8 needs 7 more connections, but the limits of the server, the role and the database leave 2" in got.err
    assert "use -j 3 or less" in got.err


async def test_a_connection_that_broke_between_two_runs(database: str, proxy: Proxy) -> None:
    """It is replaced at once. If the server is away, the second run fails at once, too."""
    async with bulkq.open(proxy.through(database)) as db:
        assert [row["n"] async for row in db.run("select 1 as n")] == [1]
        proxy.cut()
        assert [row["n"] async for row in db.run("select 2 as n")] == [2]
        await proxy.refuse()
        proxy.cut()
        async with asyncio.timeout(20):
            with pytest.raises(bulkq.TargetError):
                _ = [row async for row in db.run("select 3 as n")]
