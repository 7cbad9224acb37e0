"""The tables of a new ledger file, without SQLAlchemy."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

from sqlalchemy import create_engine

from bulkq.ledger.file_create import make_tables
from bulkq.ledger.revision_constants import HEAD, VERSION_TABLE
from bulkq.ledger.schema import metadata

if TYPE_CHECKING:
    from pathlib import Path

NEW_RUN = """
import asyncio, sys
from bulkq.ledger import open_recorder

async def begin():
    await (await open_recorder(sys.argv[1])).close()

asyncio.run(begin())
assert "sqlalchemy" not in sys.modules
"""


def statements(path: Path) -> dict[str, str]:
    """The texts of tables and indexes by name, without the layout."""
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {name: "".join(sql.split()) for name, sql in found}


def test_a_new_file_has_the_tables_of_the_schema(tmp_path: Path) -> None:
    """The texts are those that SQLAlchemy makes of `schema`, and the revision is that of this program."""
    ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
    make_tables(ours)
    engine = create_engine(f"sqlite:///{theirs}")
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.exec_driver_sql(VERSION_TABLE.format(schema=""))
    engine.dispose()
    assert statements(ours) == statements(theirs)
    with sqlite3.connect(ours) as made:
        assert made.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    made.close()


def test_the_first_run_makes_its_ledger_without_sqlalchemy(tmp_path: Path) -> None:
    """To import it takes longer than all else that a short run does."""
    path = tmp_path / "new.db"
    subprocess.run([sys.executable, "-c", NEW_RUN, str(path)], check=True, timeout=60)
    assert path.stat().st_mode & 0o777 == 0o600
