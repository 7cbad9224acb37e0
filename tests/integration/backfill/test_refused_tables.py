"""Backfills that every range would fail of are refused before the first, with the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import targets

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.servers.mariadb import MariaDB


@pytest.mark.parametrize("assigned", ["b = 1", "C = 2"])
def test_generated_columns_of_mariadb(cli: Cli, mariadb_database: tuple[MariaDB, str], assigned: str) -> None:
    """The server finds the mistake only when it executes the statement."""
    server, name = mariadb_database
    server.execute(
        name, "create table g (id int primary key, a int, b int as (a + 1) stored, c int as (a + 2) virtual)"
    )
    server.execute(name, "insert into g (id, a) values (1, 1)")
    done = cli("backfill", "-t", server.url(name), "--over", "g", "--set", assigned)
    assert done.code == 2, done.err
    assert f'column "{assigned[0].lower()}" of' in done.err
    assert "is generated: leave it out" in done.err


@pytest.mark.parametrize("more", [(), ("--allow", "seqscan")])
def test_a_published_table_without_identity(cli: Cli, database: str, tmp_path: Path, more: tuple[str, ...]) -> None:
    """`--allow seqscan` is not advised, and does not help."""
    made = targets.make("postgresql", tmp_path, database, None)
    made.execute(
        "create table p (id int not null unique, v int)",
        "insert into p values (1, 1)",
        "create publication p for table p",
    )
    done = cli("backfill", "-t", made.url, "--over", "p", "--set", "v = 2", *more)
    assert done.code == 4, done.err
    assert "does not have a replica identity and publishes updates" in done.err
    assert "seqscan" not in done.err
    assert "ALTER TABLE ... REPLICA IDENTITY" in done.err
