"""The databases that are known beyond PEP 249, by SQLAlchemy's name. A module is imported when the first target needs it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from bulkq.drivers.dbapi.adapters.base import Product

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

PRODUCTS = {
    "postgresql": ("postgresql", "Postgres"),
    "mysql": ("mysql", "MySQL"),
    "mariadb": ("mysql", "MySQL"),
    "duckdb": ("duckdb", "DuckDB"),
    "sqlite": ("sqlite", "SQLite"),
    "firebird": ("firebird", "Firebird"),
    "firebird.firebird": ("firebird", "Firebird"),
}


def product_of(dialect: Dialect) -> Product:
    """The database that `dialect` talks to."""
    place = PRODUCTS.get(dialect.name)
    if place is None:
        return Product(dialect)
    module, name = place
    product: Product = getattr(import_module(f"{__name__}.{module}"), name)(dialect)
    return product
