"""Images of rows in PostgreSQL: arrays of texts, as the types' output functions print them and their input functions read them.

A statement changes a range and writes its images. Up to 17 it locks the rows first, because RETURNING has no old values.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bulkq.dialects.row_images import CapturableTable, ImageCatalog
from bulkq.model.key_range import KeyColumn
from bulkq.model.row_images import ALTERED, CAPTURED, CONFLICT, UNDONE, ImageStatements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bulkq.model.row_images import CapturedChange, CapturedTable

RETURNS_OLD = 180000
"""The version since which RETURNING has the old values."""

COLUMNS = "run, part, first, place, state, key, old, new"

FACTS = """\
SELECT json_build_object(
    'stored', (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
    'fixed', (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a
               WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = 'a'),
    'deletions', (SELECT json_agg(format('%s (constraint %s)', f.conrelid::regclass, f.conname) ORDER BY f.oid)
                    FROM pg_catalog.pg_constraint AS f
                   WHERE f.confrelid = t.oid AND f.contype = 'f' AND f.conparentid = 0 AND f.confdeltype IN ('c', 'n', 'd')),
    'updates', (SELECT json_agg(json_build_array(a.attname, format('%s (constraint %s)', f.conrelid::regclass, f.conname)) ORDER BY f.oid)
                  FROM pg_catalog.pg_constraint AS f JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = ANY (f.confkey)
                 WHERE f.confrelid = t.oid AND f.contype = 'f' AND f.conparentid = 0 AND f.confupdtype IN ('c', 'n', 'd')),
    'settings', json_build_object('DateStyle', current_setting('DateStyle'), 'IntervalStyle', current_setting('IntervalStyle'),
                                  'extra_float_digits', current_setting('extra_float_digits'))
)::text
  FROM (SELECT to_regclass({table})::oid) AS t(oid)"""

STYLES: dict[str, Callable[[str], bool]] = {
    "DateStyle": lambda value: value.startswith("ISO"),
    "IntervalStyle": lambda value: value != "sql_standard",
    "extra_float_digits": lambda value: int(value) > 0,
}
"""Settings, and whether with a value of theirs every text leads back to its value, under every other such value too."""

DEFAULTS = {"DateStyle": "ISO", "IntervalStyle": "postgres", "extra_float_digits": "1"}


def identifier(name: str) -> str:
    """`name`, quoted."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def text(value: str) -> str:
    """What the output function of its type prints of a value. A cast would cut blanks of bpchar; `format` makes '' of NULL."""
    return f"CASE WHEN {value} IS DISTINCT FROM NULL THEN format('%s', {value}) END"


def texts(names: Iterable[str], alias: str = "") -> str:
    """The array of the texts of columns."""
    prefix = f"{alias}." if alias else ""
    return f"ARRAY[{', '.join(text(prefix + identifier(name)) for name in names)}]::text[]"


def create(images: str, present: Sequence[str], keys: int, columns: int) -> tuple[str, ...]:  # noqa: ARG001
    """Make the table where it is not there. A role that may not make tables can use that of a DBA."""
    if present:
        return ()
    made = (
        f"CREATE TABLE IF NOT EXISTS {images} (run text NOT NULL, part integer NOT NULL, first bigint NOT NULL, place bigint NOT NULL, "
        "state smallint NOT NULL, key text[], old text[], new text[], about text, PRIMARY KEY (run, part, first, place))"
    )
    return (made,)


def read_facts(rows: Sequence[tuple[object, ...]]) -> CapturableTable:
    """What the answer to `FACTS` says."""
    facts: dict[str, Any] = json.loads(str(rows[0][0]))
    settings = facts["settings"]
    wrong = next((name for name, good in STYLES.items() if not good(settings[name])), "")
    return CapturableTable(
        stored=tuple(facts["stored"] or ()),
        fixed=tuple(facts["fixed"] or ()),
        deletions=tuple(facts["deletions"] or ()),
        updates=tuple((column, shown) for column, shown in facts["updates"] or ()),
        wrong=wrong
        and f"with {wrong} = {settings[wrong]} of this role, the text of a value may be read as another: "
        f"add options=-c%20{wrong}%3D{DEFAULTS[wrong]} to the URL of the target",
    )


def capture(wanted: CapturedTable, change: CapturedChange) -> ImageStatements:
    """The statement that changes a range and writes its images; `:bulkq_first` is the number of the range."""
    table, terms = wanted.key.table, f"{change.condition}{f' AND ({change.where})' if change.where else ''}"
    keys = [column.name for column in wanted.key.columns]
    names = [column.name for column in wanted.columns]
    if change.text:
        changed = _written(wanted, change, names, keys)
    elif wanted.deletes:
        changed = (
            f"bulkq_changed AS (DELETE FROM {table} WHERE {terms} RETURNING {texts(keys)} AS bulkq_k, {texts(names)} AS bulkq_o, "
            "NULL::text[] AS bulkq_n)"
        )
    elif change.version >= RETURNS_OLD:
        changed = (
            f"bulkq_changed AS (UPDATE {table} SET {change.sets} WHERE {terms} RETURNING WITH (OLD AS bulkq_before, NEW AS bulkq_after) "
            f"{texts(keys, 'bulkq_after')} AS bulkq_k, {texts(names, 'bulkq_before')} AS bulkq_o, {texts(names, 'bulkq_after')} AS bulkq_n)"
        )
    else:
        changed = _locked(wanted, change, terms, names, keys)
    return ImageStatements(
        f"WITH {changed} INSERT INTO {wanted.images} ({COLUMNS}) SELECT '{wanted.run}', {wanted.part}, CAST(:bulkq_first AS bigint), "
        f"row_number() OVER (), {CAPTURED}, bulkq_k, bulkq_o, bulkq_n FROM bulkq_changed"
    )


def _written(wanted: CapturedTable, change: CapturedChange, names: Sequence[str], keys: Sequence[str]) -> str:
    """The user's statement, with the old key: a row whose key it changes is a conflict for an undo."""
    new = "NULL::text[]" if wanted.deletes else texts(names, "bulkq_after")
    if change.version >= RETURNS_OLD:
        returned = "RETURNING WITH (OLD AS bulkq_before, NEW AS bulkq_after)"
        values = (
            f"{texts(keys, 'bulkq_before')} AS bulkq_k, {texts(names, 'bulkq_before')} AS bulkq_o, {new} AS bulkq_n"
        )
    else:
        returned, values = "RETURNING", f"{texts(keys)} AS bulkq_k, {texts(names)} AS bulkq_o, NULL::text[] AS bulkq_n"
    return f"bulkq_changed AS ({change.text}\n{returned} {values})"


def _locked(
    wanted: CapturedTable, change: CapturedChange, terms: str, names: Sequence[str], keys: Sequence[str]
) -> str:
    """Lock the rows, which gives their newest values, and change them by their key. A join by ctid would lose changed rows.

    Without the condition of the range: with it, the planner may compare every locked row with every row of the range.
    """
    table = wanted.key.table
    locked = ", ".join(f"{identifier(name)} AS bulkq_k{place}" for place, name in enumerate(keys))
    same = " AND ".join(f"{identifier(name)} = bulkq_k{place}" for place, name in enumerate(keys))
    return (
        f"bulkq_locked AS (SELECT {locked}, {texts(names)} AS bulkq_o FROM {table} WHERE {terms} FOR NO KEY UPDATE), "
        f"bulkq_changed AS (UPDATE {table} SET {change.sets} FROM bulkq_locked WHERE {same} "
        f"RETURNING {texts(keys)} AS bulkq_k, bulkq_o, {texts(names)} AS bulkq_n)"
    )


def undo(wanted: CapturedTable, condition: str) -> ImageStatements:
    """The statements that restore the rows of a range of images and mark those; then the others are conflicts.

    No join of two results: the planner expects a row or two of each, and would compare every row with every other one.
    """
    image = (
        "bulkq_image AS (SELECT bulkq_i.ctid AS bulkq_at, bulkq_i.key AS bulkq_k, bulkq_i.old AS bulkq_o, bulkq_i.new AS bulkq_n "
        f"FROM {wanted.images} AS bulkq_i WHERE {condition} AND bulkq_i.state IN ({CAPTURED}, {CONFLICT}))"
    )
    left = f"UPDATE {wanted.images} AS bulkq_i SET state = {CONFLICT} WHERE {condition} AND bulkq_i.state = {CAPTURED}"
    compared = (_altered(wanted, condition),) if wanted.triggers else ()
    if wanted.deletes:
        there = (
            f"UPDATE {wanted.images} AS bulkq_i SET state = {UNDONE} WHERE {condition} AND bulkq_i.state IN ({CAPTURED}, {CONFLICT}) "
            f"AND EXISTS (SELECT FROM {wanted.key.table} AS bulkq_t WHERE {' AND '.join(_same_key(wanted, 'bulkq_i.key'))} "
            "AND bulkq_t.xmin = pg_current_xact_id()::xid)"
        )
        return ImageStatements(f"WITH {image} {_inserted(wanted)}", after=(there, *compared, left))
    main = (
        f"WITH {image}, {_updated(wanted)} UPDATE {wanted.images} AS bulkq_i SET state = {UNDONE} "
        "WHERE bulkq_i.ctid = ANY (ARRAY(SELECT bulkq_at FROM bulkq_back))"
    )
    return ImageStatements(main, after=(*compared, left))


def _altered(wanted: CapturedTable, condition: str) -> str:
    """Tell the rows that this transaction has restored and triggers have changed again."""
    terms = " AND ".join((*_same_key(wanted, "bulkq_i.key"), *_same_values(wanted, "bulkq_i.old")))
    return (
        f"UPDATE {wanted.images} AS bulkq_i SET state = {ALTERED} WHERE {condition} AND bulkq_i.state = {UNDONE} "
        f"AND bulkq_i.xmin = pg_current_xact_id()::xid AND NOT EXISTS (SELECT FROM {wanted.key.table} AS bulkq_t WHERE {terms})"
    )


def _updated(wanted: CapturedTable) -> str:
    sets = ", ".join(
        f"{identifier(column.name)} = {_value('bulkq_o', place, column)}"
        for place, column in enumerate(wanted.columns, 1)
    )
    terms = " AND ".join((*_same_key(wanted, "bulkq_k"), *_same_values(wanted, "bulkq_n")))
    return (
        f"bulkq_back AS (UPDATE {wanted.key.table} AS bulkq_t SET {sets} FROM bulkq_image WHERE {terms} "
        "RETURNING bulkq_at)"
    )


def _inserted(wanted: CapturedTable) -> str:
    names = ", ".join(identifier(column.name) for column in wanted.columns)
    values = ", ".join(_value("bulkq_o", place, column) for place, column in enumerate(wanted.columns, 1))
    return (
        f"INSERT INTO {wanted.key.table} ({names}) OVERRIDING SYSTEM VALUE SELECT {values} FROM bulkq_image "
        "ON CONFLICT DO NOTHING"
    )


def matching(wanted: CapturedTable) -> str:
    """Whether the row of the image `bulkq_i` can be restored."""
    terms = [*_same_key(wanted, "bulkq_i.key")]
    terms += [] if wanted.deletes else _same_values(wanted, "bulkq_i.new")
    found = f"EXISTS (SELECT FROM {wanted.key.table} AS bulkq_t WHERE {' AND '.join(terms)})"
    return f"NOT {found}" if wanted.deletes else found


def keys(wanted: CapturedTable) -> list[str]:
    """The texts of the key of the image `bulkq_i`."""
    return [f"bulkq_i.key[{place}]" for place in range(1, len(wanted.key.columns) + 1)]


def _value(array: str, place: int, column: KeyColumn) -> str:
    return f"({array})[{place}]::{column.type}"


def _same_key(wanted: CapturedTable, array: str) -> list[str]:
    return [
        f"bulkq_t.{identifier(column.name)} = {_value(array, place, column)}"
        for place, column in enumerate(wanted.key.columns, 1)
    ]


def _same_values(wanted: CapturedTable, array: str) -> list[str]:
    """Compared as printed now, because not every type has an equality, and 1.0 is not 1.00."""
    return [
        f"{text(f'bulkq_t.{identifier(column.name)}')} IS NOT DISTINCT FROM {text(_value(array, place, column))}"
        for place, column in enumerate(wanted.columns, 1)
    ]


IMAGES = ImageCatalog(
    key=(
        KeyColumn("run", "text"),
        KeyColumn("part", "integer"),
        KeyColumn("first", "bigint"),
        KeyColumn("place", "bigint"),
    ),
    create=create,
    present="SELECT 'run' WHERE to_regclass({name}) IS NOT NULL",
    facts=FACTS,
    read_facts=read_facts,
    capture=capture,
    undo=undo,
    matching=matching,
    keys=keys,
    updates_since=RETURNS_OLD,
    used="SELECT pg_total_relation_size(to_regclass({name}))",
)
