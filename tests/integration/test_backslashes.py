"""A role whose `standard_conforming_strings` is off: what bulkq writes into statements itself keeps its backslashes and quotes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.command import Cli

TABLE = '"o\\d\'d"'
FILL = rf"""insert into {TABLE} select (array[E'a\\', E'b''\\', E'\\''', E'x\\n'])[1 + g % 4] || g || (array[E'\\', '''', E'\\\\'''])[1 + g % 3],
E'\\n''' || g from generate_series(1, 500) as g"""


@pytest.fixture
def role(database: str) -> Iterator[str]:
    """The URL of the database for such a role, which owns the table."""
    name = f"off_{uuid4().hex[:8]}"
    servers.execute(database, f"create role {name} login superuser password 'x'")
    servers.execute(database, f"alter role {name} set standard_conforming_strings = off")
    servers.execute(database, f'create table {TABLE} ("k\\y" text primary key, v text, n int default 0)')
    servers.execute(database, FILL)
    parts = urlsplit(database)
    yield urlunsplit(parts._replace(netloc=f"{name}:x@{parts.hostname}:{parts.port}"))
    servers.execute(database, f"drop owned by {name} cascade", f"drop role {name}")


@pytest.mark.parametrize("library", ["asyncpg", "psycopg", "psycopg2", "pg8000"])
def test_a_backfill_and_its_undo(cli: Cli, database: str, role: str, library: str) -> None:
    """Keys, names and kept values with backslashes: every row is changed once, and comes back."""
    pytest.importorskip(library)
    url = role.replace("postgresql://", f"postgresql+{library}://")
    rows = f'select "k\\y", v, n from {TABLE} order by 1'
    before = servers.execute(database, rows)
    words = ("--over", TABLE, "--set", "n = n + 1, v = v || chr(92)", "--capture", "--max-rows", "60")
    done = cli("backfill", "-t", url, *words)
    assert (done.code, done.counts["changed"]) == (0, "500"), done.err
    assert servers.execute(database, rows) == [(key, f"{value}\\", n + 1) for key, value, n in map(tuple, before)]
    run = re.search(r"run=(\w+)", done.last)
    assert run is not None
    undone = cli("undo", run[1], "-t", url)
    assert (undone.code, undone.counts["changed"]) == (0, "500"), undone.err
    assert servers.execute(database, rows) == before


def test_maintenance_and_diagnostics(cli: Cli, role: str) -> None:
    """Names of objects are found, and the text of a statement is shown as it is."""
    done = cli("maintain", "vacuum", "-t", role, "--table", TABLE)
    assert (done.code, done.counts["ok"]) == (0, "1"), done.err
    asked = cli("diag", "run", "activity", "-t", role, "--format", "csv")
    assert asked.code == 0, asked.err
    assert " et_config" not in asked.text
