"""Sessions and runs of drivers through SQLAlchemy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.drivers import open_driver
from bulkq.model import Decoding, Limits, Run, StatementClass, Target
from bulkq.model.run import make_run
from bulkq.query import inline
from tests.support.databases import SCHEMES

if TYPE_CHECKING:
    from bulkq.model import Reply
    from bulkq.protocols import Connection
    from tests.support.databases import Database


READS = Limits(timeout_s=10)
WRITES = Limits(timeout_s=10, read_only=False)
ENDLESS = "select count(*) from range(1000000000000) as t(i) where hash(i) = 7"


async def run(
    connection: Connection, sql: str, sets: list[tuple[object, ...]] | None = None, limits: Limits = READS
) -> Reply:
    """Prepare and attempt."""
    query = inline(sql)
    statement = await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
    return await connection.attempt(statement, sets or [()], limits)


async def connected(base: Database, driver: str) -> Connection:
    """A session of `driver`."""
    return await open_driver(base.url(SCHEMES[driver]), application_name="bulkq test", read_only=False).connect()


def asked(url: str, sql: str, tmp_path: Path, **more: object) -> Run:
    """A request with a ledger of its own."""
    query = replace(inline(sql), statement=more.pop("statement", StatementClass.READ))
    more = {"ledger": str(tmp_path / "ledger.db"), "format": "none", "concurrency": 2, **more}
    return make_run(queries=(query,), targets=(Target(url=url),), **more)  # type: ignore[arg-type]
