"""Maintenance runs of the tests: a request from arguments, its summary, and roles with few rights."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from bulkq.cli.commands.maintain import command
from bulkq.cli.options import build_maintain
from bulkq.engine.stop_control import Control
from bulkq.tasks.maintain import maintain
from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from pathlib import Path

    import click

    from bulkq.model import Run, RunSummary
    from bulkq.protocols import Observer


def build(url: str, folder: Path, *arguments: str) -> Run:
    """The request of `bulkq maintain` on `url`, recorded in `ledger.db`."""
    common = ["-t", url, "--ledger", f"sqlite:///{folder}/ledger.db", "--progress", "none"]
    with cast("click.Command", command).make_context("maintain", [*common, *arguments]) as ctx:
        return build_maintain.build(cast("Any", ctx.params), ctx)


async def run(url: str, folder: Path, *arguments: str, observers: tuple[Observer, ...] = ()) -> RunSummary:
    """The summary of `bulkq maintain`."""
    return await maintain(build(url, folder, *arguments), control=Control(), observers=observers)


def script(url: str, *texts: str) -> None:
    """Execute the statements of `texts`, which stand between semicolons."""
    execute(url, *(statement for text in texts for statement in text.split("; ")))


def reasons(summary: RunSummary) -> dict[str, tuple[str, str]]:
    """By object: outcome and message of what did not go well."""
    return {one.source: (str(one.outcome), one.message) for one in summary.failures}


@asynccontextmanager
async def session(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Another session on the database."""
    opened = await asyncpg.connect(url)
    try:
        yield opened
    finally:
        await opened.close()


@contextmanager
def waiting_session(url: str) -> Iterator[Callable[[str], object]]:
    """Another session, in a thread of its own. What is yielded executes a text there, and blocks until it is done."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()

    def wait(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(20)

    try:
        opened = wait(_connect(url))
        try:
            yield lambda text: wait(opened.execute(text))
        finally:
            wait(opened.close())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url)


@asynccontextmanager
async def role(url: str, *grants: str) -> AsyncIterator[str]:
    """The URL of a role of its own, after statements with `{role}`; it is gone at the end, with what it owns."""
    name = f"maintain_{uuid4().hex[:8]}"
    async with session(url) as admin:
        await admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
        try:
            for grant in grants:
                await admin.execute(grant.format(role=name))
            parts = urlsplit(url)
            yield urlunsplit(parts._replace(netloc=f"{name}:{name}@{parts.netloc.rpartition('@')[2]}"))
        finally:
            await admin.execute(f"REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name}; DROP ROLE {name}")
