"""PostgreSQL: the SQL that we put around the user's text, and before and after it, through any library.

A wrapped statement gives back its last parameter, the ordinal of the set, with every row: so many executions can
travel in one round trip and every row still knows its set. The user's text stands on lines of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.dialects.base import Dialect
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Limits, Setting

DIALECT = Dialect(
    name="postgres",
    simple_tokens=True,
    products=frozenset({"postgresql"}),
    short="pg",
    schemes=frozenset({"postgres"}),
    search_path=True,
    row_address="CTID",
    libpq=True,
    port="5432",
    backslashes=True,
    literal_prefix="E",  # whatever standard_conforming_strings is
    dollar_parameters=True,
    folds_quoted_names=False,
    copied_verbs=frozenset(
        {"SELECT", "WITH", "VALUES", "TABLE"}
    ),  # COPY (...) refuses EXPLAIN and SHOW, which give rows as well
    casts_exactly=True,
    commits_lazily=True,  # synchronous_commit = off
    is_known=True,
    marker_moment="timestamptz NOT NULL DEFAULT now()",
    shared_lock=" FOR SHARE",
    row_lock="FOR NO KEY UPDATE OF {table}",
    # A shared lock on a row is given to newcomers past a waiting UPDATE, so the batches of a former owner that is alive and busy
    # would never let a new one through. Advisory locks are given in the order of asking; this one is the run's own.
    hold="SELECT pg_advisory_xact_lock_shared({turn})",
    take_turn="SELECT pg_advisory_xact_lock({turn})",
    # https://www.postgresql.org/docs/current/functions-info.html
    identity="SELECT system_identifier::text || '/' || current_database() FROM pg_control_system()",
    server="SELECT extract(epoch FROM pg_postmaster_start_time())::text",
    server_has_identity=True,
    blockers=(
        "SELECT DISTINCT b.pid FROM pg_stat_activity AS a CROSS JOIN LATERAL unnest(pg_blocking_pids(a.pid)) AS b (pid) "
        "WHERE a.application_name = '{application}' AND a.wait_event_type = 'Lock' AND b.pid NOT IN "
        "(SELECT pid FROM pg_stat_activity WHERE application_name = '{application}') ORDER BY b.pid"
    ),
    current_schema="current_schema()",
    databases=(
        "SELECT datname::text, CASE WHEN datconnlimit = -2 THEN 'a DROP DATABASE of it was interrupted: drop it again' "
        "WHEN NOT datallowconn THEN 'it takes no connections: ALTER DATABASE ... ALLOW_CONNECTIONS true' ELSE '' END "
        "FROM pg_catalog.pg_database WHERE NOT datistemplate ORDER BY 1"
    ),
    schemas="SELECT nspname::text FROM pg_catalog.pg_namespace",
    schemas_like=(
        "SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname LIKE ANY (ARRAY[{patterns}]::text[]) "
        r"AND nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1"
    ),
    extension_schemas=(
        "SELECT DISTINCT n.nspname::text FROM pg_catalog.pg_extension AS e "
        "JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE n.nspname <> 'pg_catalog' ORDER BY 1"
    ),
    missing_rights=(
        "SELECT t, string_agg(p, ', ') FROM unnest(ARRAY[{tables}]) AS t, unnest(ARRAY[{rights}]) AS p "
        "WHERE NOT has_table_privilege(to_regclass(t), p) GROUP BY t ORDER BY t"
    ),
    write_locks=(
        "each changed row until its range commits; the table in ROW EXCLUSIVE mode: reads and changes "
        "of other rows go on, ALTER TABLE, VACUUM FULL and CREATE INDEX without CONCURRENTLY wait"
    ),
    lock_waits=(
        "SELECT a.pid, b.pid, h.application_name FROM pg_catalog.pg_stat_activity AS a "
        "LEFT JOIN LATERAL unnest(pg_blocking_pids(a.pid)) AS b(pid) ON true LEFT JOIN pg_catalog.pg_stat_activity AS h ON h.pid = b.pid "
        "WHERE a.pid IN ({pids}) AND a.wait_event_type = 'Lock'"
    ),
    sequences=(
        "SELECT a.attname FROM pg_catalog.pg_attribute AS a "
        "LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
        "WHERE a.attrelid = to_regclass({table}) AND a.attnum > 0 AND NOT a.attisdropped "
        "AND (a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval(%') ORDER BY a.attnum"
    ),
    misnamed=frozenset({"42602", "42601", "0A000", "42501"}),  # of to_regclass
    expectations={
        "postgresql": {
            "database": "current_database()::text",
            "user": "current_user::text",
            "host": "coalesce(host(inet_server_addr()), '')",
            "version": "current_setting('server_version')",
            "system_identifier": "(SELECT system_identifier::text FROM pg_control_system())",
            "in_recovery": "pg_is_in_recovery()::text",
        }
    },
    late={
        "catalog": "postgresql_row_key_catalog:CATALOG",
        "tables": "postgresql_backfill_catalog:CATALOG",
        "plans": "postgresql_query_plan:CATALOG",
        "signals": "postgresql_throttle_signals:SIGNALS",
        "requirements": "postgresql_requirements:REQUIREMENTS",
        "keys": "postgresql_key_conversion:KEYS",
        "images": "postgresql_row_images:IMAGES",
        "maintenance": "postgresql_maintenance:MAINTENANCE",
        "wal_position": "postgresql_throttle_signals:WAL_POSITION",
    },
)

literal, identifier = DIALECT.literal, DIALECT.identifier

REDSHIFT = Dialect(name="redshift", products=frozenset({"redshift"}), dollar_parameters=True)

LOOK = """\
SELECT pg_backend_pid(), current_setting('server_version'), current_setting('server_version_num')::int,
       current_database()::text, current_user::text, pg_is_in_recovery(), current_setting('max_connections')::int, me.rolsuper,
       greatest(0, least(
         current_setting('max_connections')::int - (SELECT sum(numbackends) FROM pg_catalog.pg_stat_database)::int
         - CASE WHEN me.rolsuper THEN 0 ELSE current_setting('superuser_reserved_connections')::int
           + coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0) END,
         (SELECT r.rolconnlimit - (SELECT count(*) FROM pg_catalog.pg_stat_activity AS a WHERE a.usesysid = r.oid)
            FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user AND r.rolconnlimit >= 0 AND NOT r.rolsuper),
         (SELECT d.datconnlimit - (SELECT count(*) FROM pg_catalog.pg_stat_activity AS a WHERE a.datid = d.oid)
            FROM pg_catalog.pg_database AS d WHERE d.datname = current_database() AND d.datconnlimit >= 0 AND NOT me.rolsuper)
       ))::int, current_setting('transaction_read_only') = 'on'
  FROM pg_catalog.pg_roles AS me WHERE me.rolname = current_user"""
"""Before the last column: what the server, the limits of the role and of the database leave to us; `least` passes over NULL."""

IDLE_MS = 30_000
STREAM_IDLE_MS = 600_000
"""Maximum time that our transaction may be idle, so that a client that vanished releases its locks. A read-only stream waits
for the reader of the output, so its limit is longer."""

CHECK_MS = 1_000
"""How soon the server notices, in the middle of a query, that we are gone; PostgreSQL 14 and later."""

CHECK_ALIVE_NAME = "client_connection_check_interval"
CHECK_ALIVE = f"{CHECK_ALIVE_NAME} = {CHECK_MS}"

DESCRIBE_S = 8.0
DESCRIBE = f"BEGIN READ ONLY; SET LOCAL lock_timeout = {{}}; SET LOCAL statement_timeout = {DESCRIBE_S * 1000:.0f}"
"""Describing waits for a table that is being altered, but not for ever; the pooler keeps us on one server meanwhile."""

ISO = "ISO"
"""The DateStyle of JSON; whether days or months come first in what the server reads stays as it is."""

FLOAT_DIGITS = "extra_float_digits"
"""With less than 1, the texts of different floating-point numbers are equal.
https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-EXTRA-FLOAT-DIGITS"""

DESCRIBE_LOCK_S = 5.0
"""As long as it waits where the query does not say; a query that waits longer for locks is not described for longer."""


WORDS = compile_late(r'"(?:[^"]|"")+"|[^\W\d][\w$]*')

SETS = "bulkq_sets"
"""The alias of the parameter sets beside the user's text. A name of the text that is missing in its tables would mean one of the
sets, so their names are none that a table has."""

WHY_APART = """\
SELECT 'the text has the name bulkq_sets, which stands for the parameter sets' WHERE 'bulkq_sets' = ANY ({words})
UNION ALL
SELECT 'the setting array_nulls is off' WHERE pg_catalog.current_setting('array_nulls', true) = 'off'
UNION ALL
SELECT 'the text names ' || p.proname || '(), which is volatile' FROM pg_catalog.pg_proc AS p
 WHERE p.proname = ANY ({words}) AND (p.provolatile = 'v' OR p.proname = 'statement_timestamp')
