"""What DuckDB's catalog says about a table that is to be changed in ranges of its key.

The number of a row is not one for long there, so that a table needs a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.backfill_catalog import BackfillCatalog, KeyCandidate, TableDescription
from bulkq.model.key_range import KeyColumn
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bulkq.dialects.row_key_catalog import Rows

HERE = "database_name = current_database() AND lower(schema_name) = lower({schema})"

TABLE = f"{HERE} AND lower(table_name) = lower({{table}})"

OBJECT = f"""\
SELECT 'table', '"' || replace(schema_name, '"', '""') || '"."' || replace(table_name, '"', '""') || '"', estimated_size, temporary
  FROM duckdb_tables() WHERE ({TABLE}) OR (temporary AND lower(table_name) = lower({{table}}))
UNION ALL
SELECT 'view', '"' || replace(schema_name, '"', '""') || '"."' || replace(view_name, '"', '""') || '"', NULL, temporary
  FROM duckdb_views() WHERE {HERE} AND lower(view_name) = lower({{table}})
 ORDER BY 4 DESC"""
"""A temporary table comes first, because a name without a schema means it."""

COLUMNS = f"SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE {TABLE} ORDER BY column_index"

INDEXES = f"""\
SELECT i.name, i.main, unnest(i.names), unnest(range(len(i.names)))
  FROM (
    SELECT constraint_name AS name, constraint_type = 'PRIMARY KEY' AS main, constraint_column_names AS names
      FROM duckdb_constraints() WHERE {TABLE} AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')
    UNION ALL
    SELECT index_name, false, expressions::varchar[] FROM duckdb_indexes() WHERE {TABLE} AND is_unique) AS i
 ORDER BY 1, 4"""
"""A name in an index that needs quotes has them."""

AROUND = f"""\
SELECT table_name, constraint_text FROM duckdb_constraints()
 WHERE {HERE} AND constraint_type = 'FOREIGN KEY' AND lower(referenced_table) = lower({{table}}) ORDER BY 1, 2"""

NAMES = """\
SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = current_schema()
UNION ALL SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = current_database()"""

NUMBERS = {"TINYINT": 1, "SMALLINT": 2, "INTEGER": 4, "BIGINT": 8, "HUGEINT": 16, "UUID": 16, "DATE": 4, "TIMESTAMP": 8}
"""Types -> bytes of a value."""

TEXT_WIDTH = 64


def read(answers: Sequence[Rows]) -> TableDescription:
    """The table that the answers to `OBJECT`, `COLUMNS`, `INDEXES` and `AROUND` describe."""
    ((kind, name, rows, temporary), *_), described, indexed, around = answers
    columns = {str(column): (str(declared), bool(nullable)) for column, declared, nullable in described}
    return TableDescription(
        name=str(name),
        columns={column: declared for column, (declared, _) in columns.items()},
        candidates=tuple(_indexes(indexed, columns)),
        wrong=_wrong(str(kind), temporary=bool(temporary)),
        rows=int(str(rows)) if rows is not None else None,
        notices=tuple(f"{referring} refers to it by {text}" for referring, text in around),
    )


def _wrong(kind: str, *, temporary: bool) -> str:
    if kind == "view":
        return "a view: name the table under it"
    return "a temporary table, which other connections do not see: name a permanent table" if temporary else ""


def _indexes(indexed: Rows, columns: Mapping[str, tuple[str, bool]]) -> Iterator[KeyCandidate]:
    for index in dict.fromkeys(str(row[0]) for row in indexed):
        rows = [row for row in indexed if row[0] == index]
        names = [_column(str(row[2]), columns) for row in rows]
        types = [columns[name][0] if name else "" for name in names]
        faults = [_fault(name, columns) for name in names]
        yield KeyCandidate(
            index=index,
            columns=tuple(KeyColumn(name, declared) for name, declared in zip(names, types, strict=True)),
            primary=bool(rows[0][1]),
            width=sum(NUMBERS.get(declared.removeprefix("U"), TEXT_WIDTH) for declared in types),
            fault=next(filter(None, faults), ""),
        )


def _column(name: str, columns: Mapping[str, tuple[str, bool]]) -> str:
    """The column that an index or a constraint calls so; "" if it is an expression."""
    bare = name[1:-1].replace('""', '"') if name.startswith('"') else name
    return next((known for known in (name, bare) if known in columns), "")


def _fault(name: str, columns: Mapping[str, tuple[str, bool]]) -> str:
    if not name:
        return "it has an expression"
    return f"its column {quoted(name)} may be NULL" if columns[name][1] else ""


CATALOG = BackfillCatalog(queries=(OBJECT, COLUMNS, INDEXES, AROUND), read=read, names=NAMES)
