"""Images of rows in SQLite: columns without a type, which take every value as it is.

SQLite has one writer, so what a transaction reads before its change is what it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.row_images import CapturableTable, ImageCatalog, of_run
from bulkq.model.key_range import KeyColumn
from bulkq.model.row_images import ALTERED, CAPTURED, CONFLICT, MATCHED, UNDONE, ImageStatements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model.row_images import CapturedChange, CapturedTable

FACTS = """\
SELECT 'stored', x.name, '', '' FROM pragma_table_xinfo({bare}, 'main') AS x WHERE x.hidden = 0
UNION ALL
SELECT 'reference', coalesce(f."to", (SELECT x.name FROM pragma_table_xinfo({bare}, 'main') AS x WHERE x.pk = f.seq + 1)),
       m.name || '.' || f."from", f.on_delete || ',' || f.on_update
  FROM main.sqlite_master AS m JOIN pragma_foreign_key_list(m.name) AS f
 WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%' AND f."table" = {bare} COLLATE NOCASE
   AND (SELECT p.foreign_keys FROM pragma_foreign_keys AS p)"""

ACTIONS = frozenset({"CASCADE", "SET NULL", "SET DEFAULT"})

NUMBER = "CAST(:bulkq_first AS INTEGER)"


def identifier(name: str) -> str:
    """`name`, quoted."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def create(images: str, present: Sequence[str], keys: int, columns: int) -> tuple[str, ...]:
    """Make the table where it is not there, and the columns that it does not have."""
    made = (
        f"CREATE TABLE IF NOT EXISTS {images} (run TEXT NOT NULL, part INTEGER NOT NULL, first INTEGER NOT NULL, place INTEGER NOT NULL, "
        "state INTEGER NOT NULL, about TEXT, PRIMARY KEY (run, part, first, place))"
    )
    wanted = [*_names("k", keys), *_names("o", columns), *_names("n", columns)]
    return (made, *(f"ALTER TABLE {images} ADD COLUMN {name}" for name in wanted if name not in present))


def read_facts(rows: Sequence[tuple[object, ...]]) -> CapturableTable:
    """What the answer to `FACTS` says."""
    references = [tuple(map(str, row[1:])) for row in rows if row[0] == "reference"]
    deletions = [shown for _, shown, actions in references if actions.split(",")[0] in ACTIONS]
    updates = [(column, shown) for column, shown, actions in references if actions.split(",")[1] in ACTIONS]
    return CapturableTable(tuple(str(row[1]) for row in rows if row[0] == "stored"), tuple(deletions), tuple(updates))


def capture(wanted: CapturedTable, change: CapturedChange) -> ImageStatements:
    """Write the old values, change the rows that they belong to, write the new values; `:bulkq_first` is the number of the range."""
    table, images = wanted.key.table, wanted.images
    keys = [identifier(column.name) for column in wanted.key.columns]
    names = [identifier(column.name) for column in wanted.columns]
    k, o, n = _names("k", len(keys)), _names("o", len(names)), _names("n", len(names))
    terms = f"{change.condition}{f' AND ({change.where})' if change.where else ''}"
    mine = f"{of_run(wanted)} AND first = {NUMBER}"
    before = (
        f"INSERT INTO {images} (run, part, first, place, state, {', '.join((*k, *o))}) "
        f"SELECT '{wanted.run}', {wanted.part}, {NUMBER}, row_number() OVER (), {CAPTURED}, {', '.join((*keys, *names))} "
        f"FROM {table} WHERE {terms}"
    )
    rows = f"{change.condition} AND ({', '.join(keys)}) IN (SELECT {', '.join(k)} FROM {images} WHERE {mine})"
    if wanted.deletes:
        there = f"({', '.join(k)}) IN (SELECT {', '.join(keys)} FROM {table} WHERE {change.condition})"
        kept = f"DELETE FROM {images} WHERE {mine} AND {there}"
        return ImageStatements(change.text or f"DELETE FROM {table} WHERE {rows}", (before,), (kept,))
    values = ", ".join(f"bulkq_t.{name}" for name in names)
    after = (
        f"UPDATE {images} AS bulkq_i SET ({', '.join(n)}) = (SELECT {values} FROM {table} AS bulkq_t WHERE {_same_key(wanted)}) "
        f"WHERE {of_run(wanted, 'bulkq_i')} AND bulkq_i.first = {NUMBER}"
    )
    if change.text:
        pairs = zip(o, n, strict=True)
        same = " AND ".join(f"{old} IS {new} AND typeof({old}) = typeof({new})" for old, new in pairs)
        return ImageStatements(change.text, (before,), (after, f"DELETE FROM {images} WHERE {mine} AND {same}"))
    return ImageStatements(f"UPDATE {table} SET {change.sets} WHERE {rows}", (before,), (after,))