UNION ALL
SELECT 'the function of the operator ' || o.oprname || ' is volatile'
  FROM pg_catalog.pg_operator AS o JOIN pg_catalog.pg_proc AS p ON p.oid = o.oprcode WHERE o.oid >= 16384 AND p.provolatile = 'v'
UNION ALL
SELECT 'the cast of ' || format_type(c.castsource, NULL) || ' to ' || format_type(c.casttarget, NULL) || ' is volatile'
  FROM pg_catalog.pg_cast AS c JOIN pg_catalog.pg_proc AS p ON p.oid = c.castfunc WHERE c.oid >= 16384 AND p.provolatile = 'v'
UNION ALL
SELECT c.relname || CASE WHEN c.relkind = 'f' THEN ' is a foreign table' WHEN c.relrowsecurity THEN ' has row security'
                         ELSE ' is a view with a sample or a volatile function' END
  FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
 WHERE l.locktype = 'relation' AND l.pid = pg_catalog.pg_backend_pid()
   AND (c.relkind = 'f' OR c.relrowsecurity OR EXISTS (
          SELECT FROM pg_catalog.pg_rewrite AS r WHERE c.relkind = 'v' AND c.oid >= 16384 AND r.ev_class = c.oid
             AND (r.ev_action::text ~ ':tablesample [{{]' OR EXISTS (
                    SELECT FROM regexp_matches(r.ev_action::text, ':(?:funcid|opfuncid|aggfnoid|winfnoid) ([0-9]+)', 'g') AS f(id)
                      JOIN pg_catalog.pg_proc AS p ON p.oid = f.id[1]::oid
                     WHERE p.provolatile = 'v' OR p.proname = 'statement_timestamp'))))
