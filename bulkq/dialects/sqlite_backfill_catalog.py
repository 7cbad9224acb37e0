"""What SQLite's schema says about a table that is to be changed in ranges of its key: https://sqlite.org/pragma.html ."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.dialects import sqlite_table_traces
from bulkq.dialects.backfill_catalog import BackfillCatalog, KeyCandidate, TableDescription
from bulkq.dialects.sqlite_key_conversion import holds_blobs
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.key_range import KeyColumn
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bulkq.dialects.row_key_catalog import Rows

OBJECT = """\
SELECT m.name, m.type, coalesce(m.sql, ''), '`' || replace(m.name, '`', '``') || '`'
  FROM main.sqlite_master AS m
 WHERE lower({schema}) = 'main' AND m.name = {table} COLLATE NOCASE AND m.type <> 'trigger'"""

COLUMNS = """\
SELECT x.name, x.type, x."notnull", x.pk, x.hidden FROM pragma_table_xinfo({table}, 'main') AS x WHERE x.hidden <> 1 ORDER BY x.cid"""

INDEXES = """\
SELECT l.name, l.origin, l.partial, x.cid, x.name, x."desc", x.coll, EXISTS (
           SELECT 1 FROM pragma_collation_list AS k WHERE k.name = x.coll COLLATE NOCASE), sqlite_version()
  FROM pragma_index_list({table}, 'main') AS l JOIN pragma_index_xinfo(l.name, 'main') AS x
 WHERE l."unique" AND x.key ORDER BY l.name, x.seqno"""

AROUND = """\
SELECT 'trigger', m.name, m.sql, '', 1
  FROM main.sqlite_master AS m WHERE m.type = 'trigger' AND m.tbl_name = {table} COLLATE NOCASE
