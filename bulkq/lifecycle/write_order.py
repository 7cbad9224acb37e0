"""Which sets of a write may change the same row: asked of the catalog before the run, said in its first line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.engine.write_order import Order
from bulkq.errors import DatabaseError, RefusedError, TargetError
from bulkq.model import StatementClass
from bulkq.policy.ranges import Ranges
from bulkq.query.key_columns import find_key_columns
from bulkq.query.row_keys import CatalogColumn, CatalogTable, RowKeyTypes, groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.open_run import OpenRun
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.model import Query
    from bulkq.protocols import Connection, ParameterSource, Statement
    from bulkq.query.key_columns import KeyColumns
    from bulkq.query.row_keys import RowKey

POSTGRES = """\
SELECT json_build_object(
    'rewritten', EXISTS (SELECT FROM pg_catalog.pg_trigger AS g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal AND g.tgtype & 7 = 7),
    'columns', (
        SELECT json_agg(json_build_array(
            a.attname,
            CASE WHEN coalesce(b.typtype, t.typtype) = 'e' THEN 'enum' WHEN coalesce(b.typname, t.typname) = 'citext' THEN 'citext'
                 ELSE format_type(coalesce(b.oid, t.oid), NULL) END,
            format_type(t.oid, NULL),
            greatest(a.atttypmod, t.typtypmod, 0),
            CASE WHEN to_jsonb(k) ->> 'collisdeterministic' = 'false' THEN k.collname ELSE '' END,
            coalesce(to_jsonb(a) ->> 'attgenerated', '') <> '',
            d.oid IS NULL OR a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) ~ '^(nextval|gen_random_uuid|uuid_generate_v|uuidv)'
        ) ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
          LEFT JOIN pg_catalog.pg_type AS b ON t.typtype = 'd' AND b.oid = t.typbasetype
          LEFT JOIN pg_catalog.pg_collation AS k ON k.oid = a.attcollation
          LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'unique', (
        SELECT json_agg(
            CASE WHEN i.indisunique AND i.indexprs IS NULL AND coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false') = 'false' THEN (
                SELECT json_agg(a.attname) FROM pg_catalog.pg_attribute AS a
                 WHERE a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])) END)
          FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)))::text
  FROM pg_catalog.pg_class AS c WHERE c.oid = to_regclass({name})::oid AND c.relkind IN ('r', 'p') AND NOT c.relhasrules"""
"""What a table has that bears on which rows are equal; no row where it is a view or has rules."""

MYSQL_COLUMNS = """\
SELECT LOWER(c.column_name), c.data_type, c.column_type, COALESCE(c.character_maximum_length, 0), COALESCE(c.collation_name, ''),
       c.extra, c.column_default
  FROM information_schema.columns AS c JOIN information_schema.tables AS t USING (table_schema, table_name)
 WHERE c.table_schema = {schema} AND c.table_name = {table} AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
 ORDER BY c.ordinal_position"""
MYSQL_UNIQUE = """\
SELECT s.index_name, LOWER(s.column_name), s.sub_part
  FROM information_schema.statistics AS s
 WHERE s.table_schema = {schema} AND s.table_name = {table} AND s.non_unique = 0 ORDER BY s.index_name, s.seq_in_index"""
MYSQL_REWRITTEN = """\
SELECT (SELECT COUNT(*) FROM information_schema.triggers AS t WHERE t.event_object_schema = {schema} AND t.event_object_table = {table}
           AND t.action_timing = 'BEFORE' AND t.event_manipulation = 'INSERT'), @@sql_mode"""
CHECKED = 10_000
"""Sets that are compared at once when a retry looks for later ones of the same row."""

MYSQL = frozenset({"mysql", "mariadb"})
COMPUTED = ("VIRTUAL", "STORED", "PERSISTENT", "ON UPDATE")
"""In `extra` of MySQL's catalog: the value follows from others, or from the clock."""


async def order(
    opened: OpenRun, site: OpenTarget, connection: Connection, statements: Sequence[Statement | None]
) -> None:
    """Give the writes of `site` their order, as far as rows can be told apart by parameters.

    Raises:
        TargetError: the connection broke.
    """
    for part, statement in zip(site.parts, statements, strict=True):
        if statement is None or part.spec.limits.read_only:
            continue
        if part.spec.limits.ordered and opened.resume.repeats is None:
            continue
        try:
            found = await named(connection, statement, dialect_of(site.target.url))
        except DatabaseError as error:
            if error.connection_lost:
                raise TargetError(f"{site.label}: {error}") from error
            continue
        if found and opened.resume.repeats is not None:
            await _refuse_overtaken(opened, part, found)
        if part.spec.limits.ordered:
            continue
        part.apart = found == () or (found is None and _ranged(opened, statement.query))
        if found:
            part.order = Order(part.source, found)


async def _refuse_overtaken(opened: OpenRun, part: PartState, groups: Sequence[RowKey]) -> None:
    """Refuse to apply a failed set after a later set has changed the same row.

    Raises:
        RefusedError: names the first of them.
    """
    failed = Ranges((opened.resume.only or {}).get(part.number, ()))
    names: list[dict[object, int]] = [{} for _ in groups]
    overtaken: dict[int, int] = {}
    source = await opened.sources.whole(part.number, part.spec.query)
    try:
        while (batch := await source.take(CHECKED, 0)) is not None:
            for known, group in zip(names, groups, strict=True):
                for n, key in enumerate(group.of(batch.sets), batch.first):
                    if n in failed:
                        known[key] = n
                    elif key in known:
                        overtaken.setdefault(known[key], n)
    finally:
        await source.close()
    if overtaken:
        first = min(overtaken)
        raise RefusedError(
            f"{part.spec.query.place}: {len(overtaken)} failed sets name a row that a later set has changed since (set {first}: "
            f"by set {overtaken[first]}), and a retry would undo that: correct them by hand, or give the file of --failures to -p "
            "of a new run"
        )