def undo(wanted: CapturedTable, condition: str) -> ImageStatements:
    """Mark the images whose rows can be restored, restore these, and then the others are conflicts."""
    images, table = wanted.images, wanted.key.table
    match = (
        f"UPDATE {images} AS bulkq_i SET state = {MATCHED} WHERE {condition} AND bulkq_i.state IN ({CAPTURED}, {CONFLICT}) "
        f"AND {matching(wanted)}"
    )
    matched = f"{condition} AND bulkq_i.state = {MATCHED}"
    names = [identifier(column.name) for column in wanted.columns]
    o = _names("bulkq_i.o", len(names))
    left = f"UPDATE {images} AS bulkq_i SET state = {CONFLICT} WHERE {condition} AND bulkq_i.state IN ({CAPTURED}, {MATCHED})"
    if wanted.deletes:
        there = f"EXISTS (SELECT 1 FROM {table} AS bulkq_t WHERE {_same_key(wanted)})"
        main = (
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(o)} FROM {images} AS bulkq_i WHERE {matched} "
            "ON CONFLICT DO NOTHING"
        )
        done = f"UPDATE {images} AS bulkq_i SET state = {UNDONE} WHERE {matched} AND {there}"
        altered = f"UPDATE {images} AS bulkq_i SET state = {ALTERED} WHERE {matched} AND {there} AND NOT {_same_row(wanted, 'o')}"
        return ImageStatements(main, (match,), (*((altered,) if wanted.triggers else ()), done, left))
    sets = ", ".join(f"{name} = {old}" for name, old in zip(names, o, strict=True))
    main = f"UPDATE {table} AS bulkq_t SET {sets} FROM {images} AS bulkq_i WHERE {matched} AND {_same_key(wanted)}"
    done = f"UPDATE {images} AS bulkq_i SET state = {UNDONE} WHERE {matched}"
    altered = f"UPDATE {images} AS bulkq_i SET state = {ALTERED} WHERE {matched} AND NOT {_same_row(wanted, 'o')}"
    return ImageStatements(main, (match,), (*((altered,) if wanted.triggers else ()), done, left))


def matching(wanted: CapturedTable) -> str:
    """Whether the row of the image `bulkq_i` can be restored."""
    if wanted.deletes:
        return f"NOT EXISTS (SELECT 1 FROM {wanted.key.table} AS bulkq_t WHERE {_same_key(wanted)})"
    return _same_row(wanted, "n")


def keys(wanted: CapturedTable) -> list[str]:
    """The texts of the key of the image `bulkq_i`."""
    return [f"CAST(bulkq_i.k{place} AS TEXT)" for place in range(1, len(wanted.key.columns) + 1)]


def _names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{place}" for place in range(1, count + 1)]


def _same_row(wanted: CapturedTable, kept: str) -> str:
    """Whether a row has the key and the old (`o`) or new (`n`) values of the image `bulkq_i`."""
    terms = [
        f"bulkq_t.{identifier(column.name)} IS bulkq_i.{kept}{place} COLLATE BINARY "
        f"AND typeof(bulkq_t.{identifier(column.name)}) = typeof(bulkq_i.{kept}{place})"
        for place, column in enumerate(wanted.columns, 1)
    ]
    return f"EXISTS (SELECT 1 FROM {wanted.key.table} AS bulkq_t WHERE {' AND '.join((_same_key(wanted), *terms))})"


def _same_key(wanted: CapturedTable) -> str:
    pairs = enumerate(wanted.key.columns, 1)
    return " AND ".join(f"bulkq_t.{identifier(column.name)} = bulkq_i.k{place}" for place, column in pairs)


IMAGES = ImageCatalog(
    key=(
        KeyColumn("run", "TEXT"),
        KeyColumn("part", "INTEGER"),
        KeyColumn("first", "INTEGER"),
        KeyColumn("place", "INTEGER"),
    ),
    create=create,
    present="SELECT x.name FROM pragma_table_info({bare}, 'main') AS x",
    facts=FACTS,
    read_facts=read_facts,
    capture=capture,
    undo=undo,
    matching=matching,
    keys=keys,
    used="SELECT (p.page_count - f.freelist_count) * s.page_size "
    "FROM pragma_page_count AS p, pragma_freelist_count AS f, pragma_page_size AS s",
)
