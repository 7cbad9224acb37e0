"""What PostgreSQL's catalog keeps of the events after which ranges may not be those of the rows of a table.

`xmin` of a row of the catalog is the transaction that wrote it. A partition that was detached and attached again has a new row in
`pg_inherits`, a table that was renamed and renamed back one in `pg_type`, and a column that got a type one in `pg_attribute`.

Rows keep their `xmin` in VACUUM FULL, CLUSTER and ALTER TABLE ... SET TABLESPACE. TRUNCATE, and ALTER TABLE that computes rows again,
leave none of before; the latter gives the table another TOAST table, too.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bulkq.dialects.backfill_catalog import CONTINUE, Suspicion
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkq.dialects.backfill_catalog import Traces
    from bulkq.model.key_range import TableKey

TRACES = """\
WITH RECURSIVE c AS (
    SELECT c.oid, c.relkind, c.relowner, y.xmin AS named
      FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_type AS y ON y.oid = c.reltype WHERE c.oid = to_regclass({over})::oid),
e AS (
    SELECT i.inhrelid AS oid, i.inhparent AS parent, i.xmin AS joined FROM pg_catalog.pg_inherits AS i JOIN c ON c.oid = i.inhparent
     WHERE to_jsonb(i) ->> 'inhdetachpending' IS DISTINCT FROM 'true'
     UNION
    SELECT i.inhrelid, i.inhparent, i.xmin FROM e JOIN pg_catalog.pg_inherits AS i ON i.inhparent = e.oid
     WHERE to_jsonb(i) ->> 'inhdetachpending' IS DISTINCT FROM 'true'),
f AS (
    SELECT f.oid, f.relkind, f.relfilenode, f.reltoastrelid, f.relpersistence, f.relam, n.nspname, f.relname
      FROM (SELECT c.oid FROM c UNION SELECT e.oid FROM e) AS p JOIN pg_catalog.pg_class AS f ON f.oid = p.oid
      JOIN pg_catalog.pg_namespace AS n ON n.oid = f.relnamespace)
SELECT 'named', concat_ws(' ', c.named, c.relowner) FROM c
UNION ALL SELECT 'xid', pg_snapshot_xmin(pg_current_snapshot())::xid::text
UNION ALL SELECT 'children', coalesce(json_object_agg(concat_ws(' ', e.oid, e.parent), e.joined::text), '{{}}')::text FROM e
UNION ALL SELECT 'files',
                 coalesce(json_object_agg(f.oid, concat_ws(' ', f.relfilenode, f.reltoastrelid, f.relpersistence, f.relam)), '{{}}')::text
            FROM f WHERE f.relkind = 'r'
UNION ALL SELECT 'names', coalesce(json_object_agg(f.oid, format('%I.%I', f.nspname, f.relname)), '{{}}')::text FROM f
UNION ALL SELECT 'hidden', coalesce(json_object_agg(f.oid, '') FILTER (WHERE NOT has_table_privilege(f.oid, 'SELECT')), '{{}}')::text FROM f
UNION ALL SELECT 'columns', coalesce(json_object_agg(a.attname, concat_ws(' ', a.attnum, a.xmin)), '{{}}')::text
            FROM c JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"""

KEPT = frozenset({"xid", "children", "files", "columns"})

BELOW = """\
WITH RECURSIVE h AS (
    SELECT {child}::oid AS oid UNION SELECT i.inhrelid FROM h JOIN pg_catalog.pg_inherits AS i ON i.inhparent = h.oid)
SELECT h.oid FROM h"""
"""A table that belongs to another, and all below it."""

ANEW = """\
SELECT r.xmin AS made
      FROM pg_catalog.pg_class AS t JOIN pg_catalog.pg_class AS r
        ON r.oid IN (t.oid, t.reltoastrelid) OR r.oid IN (SELECT x.indexrelid FROM pg_catalog.pg_index AS x WHERE x.indrelid = t.oid)
     WHERE t.oid = {file} AND age(r.xmin) BETWEEN 0 AND age('{since}'::xid) ORDER BY age(r.xmin) DESC LIMIT 1"""
"""The transaction that has made the new file of a table: it wrote the rows of its indexes and its TOAST table, too.

