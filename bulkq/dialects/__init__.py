"""Facts about databases, independent of the library that connects. Pure.

Other rooms ask for a property of a `Dialect`; they never compare its name.

base                       every short fact, with its default
sqlstates                  error states that bulkq acts on

One module for each database has its values: postgresql, mysql, sqlite, duckdb, mssql. A subject that takes more has a module of its
own, and one for each database with the name of the database in front:

backfill_catalog           the catalog about a table that is cut: its keys, types, rows, and what feels its changes
key_conversion             a key's values as text and back: casts, collations
key_ranges                 SQL of ranges: their condition, and the query that finds their end; describe_key_range for people
moved_keys                 SQL that finds rows of a range behind it
row_images                 SQL of `--capture` and of an undo
row_key_catalog            keys of tables that a write from a file changes
maintenance_catalog        objects, commands, rights and proofs of `bulkq maintain`
throttle_signal_catalog    queries for what throttles read, and what their answers mean
requirement_catalog        queries for `@requires`
query_plan                 EXPLAIN

postgresql_table_traces, mysql_table_traces, sqlite_table_traces: of a table that is cut, whether rows left it, came back or got
other keys between two moments.

For one database alone:

postgresql_text_cast, postgresql_bad_texts                                 texts as parameters
postgresql_maintenance_objects, postgresql_leftover_indexes                lists of objects, and of what rebuilds have left behind
postgresql_maintenance_rights                                              who may maintain an object, and the GRANT that is advised
duckdb_batch_statement, duckdb_bound_plan, duckdb_integer_text             one statement for many sets; texts as integers
sqlite_batch_statement                                                     one statement for several sets
sqlite_affinity, pragmas                                                   values beside columns; PRAGMA
parameter_equality                                                         which values the database calls equal
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
    "MSSQL",
    "MYSQL",
    "POSTGRESQL",
    "READ_ONLY",
    "REDSHIFT",
    "SCHEME_OF_SUFFIX",
    "SQLITE",
    "Dialect",
    "dialect_for",
    "maintenance_commands",
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

SCHEME_OF_SUFFIX = {
    **dict.fromkeys(("duckdb", "ddb"), DUCKDB.name),
    **dict.fromkeys(("db", "sqlite", "sqlite3"), SQLITE.name),
}
"""What a file is, by the end of its name."""

_BY_NAME = {name: dialect for dialect in DIALECTS for name in {dialect.name, *dialect.products, *dialect.schemes}}


def dialect_for(name: str) -> Dialect:
    """The dialect of that name, product or URL scheme without its library; for any other, one of which nothing is known."""
    return _BY_NAME.get(name) or Dialect(name=name)


def maintenance_commands() -> tuple[str, ...]:
    """The commands of maintenance, each with one meaning in all databases that have it."""
    catalogs = [dialect.maintenance for dialect in DIALECTS if dialect.maintenance is not None]
    return tuple(dict.fromkeys(name for catalog in catalogs for name in catalog.commands))
