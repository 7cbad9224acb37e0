"""Adapters for libraries with habits beyond PEP 249, by SQLAlchemy's name. Each is imported when a target needs it.

base                                   every habit, with its default
postgresql, mysql, duckdb, firebird    one for each database, whatever the library; with a second word, a part of one
sqlite                                 libraries of SQLite other than Python's own
parameters, error_facts                what several share
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from bulkq.drivers.dbapi.adapters.base import Adapter

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

ADAPTERS = {
    "postgresql": ("postgresql", "Postgres"),
    "mysql": ("mysql", "MySQL"),
    "mariadb": ("mysql", "MySQL"),
    "duckdb": ("duckdb", "DuckDB"),
    "sqlite": ("sqlite", "SQLite"),
    "firebird": ("firebird", "Firebird"),
    "firebird.firebird": ("firebird", "Firebird"),
}


def adapter_for(dialect: Dialect) -> Adapter:
    """The database that `dialect` talks to."""
    place = ADAPTERS.get(dialect.name)
    if place is None:
        return Adapter(dialect)
    module, name = place
    adapter: Adapter = getattr(import_module(f"{__name__}.{module}"), name)(dialect)
    return adapter