Later commands may have written some of them again, so it is the oldest one since the transaction `since`.
"""

ALTERED = """\
SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = {file} AND a.xmin = m.made
    UNION ALL SELECT FROM pg_catalog.pg_attrdef AS d WHERE d.adrelid = {file} AND d.xmin = m.made"""
"""Columns and defaults that the same transaction has written: ALTER TABLE that computes rows again does."""

NONE_BEFORE = """EXISTS (SELECT FROM {rows} AS o)
   AND NOT EXISTS (SELECT FROM {rows} AS o WHERE age(o.xmin) NOT BETWEEN 0 AND age(m.made))"""

KEY_WRITTEN = """\
SELECT d.xmin AS made, false AS beside
      FROM pg_catalog.pg_attribute AS a
      JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
     WHERE a.attrelid = {file} AND a.attname = {column} AND age(d.xmin) BETWEEN 0 AND age('{since}'::xid)
       AND (d.classid = 'pg_class'::regclass AND d.objid IN (SELECT x.indexrelid FROM pg_catalog.pg_index AS x WHERE x.indrelid = {file})
         OR d.classid = 'pg_constraint'::regclass
            AND d.objid IN (SELECT k.oid FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = {file} AND k.contype IN ('p', 'u', 'x')))
    UNION ALL
    SELECT a.xmin, true FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = {file} AND a.attname = {column}"""
"""The transactions that may have written a column of the key anew.