LIMIT 1"""
"""Why one statement must not stand for several executions; no row if it may.

Ask it in the transaction that has prepared the statement, which holds locks on its tables. A volatile function outside of what
depends on the parameters would be executed once for all sets. `words` are all words of the statement, because a function may be
called without parentheses. Values come in array literals, in which NULL is a text if array_nulls is off.
"""


_EXPANDED = compile_late(r"\*|\btable\b", re.IGNORECASE)


@frozen
class WrappedNames:
    """How a wrapper calls the columns of the user's text.

    By their own names where a `*` (or TABLE) may stand for other columns, if a table is replaced meanwhile: no value comes under
    the name of another. Else aliases count the columns: the name of `:id::int` is that of its type, and another in a statement for
    many sets.
    """

    names: tuple[str, ...]
    alias: str
    """What stands behind the alias of the text."""

    @classmethod
    def of(cls, columns: Sequence[str], text: str) -> WrappedNames:
        """Those of the result columns of `text` with these names, which may be duplicate."""
        if _EXPANDED.search(text) and len({*columns}) == len(columns):
            return cls(tuple('"' + name.replace('"', '""') + '"' for name in columns), "")
        names = tuple(f"c{i}" for i in range(1, len(columns) + 1))
        return cls(names, f"({', '.join(names)})")


def rows(sql: str, ordinal: int, items: Sequence[str], alias: str) -> str:
    """`sql` returns rows and changes nothing."""
    return f"SELECT ${ordinal}::int8 AS n, {', '.join(items)} FROM (\n{sql}\n) AS q{alias}"


def set_rows(sql: str, types: Sequence[str], items: Sequence[str], alias: str, *, marks: Sequence[str] = ()) -> str:
    """One statement for all sets of a batch: `marks` (`$1`, `$2`) are arrays of `types`, and `sql` names its values as `set_value` does.

    `OFFSET 0` keeps the user's text whole: it is executed once for each set, in the order of the sets, with its own plan.
    """
    places = marks or [f"${i}" for i in range(1, len(types) + 1)]
    arrays = ", ".join(f"{mark}::{kind}[]" for mark, kind in zip(places, types, strict=True))
    values = ", ".join(f"{SETS}_v{i}" for i in range(1, len(types) + 1))
    return (
        f"SELECT {SETS}_n - 1, {', '.join(items)} FROM ROWS FROM (unnest({arrays})) WITH ORDINALITY AS {SETS}({values}, {SETS}_n), "
        f"LATERAL (SELECT * FROM (\n{sql}\n) AS q OFFSET 0) AS q{alias}"
    )


def set_value(number: int) -> str:
    """The value of parameter `number` in the text that `set_rows` takes."""
    return f"{SETS}.{SETS}_v{number}"


def why_apart(sql: str) -> str:
    """`WHY_APART` for the user's text `sql`."""
    words = {word[1:-1].replace('""', '"') if word[0] == '"' else word.lower() for word in WORDS.findall(sql)}
    return WHY_APART.format(words=f"ARRAY[{', '.join(map(literal, sorted(words)))}]::text[]")


