"""Sessions and runs on a MariaDB database with a table of four rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pymysql

from bulkq.model import Decoding, Limits, Run, Target
from bulkq.model.run import make_run
from bulkq.query import inline
from tests.support.databases import DRIVERS as TESTED
from tests.support.databases import SCHEMES, connect

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.model import Reply
    from bulkq.protocols import Connection
    from tests.support.databases import Database


DRIVERS = tuple(name for name, driver in TESTED.items() if driver.kind == "mariadb")
WRITES = Limits(timeout_s=10, lock_timeout_s=1, read_only=False)
TABLE = "create table t (id integer primary key, n integer not null) engine=InnoDB"
ROWS = "insert into t values (1, 0), (2, 0), (3, 0), (4, 0)"
OWN = """create procedure own(i integer) begin
    start transaction; update t set n = n + 1 where id = i; commit; end"""


def asked(base: Database, driver: str, sql: str, tmp_path: Path, **more: object) -> Run:
    """A request with a ledger of its own, as the command line makes it for MariaDB. `driver`: a contract driver, or a scheme."""
    given = {"ledger": str(tmp_path / "ledger.db"), "format": "none", "concurrency": 1, "write": True, **more}
    url = base.url(SCHEMES.get(driver, driver))
    return make_run(queries=(inline(sql, "mysql"),), targets=(Target(url=url),), **given)  # type: ignore[arg-type]


async def connected(base: Database, driver: str) -> Connection:
    """A session of `driver`."""
    return await connect(base, driver)


async def attempted(connection: Connection, sql: str, limits: Limits = WRITES) -> Reply:
    """Prepare and attempt for one set without values."""
    statement = await connection.prepare(inline(sql, "mysql"), Decoding.PYTHON, typed=True, identifiers={})
    return await connection.attempt(statement, [()], limits)


class Locked:
    """Row `row` of `t`, locked by another session inside the block."""

    def __init__(self, base: Database, row: int) -> None:
        assert base.server is not None
        self._row = row
        self._other = pymysql.connect(host=base.server.host, port=base.server.port, user="root", database=base.path)

    def __enter__(self) -> None:
        self._other.cursor().execute(f"select * from t where id = {self._row} for update")

    def __exit__(self, *_: object) -> None:
        self._other.close()


def counts(base: Database) -> list[tuple[object, ...]]:
    """`n` of every row of `t`."""
    return base.execute("select id, n from t order by id")


# --- statements that look finished when they were killed --------------------------------------------------------------

QUIET = (
    "select benchmark(1000000000000, md5('a'))",
    "do sleep(60)",
    "insert into t values (9, benchmark(1000000000000, md5('a')))",
)


SHORT = replace(WRITES, timeout_s=0.5)
SLEEPS = "info like 'do sleep%' and db = database()"
