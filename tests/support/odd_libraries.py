"""Database libraries as strangers write them, on SQLite: each breaks one rule of PEP 249 that some real library breaks.

`register()` makes `sqlite+silent:///file.db` and the others targets.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

if TYPE_CHECKING:
    from types import SimpleNamespace

    from sqlalchemy.engine import URL


class Cursor:
    """A cursor that does all of it right."""

    def __init__(self, inner: sqlite3.Cursor) -> None:
        self.inner = inner
        self.ended = False  # an answer was read to its end

    @property
    def description(self) -> Any:
        return self.inner.description

    @property
    def rowcount(self) -> int:
        return self.inner.rowcount

    def execute(self, statement: str, values: Any = ()) -> object:
        return self.inner.execute(statement, values)

    def fetchmany(self, size: int) -> list[Any]:
        rows = self.inner.fetchmany(size)
        self.ended = self.ended or len(rows) < size
        return rows

    def close(self) -> None:
        self.inner.close()


class Silent(Cursor):
    """Never says how many rows were changed."""

    @property
    def rowcount(self) -> int:
        return -1


class Forgetful(Cursor):
    """Gives no rows any more after an answer that was read to its end."""

    def fetchmany(self, size: int) -> list[Any]:
        return [] if self.ended else super().fetchmany(size)


class Hollow(Cursor):
    """Answers only the first question of a connection."""

    asked: ClassVar[set[int]] = set()

    def fetchmany(self, size: int) -> list[Any]:
        connection = id(self.inner.connection)
        first = connection not in self.asked
        self.asked.add(connection)
        return super().fetchmany(size) if first or "sqlite" in str(self.description) else []


class Loose(Cursor):
    """Commits whatever was executed."""

    def execute(self, statement: str, values: Any = ()) -> object:
        if statement.startswith(("BEGIN", "ROLLBACK", "COMMIT")):
            return self.inner.execute("SELECT 1 WHERE 1 = 0")
        return super().execute(statement, values)


class Lingering(Cursor):
    """Prints whatever it does, from Python and from C, and keeps a thread that never ends."""

    def execute(self, statement: str, values: Any = ()) -> object:
        print("### printed by the library", flush=True)
        os.write(1, b"### written by the library\n")
        if not any(thread.name == "lingering" for thread in threading.enumerate()):
            threading.Thread(target=threading.Event().wait, name="lingering").start()
        return super().execute(statement, values)


KINDS: dict[str, type[Cursor]] = {
    "silent": Silent,
    "forgetful": Forgetful,
    "hollow": Hollow,
    "loose": Loose,
    "lingering": Lingering,
}


class Connection:
    """PEP 249 and not a method more."""

    def __init__(self, path: str, kind: type[Cursor]) -> None:
        self._inner = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._kind = kind
        for name in ("commit", "rollback", "close"):
            setattr(self, name, getattr(self._inner, name))

    def cursor(self) -> Cursor:
        return self._kind(self._inner.cursor())


class Dialect(SQLiteDialect):
    """As a third party would write it."""

    default_paramstyle = "qmark"
    supports_statement_cache = True
    kind: ClassVar[type[Cursor]]

    @classmethod
    def import_dbapi(cls) -> SimpleNamespace:
        """A module with what SQLAlchemy asks of one."""
        from types import SimpleNamespace

        return SimpleNamespace(
            apilevel="2.0",
            threadsafety=1,
            paramstyle="qmark",
            Error=sqlite3.Error,
            sqlite_version_info=sqlite3.sqlite_version_info,
            connect=lambda path: Connection(path, cls.kind),
        )

    def create_connect_args(self, url: URL) -> tuple[list[Any], dict[str, Any]]:
        """The file."""
        return [url.database], {}

    def initialize(self, connection: Any) -> None:
        """Nothing to ask."""


class Unfinished(Dialect):
    """Fails before anything is connected, as one for another version of SQLAlchemy does."""

    driver = "unfinished"

    @classmethod
    def import_dbapi(cls) -> SimpleNamespace:
        raise NotImplementedError


for _name, _kind in KINDS.items():
    globals()[f"Dialect_{_name}"] = type(f"Dialect_{_name}", (Dialect,), {"driver": _name, "kind": _kind})


def install(folder: Path) -> dict[str, str]:
    """Make the libraries known to every process that has the returned environment."""
    info = folder / "odd-1.0.dist-info"
    info.mkdir(parents=True)
    lines = [f"sqlite.{name} = tests.support.odd_libraries:Dialect_{name}" for name in KINDS]
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(["[sqlalchemy.dialects]", *lines, ""]))
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(Path(__file__).parents[2])])}


def register() -> None:
    """Let SQLAlchemy know of them."""
    for name in KINDS:
        registry.register(f"sqlite.{name}", __name__, f"Dialect_{name}")
    registry.register("sqlite.unfinished", __name__, "Unfinished")