def changed_rows(sql: str, ordinal: int, items: Sequence[str], alias: str) -> str:
    """`sql` changes data and returns rows."""
    return f"WITH q{alias} AS (\n{sql}\n) SELECT ${ordinal}::int8 AS n, {', '.join(items)} FROM q"


def counted(sql: str, ordinal: int) -> str:
    """`sql` changes data and returns nothing: one row with the count."""
    return f"WITH q AS (\n{sql}\nRETURNING 1\n) SELECT ${ordinal}::int8 AS n, count(*) AS changed FROM q"


def copied(sql: str, delimiter: str) -> str:
    """The whole result of `sql` as CSV with header."""
    return f"COPY (\n{sql}\n) TO STDOUT WITH (FORMAT csv, HEADER, DELIMITER {literal(delimiter)}, ENCODING 'UTF8')"


def opening(
    limits: Limits,
    *,
    ordinals: bool,
    check_alive: bool = False,
    streaming: bool = False,
    path: Sequence[str] = (),
    local: Sequence[Setting] = (),
    iso: bool = False,
) -> str:
    """The first message of an attempt: the transaction and its limits.

    The settings are local, and their SELECT freezes a READ ONLY transaction: after its first query the server refuses to make it writable.

    Args:
        limits: of the attempt; READ ONLY, else READ COMMITTED.
        ordinals: let errors tell their parameters, eight bytes of each, which holds the ordinal.
        check_alive: ask the server to notice when we are gone, where the session was not told.
        streaming: rows are fetched in pieces.
        path: schemas in which names without a schema are looked up; () leaves the session's path.
        local: settings of the user, for a session that must not keep any.
        iso: dates are printed as in ISO 8601, whatever the session's style.
    """
    idle_ms = STREAM_IDLE_MS if streaming and limits.read_only else IDLE_MS
    settings: dict[str, object] = {
        "statement_timeout": _ms(limits.timeout_s),
        "lock_timeout": _ms(limits.lock_timeout_s),
        "idle_in_transaction_session_timeout": idle_ms,
    }
    if limits.together:
        settings |= TOGETHER
    if ordinals:
        settings["log_parameter_max_length_on_error"] = 8
    if check_alive:
        settings[CHECK_ALIVE_NAME] = CHECK_MS
    if iso:
        settings["datestyle"] = ISO
    if limits.whole_floats:
        settings[FLOAT_DIGITS] = 3  # as pg_dump does
    # One query instead of a SET each: a batch of one slow query costs the server half as much.
    calls = ", ".join(
        [*map(_call, local), *(f"set_config('{name}', '{value}', true)" for name, value in settings.items())]
    )
    if path:
        calls += f", set_config('search_path', {literal(listed(path))}, true)"
    begin = "BEGIN READ ONLY" if limits.read_only else "BEGIN ISOLATION LEVEL READ COMMITTED"
    if (
        limits.snapshot is not None
    ):  # https://www.postgresql.org/docs/current/sql-set-transaction.html: before any query
        begin = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {literal(limits.snapshot)}"
    return f"{begin}; SELECT {calls}"


