"""What PostgreSQL's catalog says about a table that is to be changed in ranges of its key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bulkq.dialects import postgresql_table_traces
from bulkq.dialects.backfill_catalog import BackfillCatalog, KeyCandidate, TableDescription
from bulkq.dialects.postgresql_backfill_notices import ACTING, NOTICES, PARTITIONS, SERVERS, read_notices, read_servers
from bulkq.model.key_range import KeyColumn
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import first_names, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.dialects.row_key_catalog import Rows

BASE_TYPE = """\
LATERAL (
        WITH RECURSIVE d AS (
            SELECT t.* FROM pg_catalog.pg_type AS t WHERE t.oid = a.atttypid
            UNION ALL SELECT t.* FROM d JOIN pg_catalog.pg_type AS t ON t.oid = d.typbasetype WHERE d.typtype = 'd')
        SELECT d.oid, d.typelem, d.typlen, d.typtype,
               CASE WHEN s.nspname = 'pg_catalog' THEN format_type(d.oid, -1) ELSE format('%I.%I', s.nspname, d.typname) END AS cast
          FROM d JOIN pg_catalog.pg_namespace AS s ON s.oid = d.typnamespace WHERE d.typtype <> 'd') AS b"""
"""The type below all domains of column `a`, as a cast takes it: with the modifier -1 it cuts nothing, also not bpchar and bit."""

DESCENDANTS = """\
WITH RECURSIVE h AS (
            SELECT i.inhrelid AS oid FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = c.oid AND c.relkind = 'r'
            UNION SELECT i.inhrelid FROM h JOIN pg_catalog.pg_inherits AS i ON i.inhparent = h.oid)"""
"""The tables that inherit from a table without partitions."""

FLOATS = """\
(b.oid IN (700, 701) OR b.typelem IN (700, 701)
                    OR EXISTS (SELECT FROM pg_catalog.pg_range AS r WHERE r.rngtypid = b.oid AND r.rngsubtype IN (700, 701)))"""
"""Whether a value has floating-point numbers (float4, float8), whose texts may have fewer digits than they."""

NOT_NULL = """\
a.attnotnull AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_constraint AS v
                 WHERE v.conrelid = a.attrelid AND v.contype = 'n' AND NOT v.convalidated AND a.attnum = ANY (v.conkey))"""
"""Since 18, rows that are older than NOT NULL ... NOT VALID may have NULL in the column."""

LESS = """\
SELECT CASE WHEN r.oprname <> '<' THEN 'other' WHEN pg_operator_is_visible(r.oid) THEN '' ELSE quote_ident(q.nspname) END
              FROM pg_catalog.pg_amop AS p JOIN pg_catalog.pg_operator AS r ON r.oid = p.amopopr
              JOIN pg_catalog.pg_namespace AS q ON q.oid = r.oprnamespace
             WHERE p.amopfamily = o.opcfamily AND p.amopstrategy = 1 AND p.amoplefttype = o.opcintype AND p.amoprighttype = o.opcintype"""
"""Whether `<` means the order of the operator class `o`: "" if so, `other` where that operator has another name, else its schema, in
which the session does not look. The server may take `<` of text for it, as it does for citext, and compares by another order."""

KEY_COLUMNS = f"""\
SELECT json_agg(json_build_object(
            'name', a.attname, 'type', b.cast,
            'not_null', {NOT_NULL},
            'generated', a.attgenerated <> '',
            'composite', b.typtype = 'c',
            'wrapped_enum', b.typtype = 'e' AND EXISTS (SELECT FROM pg_catalog.pg_type AS w WHERE w.oid = a.atttypid AND w.typtype = 'd'),
            'cut', current_setting('extra_float_digits')::int < 1 AND {FLOATS},
            'options', i.indoption[k.n - 1],
            'default_class', o.opcdefault,
            'less', ({LESS}),
            'collation', CASE WHEN l.oid <> a.attcollation THEN format('%I.%I', s.nspname, l.collname) ELSE '' END,
            'loose', CASE WHEN NOT l.collisdeterministic THEN l.collname ELSE '' END,
            'width', CASE WHEN b.typlen > 0 THEN b.typlen
                          WHEN a.atttypmod BETWEEN 5 AND 68 AND a.attcollation <> 0 THEN a.atttypmod - 4 ELSE 64 END
        ) ORDER BY k.n)
          FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
          LEFT JOIN (pg_catalog.pg_attribute AS a CROSS JOIN {BASE_TYPE}) ON a.attrelid = c.oid AND a.attnum = k.attnum
          LEFT JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[k.n - 1]
          LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = i.indcollation[k.n - 1]
          LEFT JOIN pg_catalog.pg_namespace AS s ON s.oid = l.collnamespace
         WHERE k.n <= i.indnkeyatts"""

WITHOUT_KEY = f"""\
{DESCENDANTS}
        SELECT json_agg(h.oid::regclass::text ORDER BY h.oid) FROM h WHERE NOT EXISTS (
            SELECT FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS y ON y.oid = x.indexrelid
              JOIN pg_catalog.pg_am AS z ON z.oid = y.relam AND z.amname = 'btree'
             WHERE x.indrelid = h.oid AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND NOT 0 = ANY (x.indkey)
               AND x.indnkeyatts = i.indnkeyatts AND NOT EXISTS (
                SELECT FROM generate_series(0, i.indnkeyatts - 1) AS p
                  JOIN pg_catalog.pg_attribute AS m ON m.attrelid = c.oid AND m.attnum = i.indkey[p]
                  LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = h.oid AND a.attnum = x.indkey[p] AND a.attname = m.attname
                 WHERE a.attnum IS NULL OR x.indoption[p] <> 0 OR x.indclass[p] <> i.indclass[p] OR x.indcollation[p] <> i.indcollation[p]
                    OR NOT ({NOT_NULL})))"""
"""Of the tables that inherit: an index does not hold for them, so each must have the same one."""

LEAVES = """\
SELECT CASE WHEN c.relkind = 'p' THEN p.relid ELSE c.oid END AS oid
                  FROM (SELECT) AS one LEFT JOIN pg_partition_tree(c.oid) AS p ON c.relkind = 'p' AND p.isleaf"""

ROWS = """\
CASE WHEN pg_relation_size(f.oid) = 0 THEN 0
                        WHEN f.reltuples < 0 OR f.relpages = 0 THEN NULL
                        ELSE least(f.reltuples / f.relpages * (pg_relation_size(f.oid) / current_setting('block_size')::int),
                                   greatest(f.reltuples, pg_stat_get_live_tuples(f.oid))) END"""
"""As the planner estimates: the density of rows when the table was analyzed last, over the pages of today. Pages that were added for
rows which are dead, such as those of a rehearsal, do not count: the rows are not more than then, or than the server has counted since."""

STORAGE = f"""\
SELECT json_build_array(
            CASE WHEN count(*) = count({ROWS}) THEN sum({ROWS})::int8 END, sum(pg_total_relation_size(f.oid)),
            json_agg(f.oid::regclass::text ORDER BY f.oid) FILTER (WHERE {ROWS} IS NULL))
          FROM ({LEAVES} UNION ({DESCENDANTS} SELECT h.oid FROM h)) AS p JOIN pg_catalog.pg_class AS f ON f.oid = p.oid
         WHERE f.relkind IN ('r', 'm')"""
"""Rows and bytes, and the tables without a number of rows. It locks each partition, for a moment."""

SHAPE = f"""\
SELECT json_build_object(
    'name', format('%I.%I', n.nspname, c.relname),
    'kind', c.relkind, 'temporary', c.relpersistence = 't', 'system', c.oid < 16384 OR n.nspname = 'pg_toast',
    'role', current_user, 'hidden_rows', row_security_active(c.oid),
    'columns', (
        SELECT json_agg(json_build_array(a.attname, b.cast) ORDER BY a.attnum)
          FROM pg_catalog.pg_attribute AS a CROSS JOIN {BASE_TYPE}
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'indexes', (
        SELECT json_agg(json_build_object(
            'index', x.relname, 'primary', i.indisprimary, 'method', m.amname,
            'valid', i.indisvalid AND i.indisready AND i.indislive,
            'immediate', i.indimmediate, 'partial', i.indpred IS NOT NULL,
            'columns', ({KEY_COLUMNS}),
            'without', ({WITHOUT_KEY})
        ) ORDER BY x.relname)
          FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid JOIN pg_catalog.pg_am AS m ON m.oid = x.relam
         WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisprimary)),
    'foreign', (
        SELECT json_agg(f.oid::regclass::text ORDER BY f.oid) FROM ({PARTITIONS}) AS p JOIN pg_catalog.pg_class AS f ON f.oid = p.oid
         WHERE f.relkind = 'f'),
    'storage', (__STORAGE__)
)::text
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = to_regclass({{over}})::oid"""
"""What decides whether and by which key a table can be cut. `to_regclass` folds, and looks in the search path, as the server does."""

TABLE = SHAPE.replace("__STORAGE__", STORAGE)
LOOK = SHAPE.replace("__STORAGE__", "SELECT json_build_array(NULL, NULL, NULL)")
"""The same without what locks a partition, or takes seconds for thousands of them."""

NAMES = r"""
SELECT v.name
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
    VALUES (quote_ident(c.relname), pg_table_is_visible(c.oid)), (format('%I.%I', n.nspname, c.relname), true)) AS v(name, known)
 WHERE v.known AND c.relkind IN ('r', 'p') AND c.oid >= 16384 AND n.nspname !~ '^pg_' ORDER BY 1 LIMIT 5000"""

PATH = "SELECT set_config('search_path', {path}, true)"

KINDS = {
    "v": "a view: name the table under it",
    "m": "a materialized view, which only REFRESH changes: name the table under it",
    "S": "a sequence: name a table",
    "f": "a foreign table, whose changes commit apart from the marker of a range: use the server that has the table as target",
    "i": "an index: name its table",
    "I": "an index: name its table",
    "c": "a composite type: name a table",
    "t": "a TOAST table: name its table",
}
"""`pg_class.relkind` -> what cannot be changed in ranges, with the next step."""


def read(answers: Sequence[Rows]) -> TableDescription:
    """The table that the answers to `TABLE` and `NOTICES`, or to `LOOK`, describe."""
    facts: dict[str, Any] = json.loads(str(answers[0][0][0]))
    rows, size, unknown = facts["storage"]
    unanalyzed = (
        (
            f"{first_names(unknown, 3)} {'was' if len(unknown) == 1 else 'were'} never analyzed, so the number of rows is not known",
        )
        if unknown
        else ()
    )
    return TableDescription(
        name=facts["name"],
        columns=dict(facts["columns"] or ()),
        candidates=tuple(map(_candidate, facts["indexes"] or ())),
        wrong=_wrong(facts),
        refusal=_refusal(facts),
        rows=rows,
        size=size,
        notices=(*unanalyzed, *(notice for answer in answers[1:] for notice in read_notices(answer))),
    )


def _wrong(facts: Mapping[str, Any]) -> str:
    if facts["system"]:
        return "a table of the server itself, which must not be changed by hand: name a table of yours"
    if facts["temporary"] and facts["kind"] == "r":
        return "a temporary table, which other connections do not see: name a permanent table"
    return KINDS.get(facts["kind"], "")


def _refusal(facts: Mapping[str, Any]) -> str:
    if facts["hidden_rows"]:
        return (
            f"row level security is active for role {quoted(facts['role'])}, so rows that its policies hide would be skipped without "
            "a word: connect as the owner of the table or as a role with BYPASSRLS"
        )
    if facts["foreign"]:
        are = "is a foreign table" if len(facts["foreign"]) == 1 else "are foreign tables"
        return (
            f"{first_names(facts['foreign'], 3)} below it {are}, whose changes commit apart from the marker of a range: "
            "name the other partitions one by one"
        )
    return ""


def _candidate(index: Mapping[str, Any]) -> KeyCandidate:
    columns = [column for column in index["columns"] if column["name"] is not None]
    return KeyCandidate(
        index=index["index"],
        columns=tuple(
            KeyColumn(column["name"] or "", column["type"] or "", column["collation"] or "")
            for column in index["columns"]
        ),
        primary=index["primary"],
        width=sum(column["width"] for column in columns),
        fault=_fault(index, columns),
        notices=tuple(
            f"key column {quoted(column['name'])} has the collation {quoted(column['loose'])}, in which different texts are equal"
            for column in columns
            if column["loose"]
        ),
    )


def _fault(index: Mapping[str, Any], columns: Sequence[Mapping[str, Any]]) -> str:
    """The first reason why ranges cannot be cut by this index."""
    if not index["valid"]:
        return "it is not valid: REINDEX it"
    if index["method"] != "btree":
        return f"its access method {index['method']} has no order"
    if not index["immediate"]:
        return "its constraint is DEFERRABLE, so its values may be equal for a while"
    if index["partial"]:
        return "it is partial"
    if len(columns) < len(index["columns"]):
        return "it has an expression"
    if index["without"]:
        return f"{first_names(index['without'], 2)}, which inherits from the table, has no such key"
    return next(filter(None, map(_column_fault, columns)), "")


def _column_fault(column: Mapping[str, Any]) -> str:
    name = quoted(column["name"])
    if not column["not_null"]:
        return f"its column {name} may be NULL"
    if column["generated"]:
        return f"its column {name} is generated, so an UPDATE may change it"
    if column["composite"]:
        return f"its column {name} has a composite type, of which the server makes no value from a parameter"
    if column["cut"]:
        return (
            f"its column {name} has floating-point numbers, whose texts lose digits because extra_float_digits is less than 1 in the "
            "session: set it to 1 for the role, or in PGOPTIONS"
        )
    if column["wrapped_enum"]:
        return f"its column {name} has a domain over an enum, for which the server has no operators"
    return _order_fault(name, column)


def _order_fault(name: str, column: Mapping[str, Any]) -> str:
    """Why the index does not have the order that `<` means, ascending."""
    if column["options"] & 1:
        return f"its column {name} is in descending order"
    if column["options"]:
        return f"its column {name} has NULLS FIRST"
    if not column["default_class"]:
        return f"its column {name} has an operator class that is not the default"
    kind, schema = column["type"], column["less"]
    if not schema:
        return ""
    if schema == "other":
        return f"its column {name} has the type {kind}, which has an order without the operators < and >"
    return (
        f"its column {name} has the type {kind}, whose operators are in the schema {schema}, outside the search path: "
        f"add {schema} to the search_path of the role, or to that of PGOPTIONS"
    )


INTEGERS = compile_late(r" (?:smallint|bigint)(?=[,;]|$)")
TEXTS = compile_late(r" character varying(?= COLLATE )")


def one_order(text: str) -> str:
    """All integers have one order, and so have varchar and text of one collation: a column may get another of these types meanwhile."""
    return TEXTS.sub(" text", INTEGERS.sub(" integer", text))


SESSION = """\
SELECT s.name, s.value
  FROM (VALUES ('TimeZone', current_setting('TimeZone')), ('DateStyle', current_setting('DateStyle')),
               ('IntervalStyle', current_setting('IntervalStyle')),
               ('schemas', array_to_string(current_schemas(false), ', ')),
               ('session_replication_role', current_setting('session_replication_role'))) AS s(name, value)"""
"""How times without a zone are meant, where names are looked up, and whether triggers are called."""

TYPES = """\
SELECT a.attname, format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attcollation IN (0, t.typcollation) THEN '' ELSE ' COLLATE '
       || a.attcollation::regcollation::text END
  FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
 WHERE a.attrelid = to_regclass({over})::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""

CATALOG = BackfillCatalog(
    queries=(TABLE, NOTICES),
    looks=(LOOK,),
    read=read,
    names=NAMES,
    path=PATH,
    servers=SERVERS,
    read_servers=read_servers,
    acting=ACTING,
    session=SESSION,
    types=TYPES,
    lasting=True,
    traces=(postgresql_table_traces.TRACES,),
    kept=postgresql_table_traces.kept,
    suspicions=postgresql_table_traces.suspicions,
    part_name=postgresql_table_traces.part_name,
    not_of_run=postgresql_table_traces.NOT_OF_RUN,
    one_order=one_order,
    written="xmin = pg_current_xact_id()::xid",
)