UNION ALL
SELECT 'reference', m.name || '.' || f."from", f.on_delete, f.on_update, EXISTS (
           SELECT 1 FROM pragma_index_list(m.name) AS l JOIN pragma_index_info(l.name) AS i
            WHERE i.seqno = 0 AND i.name = f."from" COLLATE NOCASE
           UNION ALL SELECT 1 FROM pragma_table_xinfo(m.name) AS x WHERE x.pk = 1 AND x.name = f."from" COLLATE NOCASE)
  FROM main.sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f
 WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%' AND f."table" = {table} COLLATE NOCASE AND f.seq = 0
   AND (SELECT p.foreign_keys FROM pragma_foreign_keys AS p)
 ORDER BY 1, 2"""

ACTING = """\
SELECT 'trigger', m.name, m.sql FROM main.sqlite_master AS m WHERE m.type = 'trigger' AND m.tbl_name = {table} COLLATE NOCASE
UNION ALL
SELECT 'foreign key', m.name || '.' || f."from", f.on_delete || ' ' || f.on_update
  FROM main.sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f
 WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%' AND f."table" = {table} COLLATE NOCASE
   AND (SELECT p.foreign_keys FROM pragma_foreign_keys AS p)
 ORDER BY 1, 2, 3"""

TRIGGERS = "SELECT m.name, m.tbl_name, m.sql FROM main.sqlite_master AS m WHERE m.type = 'trigger' ORDER BY m.rowid"

NAMES = "SELECT m.name FROM main.sqlite_master AS m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY 1 LIMIT 5000"

ROWS = "SELECT s.stat FROM main.sqlite_stat1 AS s WHERE s.tbl = {table} COLLATE NOCASE LIMIT 1"
"""Of ANALYZE: the first number of each statistic. The table is there only after it."""

WITHOUT_ROWID = compile_late(r"\)[^)]*\bWITHOUT\s+ROWID\b[^)]*$", re.IGNORECASE)
"""At the end of CREATE TABLE."""

NAME = r"""(?:"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|'(?:[^']|'')*'|[^\s."`'\[]+)"""

TRIGGER = compile_late(
    rf"\s*CREATE\s+TRIGGER\s+(?:IF\s+NOT\s+EXISTS\s+)?{NAME}(?:\s*\.\s*{NAME})?\s*(BEFORE|AFTER)?\s*(DELETE|INSERT|UPDATE)\b",
    re.IGNORECASE,
)

IGNORE = compile_late(r"\bRAISE\s*\(\s*IGNORE\b", re.IGNORECASE)
"""In a trigger: the rest of the change of this row is left out, without an error."""

ROWIDS = ("rowid", "_rowid_", "oid")
"""Names of the number of a row, unless a column has that name."""

ROWID_WIDTH = 1_000
"""It is the last choice, because VACUUM may change it."""

RENUMBERED = "VACUUM may give its rows other rowids: run none until the backfill has ended"

READS_BLOBS = (3, 41)
"""The version that brought `unhex`."""

ACTIONS = frozenset({"CASCADE", "SET NULL", "SET DEFAULT"})


@frozen
class StoredColumn:
    """A column of a table in a file.

    Attributes:
        name: as it was declared.
        type: as it was declared, "" if it was not.
        nullable: its values may be NULL.
        generated: its value follows from other columns.
    """

    name: str
    type: str
    nullable: bool
    generated: bool


def read(answers: Sequence[Rows]) -> TableDescription:
    """The table that the answers to `OBJECT`, `COLUMNS`, `INDEXES` and `AROUND` describe."""
    ((name, kind, sql, shown), *_), described, indexed, around = answers
    plain = WITHOUT_ROWID.search(str(sql)) is None
    alias = _alias(described, indexed) if plain else ""
    columns = {
        str(column): StoredColumn(str(column), str(declared), not (not_null or column == alias), hidden != 0)
        for column, declared, not_null, _, hidden in described
    }
    candidates = list(_indexes(indexed, columns, alias, plain="COLLATE" not in str(sql).upper()))
    if alias:
        key = KeyColumn(alias, columns[alias].type, aliases=_free(columns))
        candidates.insert(0, KeyCandidate("", (key,), primary=True, width=8))
    elif plain:
        has_primary_key = any(place for *_, place, _ in described)
        candidates += _rowid(columns, spare=has_primary_key)
    return TableDescription(
        name=str(shown),
        columns={column.name: column.type for column in columns.values()},
        candidates=tuple(candidates),
        wrong=_wrong(str(name), str(kind), str(sql)),
        notices=tuple(line for row in around for line in _notices(*map(str, row))),
    )


def read_rows(rows: Rows) -> int | None:
    """About how many rows the answer to `ROWS` speaks of."""
    words = str(rows[0][0]).split() if rows else []
    return int(words[0]) if words and words[0].isdigit() else None


def _wrong(name: str, kind: str, sql: str) -> str:
    if kind == "view":
        return "a view: name the table under it"
    if kind == "index":
        return "an index: name its table"
    if name.lower().startswith("sqlite_"):
        return "a table of the database itself, which must not be changed by hand: name a table of yours"
    if sql.upper().startswith("CREATE VIRTUAL"):
        return "a virtual table, whose rows have no order: name a table of the file"
    return ""


def _alias(described: Rows, indexed: Rows) -> str:
    """The column that is another name of the rowid: INTEGER PRIMARY KEY, without an index of its own."""
    keys = [(str(name), str(declared)) for name, declared, _, place, _ in described if place]
    apart = any(origin == "pk" for _, origin, *_ in indexed)
    return keys[0][0] if len(keys) == 1 and keys[0][1].upper() == "INTEGER" and not apart else ""


def _rowid(columns: Mapping[str, StoredColumn], *, spare: bool) -> Iterator[KeyCandidate]:
    name, *others = _free(columns) or ("",)
    if name:
        key = KeyColumn(name, "INTEGER", aliases=tuple(others), rowid=True)
        yield KeyCandidate("", (key,), width=ROWID_WIDTH, notices=(RENUMBERED,), spare=spare)


def _free(columns: Iterable[str]) -> tuple[str, ...]:
    """The names of the number of a row that no column has."""
    taken = {name.lower() for name in columns}
    return tuple(name for name in ROWIDS if name not in taken)


def _indexes(indexed: Rows, columns: Mapping[str, StoredColumn], alias: str, *, plain: bool) -> Iterator[KeyCandidate]:
    """The unique indexes; if `plain`, no column has a collation of its own, so that BINARY need not be said."""
    for index in dict.fromkeys(str(row[0]) for row in indexed):
        rows = [row for row in indexed if row[0] == index]
        names = [alias if row[3] == -1 else str(row[4] or "") for row in rows]
        collations = ["" if plain and str(row[6]).upper() == "BINARY" else str(row[6]) for row in rows]
        faults = [_fault(columns.get(name), row) for name, row in zip(names, rows, strict=True)]
        yield KeyCandidate(
            index=index,
            columns=tuple(
                KeyColumn(name, _type(columns.get(name)), collation, _free(columns) if name == alias else ())
                for name, collation in zip(names, collations, strict=True)
            ),
            primary=rows[0][1] == "pk",
            width=sum(8 if "INT" in _type(columns.get(name)).upper() else 64 for name in names),
            fault=next(filter(None, faults), ""),
        )


def _type(column: StoredColumn | None) -> str:
    """The declared type; none for ANY, which takes every value as it is."""
    return "" if column is None or column.type.upper() == "ANY" else column.type


def _fault(column: StoredColumn | None, row: Sequence[object]) -> str:
    _, _, partial, _, _, descending, collation, known, version = row
    if partial:
        return "it is partial"
    if column is None:
        return "it has an expression"
    if column.nullable:
        return f"its column {quoted(column.name)} may be NULL"
    if column.generated:
        return f"its column {quoted(column.name)} is generated, so an UPDATE may change it"
    if descending:
        return f"its column {quoted(column.name)} is in descending order"
    if not known:
        return f"its column {quoted(column.name)} has the collation {quoted(collation)}, which is not known here"
    if holds_blobs(_type(column)) and tuple(map(int, str(version).split("."))) < READS_BLOBS:
        return f"its column {quoted(column.name)} may hold BLOBs, which SQLite {version} does not read from text, as 3.41 does"
    return ""


def _notices(kind: str, name: str, first: str, second: str, indexed: str) -> Iterator[str]:
    if kind == "trigger":
        yield from _trigger(name, first)
        return
    actions = "".join(
        f" ON {event} {action}" for event, action in (("DELETE", first), ("UPDATE", second)) if action in ACTIONS
    )
    slow = (
        ""
        if indexed == "1"
        else "; no index begins with it, so each DELETE, and each UPDATE of the columns it refers to, reads that whole table"
    )
    yield f"{name} refers to it{actions}{slow}"


def _trigger(name: str, sql: str) -> Iterator[str]:
    found = TRIGGER.match(sql)
    event = found[2].upper() if found else "UPDATE"
    if event != "INSERT":
        when = (found and found[1]) or "BEFORE"
        silent = ": it may keep rows as they are without an error" if IGNORE.search(sql) else ""
        yield f"trigger {quoted(name)} is called {when.upper()} {event} for each row{silent}"


CATALOG = BackfillCatalog(
    queries=(OBJECT, COLUMNS, INDEXES, AROUND),
    read=read,
    names=NAMES,
    rows=ROWS,
    read_rows=read_rows,
    acting=ACTING,
    traces=(sqlite_table_traces.TRACES,),
    read_traces=sqlite_table_traces.read_traces,
    suspicions=sqlite_table_traces.suspicions,
    triggers=TRIGGERS,
)