EXPORT = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0; "
    "SET LOCAL statement_timeout = 8000"
)
"""The transaction that others share the snapshot of waits for them."""


UNSEEN = """\
SELECT pg_catalog.string_agg(DISTINCT l.relation::regclass::text, ', ')
  FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
 WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= 16384
   AND CASE WHEN c.oid IS NULL
            THEN pg_catalog.pg_get_indexdef(l.relation) IS NULL AND l.relation::regclass::text NOT LIKE 'pg_toast.%'
            ELSE c.relkind IN ('r', 'm') AND c.relfilenode <> pg_catalog.pg_relation_filenode(c.oid) END"""
"""The tables of this transaction that were written anew (TRUNCATE, ALTER TABLE ... TYPE) or made since its snapshot was taken.

The snapshot sees no rows in them, or rows that are newer. It still reads the old file's number in the catalog; the function gives
that of now. https://www.postgresql.org/docs/current/mvcc-caveats.html
"""


def session_limits(limits: Limits, path: Sequence[str] = (), *, iso: bool = False) -> str:
    """The limits of a statement that runs outside a transaction, and where its names are looked up."""
    there = f"; SET search_path = {listed(path)}" if path else ""
    style = f"; SET datestyle = '{ISO}'" if iso else ""
    timeout, lock_timeout = _ms(limits.timeout_s), _ms(limits.lock_timeout_s)
    return f"SET statement_timeout = {timeout}; SET lock_timeout = {lock_timeout}{there}{style}"


def local(settings: Sequence[Setting]) -> str:
    """`settings` for the rest of a transaction."""
    return f"SELECT {', '.join(map(_call, settings))}"


def _call(setting: Setting) -> str:
    return f"set_config({literal(setting.name)}, {literal(setting.value)}, true)"


def describing(path: Sequence[str], lock_timeout_s: float | None = None, settings: Sequence[Setting] = ()) -> str:
    """The first message of a question about a statement, which waits for a lock as long as the query may, within bounds."""
    begin = DESCRIBE.format(_ms(min(DESCRIBE_LOCK_S, lock_timeout_s or DESCRIBE_LOCK_S)))
    if settings:
        begin += f"; {local(settings)}"
    return f"{begin}; SET LOCAL search_path = {listed(path)}" if path else begin


TOGETHER = {"jit": "off", "max_parallel_workers_per_gather": "0"}
"""For one statement that stands for all sets: no plan that changes the order of rows."""

RESET = "RESET statement_timeout; RESET lock_timeout; RESET search_path"
RESET_STYLE = "; RESET datestyle"


def listed(path: Sequence[str]) -> str:
    """Schemas as a search path."""
    return ", ".join(map(identifier, path))


def _ms(seconds: float | None) -> int:
    return 0 if seconds is None else max(1, round(seconds * 1000))
