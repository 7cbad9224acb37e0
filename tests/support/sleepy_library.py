"""A SQLAlchemy dialect whose library cannot cancel anything, as many cannot: SQLite's own, with less.

`register()` makes `sleepy:///file.db` a target; its SQL function `sleep(seconds)` does what it says.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

apilevel, threadsafety, paramstyle = "2.0", 1, "qmark"
Error = sqlite3.Error
sqlite_version_info = sqlite3.sqlite_version_info


class Connection:
    """PEP 249 and not a method more."""

    def __init__(self, path: str) -> None:
        self._inner = sqlite3.connect(path)
        self._inner.create_function("sleep", 1, time.sleep)
        for name in ("cursor", "commit", "rollback", "close"):
            setattr(self, name, getattr(self._inner, name))


def connect(path: str) -> Connection:
    """Open a file."""
    return Connection(path)


class Dialect(SQLiteDialect):
    """As a third party would write it."""

    name = "sleepy"
    driver = "sleepy"
    default_paramstyle = "qmark"
    supports_statement_cache = True
    ischema_names: ClassVar[dict[str, Any]] = {}

    @classmethod
    def import_dbapi(cls) -> Any:
        """This module."""
        return sys.modules[__name__]

    def create_connect_args(self, url: URL) -> tuple[list[Any], dict[str, Any]]:
        """The file."""
        return [url.database], {}

    def initialize(self, connection: Any) -> None:
        """Nothing to ask."""


def register() -> None:
    """Let SQLAlchemy know of it."""
    registry.register("sleepy", __name__, "Dialect")
