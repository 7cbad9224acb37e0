"""A fleet of twenty databases: a server that is down, a standby, and a database in which the role has no right."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import pytest

from bulkq.engine.stop_control import Control
from bulkq.model import Target
from bulkq.tasks.resume import resume
from tests.conftest import chosen
from tests.support.maintenance import reasons, role, run
from tests.support.servers import postgres as servers
from tests.support.servers.postgres import OwnServer, execute
from tests.support.servers.standbys import PRIMARY, Standby

if TYPE_CHECKING:
    from collections.abc import Iterator

AWAY = "postgresql://127.0.0.1:1/away"


def database_of(url: str, name: str) -> str:
    """Another database of the server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@pytest.fixture
def pair(pytestconfig: pytest.Config) -> Iterator[tuple[OwnServer, Standby]]:
    """A primary with 19 databases of one table each, and its standby."""
    choice = chosen(pytestconfig)
    if choice.source not in {"wheel", "local"}:
        choice = servers.choose("wheel")
    primary = OwnServer(Path(choice.where), settings=PRIMARY)
    try:
        execute(database_of(primary.url, "template1"), "CREATE TABLE t AS SELECT 1 AS id")
        for n in range(19):
            execute(primary.url, f"CREATE DATABASE f{n} TEMPLATE template1")
        standby = Standby(primary, "fleet")
        try:
            yield primary, standby
        finally:
            standby.close()
    finally:
        primary.close()


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_every_object_that_was_not_done_is_named_and_done_by_a_resume(
    pair: tuple[OwnServer, Standby], tmp_path: Path
) -> None:
    """The first night does seventeen databases. The next ones do what can be done by then, and nothing else."""
    primary, standby = pair
    replica = database_of(standby.url, "f18")
    async with role(database_of(primary.url, "f17")) as forbidden:
        fleet = [*(database_of(primary.url, f"f{n}") for n in range(17)), forbidden, replica, AWAY]
        rest = [word for url in fleet[1:] for word in ("-t", url)]
        first = await run(fleet[0], tmp_path, "vacuum", *rest, "--connect-timeout", "5s", "-j", "2")
        assert (first.exit_code, first.ok, first.skipped) == (4, 17, 1)  # the standby refuses
        ((name, (outcome, why)),) = reasons(first).items()
        assert (name, outcome) == ("public.t", "skipped")
        assert why.startswith("no right: ")
        assert first.reason.startswith("2 of 20 targets were not done: ")
        assert AWAY in first.reason
        assert "/f18" in first.reason
        ledger, given = f"sqlite:///{tmp_path}/ledger.db", {"targets": tuple(Target(url=url) for url in fleet)}
        user = urlsplit(forbidden).username
        await asyncio.to_thread(execute, database_of(primary.url, "f17"), f"ALTER TABLE t OWNER TO {user}")
        second = await resume(first.run, ledger=ledger, changes=given, control=Control())
        assert (second.exit_code, second.ok, [one.name for one in second.objects]) == (4, 18, ["public.t"])
        await asyncio.to_thread(execute, standby.url, "SELECT pg_promote()")
        third = await resume(first.run, ledger=ledger, changes=given, control=Control())
        assert (third.exit_code, third.ok, [one.target for one in third.objects]) == (3, 19, [_label(replica)])
        assert third.reason.startswith("1 of 20 targets were not done: ")
    counts = "SELECT vacuum_count::int FROM pg_stat_user_tables WHERE relname = 't'"
    assert [execute(url, counts)[0][0] for url in (*fleet[:17], replica)] == [1] * 18


def _label(url: str) -> str:
    """The URL without the password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}@{parts.hostname}:{parts.port}"))
