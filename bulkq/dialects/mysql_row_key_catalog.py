"""The queries that read from MySQL's and MariaDB's catalog how key columns compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.parameter_equality import anything, bounded, dates, folded, padded, rounded, uuids, whole
from bulkq.dialects.row_key_catalog import CatalogColumn, CatalogTable, RowKeyCatalog, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.dialects.row_key_catalog import Keys, ParameterUse, Rows

COLUMNS = """\
SELECT LOWER(c.column_name), c.data_type, c.column_type, COALESCE(c.character_maximum_length, 0), COALESCE(c.collation_name, ''),
       c.extra, c.column_default
  FROM information_schema.columns AS c JOIN information_schema.tables AS t USING (table_schema, table_name)
 WHERE c.table_schema = {schema} AND c.table_name = {table} AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
 ORDER BY c.ordinal_position"""
UNIQUE = """\
SELECT s.index_name, LOWER(s.column_name), s.sub_part
  FROM information_schema.statistics AS s
 WHERE s.table_schema = {schema} AND s.table_name = {table} AND s.non_unique = 0 ORDER BY s.index_name, s.seq_in_index"""
REWRITTEN = """\
SELECT (SELECT COUNT(*) FROM information_schema.triggers AS t WHERE t.event_object_schema = {schema} AND t.event_object_table = {table}
           AND t.action_timing = 'BEFORE' AND t.event_manipulation = 'INSERT'), @@sql_mode"""

COMPUTED = ("VIRTUAL", "STORED", "PERSISTENT", "ON UPDATE")
"""In `extra` of the catalog: the value follows from others, or from the clock."""

KEYS: Mapping[str, Keys] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint"), whole),
    "decimal": rounded,
    "date": dates,
    "uuid": uuids,
}
TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum"})
FOLDED = ("general_ci", "general_mysql500_ci", "unicode_ci", "unicode_520_ci", "0900_ai_ci", "general_nopad_ci")
"""Ends of the collations in which two visible ASCII texts are equal when case and trailing blanks are put aside.

Collations of languages know more equal letters.
"""


def read_table(answers: Sequence[Rows]) -> CatalogTable:
    """The table that the answers to `COLUMNS`, `UNIQUE` and `REWRITTEN` describe."""
    described, indexed, settings = answers
    columns = {column.name: column for column in map(_column, described)}
    unique: dict[str, list[str] | None] = {}
    for row in indexed:
        name, column, cut = map(plain, row)
        known = unique.setdefault(name, [])
        unique[name] = None if known is None or cut or column not in columns else [*known, column]
    triggers, mode = map(plain, settings[0])
    strict = "STRICT_ALL_TABLES" in mode or "STRICT_TRANS_TABLES" in mode
    indexes = tuple(None if index is None else tuple(index) for index in unique.values())
    return CatalogTable(columns, indexes, rewritten=triggers != "0" or not strict)


def keys_of(column: CatalogColumn, use: ParameterUse) -> Keys:
    """How the values of a parameter compare that names a row by `column`."""
    keys = KEYS.get(column.type, anything)
    if column.type in TEXTS:
        if column.collation.endswith("_bin"):
            keys = padded
        elif column.collation.endswith(FOLDED) or column.collation == "latin1_swedish_ci":
            keys = folded
        if use.inserts and column.length:
            keys = bounded(keys, column.length)
    return keys


def _column(row: Sequence[object]) -> CatalogColumn:
    name, kind, declared, length, collation, extra, default = map(plain, row)
    computed = any(word in extra.upper() for word in COMPUTED)
    filled = "auto_increment" in extra.lower() or default in {"", "NULL"}
    return CatalogColumn(name, kind, declared, int(length), collation, computed, filled)


CATALOG = RowKeyCatalog((COLUMNS, UNIQUE, REWRITTEN), read_table, keys_of)
