"""Facts about databases, one module for each, independent of the library that connects. Pure.

Other rooms ask for a property of a `Dialect`; they never compare its name.
"""

from __future__ import annotations

from bulkq.dialects.base import Dialect
from bulkq.dialects.duckdb import DIALECT as DUCKDB
from bulkq.dialects.mssql import DIALECT as MSSQL
from bulkq.dialects.mysql import DIALECT as MYSQL
from bulkq.dialects.postgresql import DIALECT as POSTGRESQL
from bulkq.dialects.postgresql import REDSHIFT
from bulkq.dialects.sqlite import DIALECT as SQLITE

__all__ = [
    "CANCELLED",
    "COPIED_VERBS",
    "DEFAULT",
    "DIALECTS",
    "DUCKDB",
    "DYNAMIC",
    "LOCKED",
    "MAINTENANCE_COMMANDS",
    "MSSQL",
    "MYSQL",
    "POSTGRESQL",
    "READ_ONLY",
    "REDSHIFT",
    "SQLITE",
    "Dialect",
    "dialect_for",
]

DIALECTS = (POSTGRESQL, MYSQL, SQLITE, DUCKDB, REDSHIFT, MSSQL)

DEFAULT = POSTGRESQL.name
"""Of query files, while no target says another."""

DYNAMIC = next(dialect for dialect in DIALECTS if dialect.dynamic_types)
"""The one whose comparisons depend on the value, see `bulkq.query.comparison_operands`."""

COPIED_VERBS = frozenset().union(*(dialect.copied_verbs for dialect in DIALECTS))
LOCKED = frozenset().union(*(dialect.locked for dialect in DIALECTS))
CANCELLED = frozenset().union(*(dialect.cancelled for dialect in DIALECTS))
READ_ONLY = frozenset().union(*(dialect.read_only for dialect in DIALECTS))

MAINTENANCE_COMMANDS = tuple(
    dict.fromkeys(
        name for dialect in DIALECTS if dialect.maintenance is not None for name in dialect.maintenance.commands
    )
)
"""The commands of maintenance, each with one meaning in all databases that have it."""

_BY_NAME = {name: dialect for dialect in DIALECTS for name in {dialect.name, *dialect.products, *dialect.schemes}}


def dialect_for(name: str) -> Dialect:
    """The dialect of that name, product or URL scheme without its library; for any other, one of which nothing is known."""
    return _BY_NAME.get(name) or Dialect(name=name)