ALTER TABLE that computes its values makes its indexes and constraints anew, so what says that these depend on the column is of the same
transaction. VACUUM FULL and REINDEX TABLE leave it as it is. REINDEX CONCURRENTLY writes it, so the row of the column itself counts, too,
if rows are of its transaction.
"""

COMPUTED = f"""\
SELECT 1 FROM ({KEY_WRITTEN}) AS m
 WHERE {NONE_BEFORE}
   AND (NOT m.beside OR EXISTS (SELECT FROM {{rows}} AS o WHERE o.xmin = m.made))"""
"""Whether all rows were computed again by a transaction that has changed a column of the key."""

RELOADED = f"""\
SELECT format('(tableoid = %s AND xmin = ''%s'')', {{file}}, m.made) FROM ({ANEW}) AS m
 WHERE {NONE_BEFORE}
   AND EXISTS (SELECT FROM {{rows}} AS o WHERE o.xmin = m.made)
   AND NOT EXISTS ({ALTERED})"""
"""Rows that came in the transaction of a TRUNCATE, and were not changed since."""


NAME = """\
SELECT format('%I.%I', n.nspname, f.relname)
  FROM pg_catalog.pg_class AS f JOIN pg_catalog.pg_namespace AS n ON n.oid = f.relnamespace WHERE f.oid = {child}"""

LEFT = "was detached since the run began: rows of it that had not been changed by then stay as they are"

NOT_OF_RUN = "xmin NOT IN (SELECT r.xmin FROM {ranges} AS r WHERE r.run = {run})"
"""A range and its row in the table of ranges are of one transaction."""


def kept(traces: Traces) -> Traces:
    """The traces that are recorded. A rename and a rename back are of interest only while ranges are executed."""
    return {name: text for name, text in traces.items() if name in KEPT}


def suspicions(then: Mapping[str, str], now: Mapping[str, str], key: TableKey) -> Iterator[Suspicion]:
    """What may have happened to a table with the `key` between two answers to `TRACES`."""
    if "named" in then and _renamed(then["named"], now.get("named", then["named"])):
        told = "its name was another table's, or no table's, for a while, so ranges may have changed rows of that one: start a new run"
        yield Suspicion(told, "replaced")
    if not (then.keys() >= KEPT and now.keys() >= KEPT):
        return
    files = [(json.loads(now["names"])[oid], oid, *pair) for oid, pair in _newer(then["files"], now["files"]).items()]
    computed = [oid for _, oid, before, found in files if before and not _keeps_toast(before, found)]
    yield from _key_columns(then, now, key, computed)
    yield from _joined(then, now)
    for name, oid, before, found in files:
        if before.split()[1:] == found.split()[1:]:
            whose = "it" if name == key.table else name
            told = f"{whose} was truncated and filled again in one transaction since the run began"
            question = RELOADED.format(file=oid, since=then["xid"], rows=_rows(now, oid, key))
            yield Suspicion(told, "came", question, part=oid)


def _keeps_toast(before: str, found: str) -> bool:
    """Whether the TOAST table of a file is the same, so that the rows were not computed again."""
    return before.split()[1] == found.split()[1] != "0"


def _rows(now: Mapping[str, str], oid: str, key: TableKey) -> str:
    """The rows of a table or partition, also for a role that may read the partitions only together."""
    if oid in json.loads(now.get("hidden", "{}")):
        return f"(SELECT t.xmin FROM {key.table} AS t WHERE t.tableoid = {oid})"
    name: str = json.loads(now["names"])[oid]
    return f"ONLY {name}"


def part_name(now: Mapping[str, str], part: str) -> str:
    """The name of a partition, which is read alone: a condition for `tableoid` leaves out no partition of a table."""
    if part in json.loads(now.get("hidden", "{}")):
        return ""
    names: dict[str, str] = json.loads(now.get("names", "{}"))
    return names.get(part, "")


def _renamed(then: str, now: str) -> bool:
    """Whether the name of a table was set, by RENAME or SET SCHEMA. A new owner writes the same row of the catalog."""
    (named, owner), (found, owns) = then.split(), now.split()
    return named != found and owner == owns


def _literal(text: str) -> str:
    """A text as a literal, whatever `standard_conforming_strings` is."""
    doubled = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{doubled}'"


def _newer(then: str, now: str) -> dict[str, tuple[str, str]]:
    """What of the pairs `now` was another or none `then`: its text then, or "", and now."""
    before: dict[str, str] = json.loads(then)
    found: dict[str, str] = json.loads(now)
    return {name: (before.get(name, ""), text) for name, text in found.items() if before.get(name) != text}


def _key_columns(
    then: Mapping[str, str], now: Mapping[str, str], key: TableKey, computed: list[str]
) -> Iterator[Suspicion]:
    """Columns of the key that were changed, where the rows of these tables may have been computed again."""
    changed = _newer(then["columns"], now["columns"])
    for column in key.columns:
        before, found = changed.get(column.name, ("", ""))
        if not before:
            continue
        name = quoted(column.name)
        if before.split()[0] != found.split()[0]:
            told = f"the column {name} of its key is another one than before, with values of its own: {CONTINUE}"
            yield Suspicion(told, "rewritten")
        elif computed:
            questions = [
                COMPUTED.format(file=oid, since=then["xid"], rows=_rows(now, oid, key), column=_literal(column.name))
                for oid in computed
            ]
            told = f"ALTER TABLE has written the column {name} of its key anew, perhaps with other values (USING): {CONTINUE}"
            yield Suspicion(told, "rewritten", "\nUNION ALL\n".join(questions))


def _joined(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Suspicion]:
    """Partitions and tables that inherit, which came, came back or left and were not dropped."""
    names: dict[str, str] = json.loads(now["names"])
    for edge, (before, joined) in _newer(then["children"], now["children"]).items():
        child = edge.split()[0]
        how = "was detached and attached again" if before else "was attached"
        rows = f"(tableoid IN ({BELOW.format(child=child)}) AND age(xmin) NOT BETWEEN 0 AND age('{joined}'::xid) - 1)"
        yield Suspicion(f"{names[child]} {how} since the run began", "came", condition=rows, part=child)
    for child in {edge.split()[0] for edge in json.loads(then["children"])} - names.keys():
        yield Suspicion(LEFT, "left", NAME.format(child=child))
