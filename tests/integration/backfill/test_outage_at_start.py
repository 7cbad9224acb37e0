"""The server of a backfill goes away while the backfill begins: it is waited for, and every row is changed once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support import targets

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.servers.proxy import Proxy
    from tests.support.targets import Target

MOMENTS = (b"json_build_object", b"EXPLAIN", b"bulkq_runs", b"bulkq_ranges")


@pytest.fixture
def target(tmp_path: Path, database: str) -> Target:
    """PostgreSQL with a hundred rows that have not been touched."""
    made = targets.make("postgresql", tmp_path, database, None)
    made.numbers(100)
    return made


def begin(cli: Cli, url: str, *more: str) -> object:
    """Begin a backfill that counts how often each row is changed."""
    options = ("--over", "numbers", "--set", "touched = touched + 1", "--progress", "none")
    return cli.start("backfill", "-t", url, *options, *more)


def touches(target: Target) -> list[tuple[object, ...]]:
    return target.execute("select touched, count(*) from numbers group by touched")


@pytest.mark.parametrize("moment", MOMENTS, ids=[text.decode() for text in MOMENTS])
async def test_a_connection_breaks_at_the_start(moment: bytes, target: Target, proxy: Proxy, cli: Cli) -> None:
    """The look at the table, or the record in the target, begins again on a new connection."""
    proxy.cut_before(moment)
    got = await cli.finish(begin(cli, proxy.through(target.url), "--capture"))  # type: ignore[arg-type]
    assert proxy.fired.is_set()
    assert got.code == 0, got.err
    assert touches(target) == [(1, 100)]
    assert got.err.count("was never analyzed") <= 1


@pytest.mark.parametrize("commits", [1, 2])
async def test_an_answer_is_lost_at_the_start(commits: int, target: Target, proxy: Proxy, cli: Cli) -> None:
    """What bulkq has written for the run is recognized, and is not written twice."""
    proxy.cut_after_commit(commits)
    got = await cli.finish(begin(cli, proxy.through(target.url), "--capture"))  # type: ignore[arg-type]
    assert got.code == 0, got.err
    assert touches(target) == [(1, 100)]


async def test_a_server_stays_away_at_the_start(target: Target, proxy: Proxy, cli: Cli) -> None:
    """A server that is back within `--outage` is waited for."""
    proxy.cut_before(b"EXPLAIN")
    process = begin(cli, proxy.through(target.url))
    await asyncio.wait_for(proxy.fired.wait(), 20)
    await proxy.refuse()
    await asyncio.sleep(0.5)
    await proxy.resume()
    got = await cli.finish(process)  # type: ignore[arg-type]
    assert got.code == 0, got.err
    assert touches(target) == [(1, 100)]


async def test_a_server_does_not_come_back(target: Target, proxy: Proxy, cli: Cli) -> None:
    """The budget of the outage ends the command with exit code 3, and nothing was sent."""
    proxy.cut_before(b"EXPLAIN")
    process = begin(cli, proxy.through(target.url), "--outage", "1s")
    await asyncio.wait_for(proxy.fired.wait(), 20)
    await proxy.refuse()
    got = await cli.finish(process)  # type: ignore[arg-type]
    assert got.code == 3, got.err
    assert "unreachable for 1s" in got.err
    assert touches(target) == [(0, 100)]