async def named(connection: Connection, statement: Statement, dialect: str) -> tuple[RowKey, ...] | None:
    """What names the rows of the sets of `statement`; () if no two sets share a row, None if it is not known.

    Raises:
        DatabaseError: the catalog cannot be asked.
    """
    query = statement.query
    found = find_key_columns(query, dialect) if query.statement is StatementClass.WRITE else None
    if found is None or not found.values:
        return None
    table = await _table(connection, found, query)
    if table is None:
        return None
    declared = [parameter.type for parameter in query.parameters]
    return groups(found, table, RowKeyTypes(statement.parameter_types, declared, connection.server.product in MYSQL))


def sentence(opened: OpenRun) -> str:
    """What the first line of a run says of the order in which sets take effect; "" if nothing depends on it."""
    parts = [part for part in opened.parts if not part.spec.limits.read_only and part.refused is None]
    if parts and opened.resume.repeats is not None:
        return "the failed sets are applied now, after later ones"
    if opened.request.limits.ordered:
        return "sets take effect in input order, on one lane"
    open_ = [part for part in parts if not part.spec.limits.ordered]
    if len({part.spec.query.place for part in open_}) > 1:
        return "lanes apply sets and queries in no order: --ordered keeps that of the input"
    open_ = [part for part in open_ if not part.apart and part.source.total != 1]
    if not open_:
        return ""
    first = open_[0].order
    if first is None or not all(part.order for part in open_):
        return "lanes apply sets in no order: --ordered keeps that of the input"
    group = first.groups[0]
    names = group.names[0] if len(group.names) == 1 else f"({', '.join(group.names)})"
    slow = "" if group.compared else ", one batch at a time: how its type compares is not known"
    return f"sets with equal {names} take effect in input order{slow}"


def repeated(count: int, *, exact: bool) -> str:
    """How many sets name a row that an earlier set names, for people."""
    return f"{'' if exact else 'at least '}{count} sets name a row that an earlier set names"


async def repeats(connection: Connection, statement: Statement, dialect: str, source: ParameterSource) -> str:
    """How many sets of `source` name a row again; "" where there are none, or where that is not known.

    Raises:
        DatabaseError: the catalog cannot be asked.
    """
    found = await named(connection, statement, dialect)
    if not found:
        return ""
    counted = Order(source, found)
    index = 0
    while await counted.take(CHECKED, index) is not None:
        counted.done(index)
        index += 1
    return repeated(counted.repeated, exact=counted.exact) if counted.repeated else ""


def _ranged(opened: OpenRun, query: Query) -> bool:
    """Whether the sets are the ranges that bulkq makes, which do not overlap, and the query takes them as such."""
    params = opened.request.sources.specs
    if len(params) != 1 or not params[0].startswith("range:") or opened.request.sources.constants:
        return False
    found = find_key_columns(query, dialect_of(opened.request.url))
    names = [parameter.name for parameter in query.parameters]
    return found is not None and found.bounds is not None and [names[i] for i in found.bounds] == ["lo", "hi"]


async def _table(connection: Connection, found: KeyColumns, query: Query) -> CatalogTable | None:
    if connection.server.product in MYSQL:
        return await _mysql(connection, found)
    if connection.server.product != "postgresql":
        return None
    dialect = dialect_for(connection.server.product)
    rows: Sequence[Sequence[object]] = ()
    for schema in query.path if query.path and len(found.table) == 1 else (None,):
        parts = found.table if schema is None else (schema, *found.table)
        name = ".".join(map(dialect.identifier, parts))
        rows = rows or await connection.administer([POSTGRES.format(name=dialect.literal(name))])
    if not rows:
        return None
    facts: dict[str, Any] = json.loads(str(rows[0][0]))
    columns = {name: CatalogColumn(name, *rest) for name, *rest in facts["columns"] or ()}
    unique = tuple(index and tuple(index) for index in facts["unique"] or ())
    return CatalogTable(columns, unique, rewritten=facts["rewritten"])


async def _mysql(connection: Connection, found: KeyColumns) -> CatalogTable | None:
    *schema, table = found.table
    dialect = dialect_for(connection.server.product)
    place = {
        "schema": dialect.literal(schema[0]) if schema else "DATABASE()",
        "table": dialect.literal(table),
    }
    columns = {}
    for row in await connection.administer([MYSQL_COLUMNS.format(**place)]):
        name, kind, declared, length, collation, extra, default = map(_plain, row)
        computed = any(word in extra.upper() for word in COMPUTED)
        filled = "auto_increment" in extra.lower() or default in {"", "NULL"}
        columns[name] = CatalogColumn(name, kind, declared, int(length), collation, computed, filled)
    if not columns:
        return None
    unique: dict[str, list[str] | None] = {}
    for row in await connection.administer([MYSQL_UNIQUE.format(**place)]):
        name, column, cut = map(_plain, row)
        known = unique.setdefault(name, [])
        unique[name] = None if known is None or cut or column not in columns else [*known, column]
    triggers, mode = map(_plain, (await connection.administer([MYSQL_REWRITTEN.format(**place)]))[0])
    strict = "STRICT_ALL_TABLES" in mode or "STRICT_TRANS_TABLES" in mode
    indexes = tuple(None if index is None else tuple(index) for index in unique.values())
    return CatalogTable(columns, indexes, rewritten=triggers != "0" or not strict)


def _plain(value: object) -> str:
    return value.decode() if isinstance(value, bytes | bytearray) else "" if value is None else str(value)
