"""A database of the test's own on each kind of target, so that one test says what holds on all of them."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.servers import mariadb
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    import pytest

KINDS = ("sqlite", "postgresql", "pgbouncer")

LOOKUP = "select id, square from numbers where id = :id"

ENDLESS = {
    "sqlite": "with recursive c(n) as (select 1 union all select n + 1 from c) select max(n) from c",
    "postgresql": "select count(*) from generate_series(1, 1000000000000) as g(n) where n < 0",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where to run, and a way around bulkq to see what happened there."""

    kind: str
    url: str
    direct: str

    @property
    def sqlite(self) -> bool:
        """Whether it is a file."""
        return self.kind == "sqlite"

    def execute(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements in autocommit without bulkq; the rows of the last."""
        if self.kind == "mariadb":
            return mariadb.execute(self.direct, *statements)
        if not self.sqlite:
            rows: list[tuple[object, ...]] = []
            for statement in statements:
                rows = [tuple(row) for row in servers.execute(self.direct, statement)]
            return rows
        connection = sqlite3.connect(self.direct, isolation_level=None)
        try:
            for statement in statements:
                rows = connection.execute(statement).fetchall()
            return rows
        finally:
            connection.close()

    def numbers(self, count: int) -> None:
        """A table `numbers(id primary key, square)` with ids 1 to `count`."""
        self.execute("create table numbers (id integer primary key, square bigint, touched integer not null default 0)")
        if self.sqlite:
            self.execute(
                f"insert into numbers with recursive c(n) as (select 1 union all select n + 1 from c where n < {count}) "
                "select n, n * n, 0 from c"
            )
        else:
            self.execute(
                f"insert into numbers select n, n::bigint * n, 0 from generate_series(1, {count}) n", "analyze numbers"
            )

    def active(self) -> int:
        """Statements of bulkq that run on the server now."""
        if self.sqlite:
            return 0
        found = self.execute(
            "select count(*) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database() and state = 'active'"
        )
        return int(str(found[0][0]))


def ids(folder: Path, numbers: range | list[object], name: str = "ids.csv") -> Path:
    """A CSV file with one column `id`."""
    path = folder / name
    path.write_text("id\n" + "".join(f"{n}\n" for n in numbers), encoding="utf-8")
    return path


def lines(path: Path) -> list[dict[str, object]]:
    """The objects of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def make(kind: str, tmp_path: Path, database: str, through: str | None) -> Target:
    """The target of one kind."""
    if kind == "sqlite":
        path = tmp_path / "target.db"
        sqlite3.connect(path).close()
        path.touch()
        return Target(kind, f"sqlite:///{path}", str(path))
    return Target(kind, through or database, database)


def of_kind(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """A target of the test's own, of a kind that `KINDS` has, or `mariadb`."""
    if kind == "sqlite":
        return make(kind, tmp_path, "", None)
    if kind == "mariadb":
        server, name = request.getfixturevalue("mariadb_database")
        return make(kind, tmp_path, server.url(name), None)
    url = request.getfixturevalue("database")
    through = request.getfixturevalue("pgbouncer").through(url) if kind == "pgbouncer" else None
    return make(kind, tmp_path, url, through)
