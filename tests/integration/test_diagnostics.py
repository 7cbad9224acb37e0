"""Every ready question on every server that can be had: an answer and a verdict, or the reason why it was skipped.

`BULKQ_TEST_MORE_POSTGRES_URLS` names databases on servers of other versions, separated by blanks; the role may create roles.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from bulkq.tasks.diag.questions import load_questions
from tests.support.databases import fresh
from tests.support.diagnostics import ask_all, judge_all
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.model import RunSummary

MORE = os.environ.get("BULKQ_TEST_MORE_POSTGRES_URLS", "").split()
MISSING = {
    "standby",
    "buffers",
    "statements_by_calls",
    "statements_by_io",
    "statements_by_time",
    "io",
    "wal",
    "copy_progress",
}
MISSING |= {"subscription_errors"}
"""What a superuser may miss: the server is a primary, it may be old, and its package may have no contrib modules."""


@pytest.fixture(params=["session", *MORE], ids=lambda url: urlsplit(url).netloc.rpartition("@")[2] or url)
def server(request: pytest.FixtureRequest) -> str:
    """A database on the server of the session, or on one of the others."""
    return request.getfixturevalue("postgres_url") if request.param == "session" else request.param


@pytest.fixture
def plain(server: str) -> Iterator[str]:
    """The same database for a role without any right."""
    role = f"plain_{uuid4().hex[:8]}"
    servers.execute(server, f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    parts = urlsplit(server)
    yield urlunsplit(parts._replace(netloc=f"{role}:x@{parts.hostname}:{parts.port}"))
    servers.execute(server, f"DROP ROLE {role}")


def skipped(summary: RunSummary) -> dict[str, str]:
    """The reasons by question."""
    return {one.name: one.unmet for one in summary.queries if one.unmet}


async def test_a_superuser_is_answered(server: str) -> None:
    """Nothing fails, and only what the server cannot have is skipped; each has a verdict."""
    summary, rows = await ask_all(server)
    assert (summary.exit_code, summary.failed, summary.unknown) == (0, 0, 0), summary.failures
    assert set(skipped(summary)) <= MISSING
    assert rows["checkpoints"]
    assert rows["database_sizes"]
    found = await judge_all(server)
    assert [one for one in found.checks if one.verdict == "error"] == []
    assert {one.name for one in found.checks} == {one.name for one in load_questions("postgresql")}
    assert {one.name for one in found.checks if one.verdict == "skip"} == set(skipped(summary))


async def test_a_role_without_rights_is_told_what_it_lacks(plain: str) -> None:
    """Nothing fails: what the server would hide is skipped, and the reason has the GRANT."""
    summary, rows = await ask_all(plain)
    assert (summary.exit_code, summary.failed, summary.unknown) == (0, 0, 0), summary.failures
    reasons = {name: text for name, text in skipped(summary).items() if name not in MISSING}
    assert {"activity", "blocking", "long_transactions", "oldest_snapshots", "settings_changed"} <= set(reasons)
    assert all("requires the role" in text and "GRANT" in text for text in reasons.values())
    assert rows["wraparound_databases"] == []
    assert [one for one in (await judge_all(plain)).checks if one.verdict == "error"] == []


async def test_mariadb(request: pytest.FixtureRequest) -> None:
    """Nothing fails, and a user without PROCESS is not told that the server is quiet."""
    base = fresh("mariadb", request)
    url, server = base.url("mysql+pymysql"), base.server
    assert server is not None
    summary, rows = await ask_all(url)
    assert (summary.failed, summary.unknown) == (0, 0), summary.failures
    assert set(skipped(summary)) == {"unused_indexes"}
    assert rows["buffer_pool"]
    assert [one for one in (await judge_all(url)).checks if one.verdict == "error"] == []
    base.execute("create user plain@'127.0.0.1'", f"grant select on `{base.path}`.* to plain@'127.0.0.1'")
    summary, _ = await ask_all(f"mysql+pymysql://plain@{server.host}:{server.port}/{base.path}")
    assert (summary.failed, summary.unknown) == (0, 0), summary.failures
    assert "GRANT PROCESS ON" in skipped(summary)["blocking"]
    assert {"activity", "connections", "long_transactions"} <= set(skipped(summary))
    base.execute("drop user plain@'127.0.0.1'")
