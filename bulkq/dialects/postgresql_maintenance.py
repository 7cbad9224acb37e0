"""Maintenance of PostgreSQL: objects, statements by version, and what an answer says. See the facts M1 to M13 in the tests.

The tag of a command proves nothing. A WARNING means that the object was not done, whatever its SQLSTATE: it differs by version.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bulkq.dialects.maintenance_catalog import MaintenanceCatalog
from bulkq.dialects.postgresql_leftover_indexes import (
    DUPLICATE,
    DUPLICATE_IN_PARTITIONS,
    INCOMPLETE,
    INVALID,
    LEFTOVER,
    LEFTOVERS,
    advise_to_complete,
    drop_statement,
    read_invalid,
    read_leftovers,
)
from bulkq.dialects.postgresql_maintenance_objects import (
    ONLY_PARENT,
    identity,
    moved,
    object_query,
    proof_expression,
    proves,
)
from bulkq.dialects.postgresql_maintenance_rights import (
    MAINTAIN,
    advise_grant,
    advise_grant_of_maintain,
    advise_grant_to_drop,
    quoted_name,
)
from bulkq.model.maintenance import MaintainedObject, ObjectFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.maintenance_catalog import ServerFacts
    from bulkq.dialects.row_key_catalog import Rows
    from bulkq.model.maintenance import CommandReply, MaintenanceOptions

DATABASE_STATS = 160000
"""From this version on, VACUUM of one table need not look at all tables for the age of the database, and its buffers can be limited."""

COMMANDS = {
    "vacuum": "reclaim the space of dead rows",
    "freeze": "freeze old rows, against the wraparound of transaction ids",
    "analyze": "collect statistics for the planner",
    "reindex": "rebuild indexes, one by one",
    "cluster": "write tables anew in the order of the index that was chosen for it",
    "refresh": "fill materialized views anew",
    "checkpoint": "write all changed pages to disk",
    "indexes": "find invalid, leftover and duplicate indexes",
}

CONCURRENT_EXCLUSION = (
    "the index of an exclusion constraint cannot be rebuilt CONCURRENTLY: add --no-concurrently, which blocks writes"
)


def read(options: MaintenanceOptions, server: ServerFacts, rows: Rows) -> Sequence[ObjectFacts]:
    """The objects that the answer to `object_query` describes."""
    return [_facts(options, server, row) for row in rows]


def _facts(options: MaintenanceOptions, server: ServerFacts, row: Sequence[object]) -> ObjectFacts:
    kind, schema, name, table, last, *numbers, may, owner, proof, pid, possible = row[:20]
    parents, after, twin = (*row[20:], None, None, None)[:3]
    twin = str(twin or "")
    if options.command == "refresh" and options.concurrently and possible:
        kind = CONCURRENT_VIEW
    shown = "" if proof is None else str(proof)
    wanted = MaintainedObject(str(kind), str(schema), str(name), str(table), bool(last), shown, _names(after))
    return ObjectFacts(
        wanted,
        {}
        if kind == "database"
        else _values([n if n is None or isinstance(n, float) else float(str(n)) for n in numbers]),
        _missing(options, server, wanted, twin, may=bool(may), owner=str(owner), possible=bool(possible)),
        shown if proves(shown) else None,
        f"pid {pid}" if pid is not None else "",
        f"the same as {twin}" if twin and kind != INCOMPLETE else "",
        _names(parents),
    )


def _names(listed: object) -> tuple[str, ...]:
    return tuple(map(str, listed)) if isinstance(listed, list | tuple) else ()


def _values(numbers: Sequence[float | None]) -> dict[str, float | None]:
    size, dead, live, rows, age, mxid_age, vacuumed, analyzed, bloat, pages = numbers
    return {
        "size": size,
        "dead": dead,
        "dead%": None if dead is None or live is None else 100.0 * dead / max(1.0, dead + live),
        "rows": live if rows is None else rows,
        "age": age,
        "mxid_age": mxid_age,
        "last_vacuum": math.inf if vacuumed is None else vacuumed,
        "last_analyze": math.inf if analyzed is None else analyzed,
        "bloat": bloat,
        "bloat%": None if bloat is None or pages is None else 100.0 * bloat / max(1.0, pages),
    }


def _missing(
    options: MaintenanceOptions,
    server: ServerFacts,
    wanted: MaintainedObject,
    twin: str,
    *,
    may: bool,
    owner: str,
    possible: bool,
) -> str:
    """Why the command cannot be executed, with the statement that would permit it. `owner` is "" if its role must not be granted."""
    if options.command == "indexes":
        return _missing_to_repair(server, wanted, twin, may=may, owner=owner)
    if options.command == "reindex" and options.concurrently and not possible:
        return CONCURRENT_EXCLUSION
    if may:
        return ""
    return advise_grant(options.command, wanted, owner, server, statement(options, wanted, server))


def _missing_to_repair(server: ServerFacts, wanted: MaintainedObject, twin: str, *, may: bool, owner: str) -> str:
    """The same for an index that was found."""
    if wanted.kind in {DUPLICATE, DUPLICATE_IN_PARTITIONS}:
        return (
            f"the same as {twin}: if no query names it, run {drop_statement(wanted.schema, wanted.name, wanted.kind)}"
        )
    if wanted.kind == INCOMPLETE:
        return advise_to_complete(wanted, twin)
    if may:
        return ""
    if wanted.kind == INVALID and server.version >= MAINTAIN:
        return advise_grant_of_maintain(wanted, server)
    return f"{advise_grant_to_drop(wanted.schema, owner, server)}: {_repair(wanted)}"


def statement(options: MaintenanceOptions, wanted: MaintainedObject, server: ServerFacts) -> str:
    """The text of the command for one object."""
    if options.command == "checkpoint":
        return "CHECKPOINT"
    name = quoted_name(wanted.schema, wanted.name)
    if options.command == "indexes":
        return _repair(wanted)
    if options.command == "reindex":
        return f"REINDEX INDEX {'CONCURRENTLY ' if options.concurrently else ''}{name}"
    if options.command == "cluster":
        return f"CLUSTER {name}"
    if options.command == "refresh":
        return f"REFRESH MATERIALIZED VIEW {'CONCURRENTLY ' if wanted.kind == CONCURRENT_VIEW else ''}{name}"
    if options.command == "analyze":
        return f"ANALYZE {_listed(_shared(options, server))}{_only(server)}{name}"
    return f"VACUUM {_listed(_vacuum(options, server))}{_only(server)}{name}"


def _only(server: ServerFacts) -> str:
    """Leave out the partitions and the tables that inherit: each is an object of its own."""
    return "ONLY " if server.version >= ONLY_PARENT else ""


def late(options: MaintenanceOptions) -> bool:
    """A VACUUM has no transaction id, so its end does not wait for the disk: a crash of the server soon after it takes its work away."""
    return options.command in {"vacuum", "freeze", "analyze"} and not options.full


TOGETHER = 150000
"""From this version on, the counters of a table have changed when its command has ended. So they show which tables of a list are done."""

MOST_TOGETHER = 64


def together(options: MaintenanceOptions, server: ServerFacts) -> int:
    """How many tables one VACUUM or ANALYZE can name. With SKIP_LOCKED, its two halves may be skipped one without the other."""
    halves = options.analyze and options.skip_locked
    return MOST_TOGETHER if late(options) and not halves and server.version >= TOGETHER else 1


def in_one_transaction(options: MaintenanceOptions) -> int:
    """How many small indexes are rebuilt in one transaction. CONCURRENTLY has transactions of its own, so each is by itself."""
    return 16 if options.command == "reindex" and not options.concurrently else 1


def statement_of_all(options: MaintenanceOptions, objects: Sequence[MaintainedObject], server: ServerFacts) -> str:
    """The text of VACUUM or ANALYZE for several tables, or of REINDEX for several indexes in one message, which is one transaction."""
    if options.command == "reindex":
        return "; ".join(statement(options, one, server) for one in objects)
    rest = "".join(f", {_only(server)}{quoted_name(one.schema, one.name)}" for one in objects[1:])
    return statement(options, objects[0], server) + rest


CONCURRENT_VIEW = "materialized view with a unique index"
"""The kind of a materialized view that can be filled anew CONCURRENTLY."""


def _listed(words: Sequence[str]) -> str:
    return f"({', '.join(words)}) " if words else ""


def _shared(options: MaintenanceOptions, server: ServerFacts) -> list[str]:
    """The options that VACUUM and ANALYZE have in common."""
    words = ["SKIP_LOCKED"] if options.skip_locked else []
    if options.buffer_usage_limit and server.version >= DATABASE_STATS:
        words.append(f"BUFFER_USAGE_LIMIT '{options.buffer_usage_limit}'")
    return words


def _vacuum(options: MaintenanceOptions, server: ServerFacts) -> list[str]:
    words = _shared(options, server)
    words += ["FREEZE"] if options.command == "freeze" else []
    words += ["FULL"] if options.full else []
    words += ["ANALYZE"] if options.analyze else []
    if server.version >= DATABASE_STATS:
        words.append("SKIP_DATABASE_STATS")
    if options.parallel is not None and not options.full:
        words.append(f"PARALLEL {options.parallel}")
    return words


def _repair(wanted: MaintainedObject) -> str:
    if wanted.kind == INVALID:
        return f"REINDEX INDEX CONCURRENTLY {quoted_name(wanted.schema, wanted.name)}"
    return drop_statement(wanted.schema, wanted.name, wanted.kind)


def judge(options: MaintenanceOptions, facts: ObjectFacts, reply: CommandReply) -> str:
    """The first warning. None of its texts and states is compared: they differ by version, and for TOAST."""
    del options, facts
    return next((notice.message for notice in reply.notices if notice.severity == "WARNING"), "")


def prove(options: MaintenanceOptions, wanted: MaintainedObject) -> str:
    """The query for the proof of an object; no row if it is gone."""
    expression = _finding_proof(wanted) if options.command == "indexes" else proof_expression(options)
    if not expression or wanted.kind == "database":
        return ""
    oid = _kept_oid(options, wanted)
    named = f"n.nspname = {_literal(wanted.schema)} AND c.relname = {_literal(wanted.name)}"
    return (
        f"SELECT {expression}, c.relpages * current_setting('block_size')::float8, {_whole(options)} FROM pg_catalog.pg_class AS c "
        f"JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE {f'c.oid = {oid}' if oid else named}"
    )


def prove_all(options: MaintenanceOptions, objects: Sequence[MaintainedObject]) -> str:
    """The query for the proofs of several objects, by the names that they had."""
    schemas, names = (_array(names) for names in ([one.schema for one in objects], [one.name for one in objects]))
    oids = [_kept_oid(options, one) for one in objects]
    if all(oids):
        return (
            f"SELECT w.schema::text, w.name::text, {proof_expression(options)}, {_whole(options)} "
            f"FROM unnest({schemas}::name[], {names}::name[], '{{{','.join(oids)}}}'::oid[]) AS w (schema, name, oid) "
            "JOIN pg_catalog.pg_class AS c ON c.oid = w.oid"
        )
    return (
        f"SELECT n.nspname::text, c.relname::text, {proof_expression(options)}, {_whole(options)} "
        f"FROM unnest({schemas}::name[], {names}::name[]) AS w (schema, name) JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema "
        "JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name"
    )


def _kept_oid(options: MaintenanceOptions, wanted: MaintainedObject) -> str:
    """The oid of an object, if its command leaves that as it is. Another table may have got the name of ours meanwhile."""
    return "" if options.command in {"reindex", "indexes"} else identity(wanted.proof)


def _whole(options: MaintenanceOptions) -> str:
    """Whether a command whose counter has moved has ended: VACUUM comes to the TOAST table, and to ANALYZE, when the table is counted."""
    if options.full or options.command not in {"vacuum", "freeze"}:
        return "true"
    vacuumed = "pg_catalog.pg_stat_get_last_vacuum_time"
    ended = f"(c.reltoastrelid = 0 OR {vacuumed}(c.reltoastrelid) >= {vacuumed}(c.oid))"
    ended += f" AND pg_catalog.pg_stat_get_last_analyze_time(c.oid) >= {vacuumed}(c.oid)" if options.analyze else ""
    return f"coalesce({ended}, false)"


def sizes(options: MaintenanceOptions, objects: Sequence[MaintainedObject]) -> str:
    """The query for the sizes of tables with their indexes, and for their proofs if they need nothing but the oid.

    A name is looked up for an object whose proof has no oid. An oid is half as much to parse, and needs no look-up.
    """
    proof = "NULL::text" if options.command == "analyze" else proof_expression(options)
    oids = [identity(one.proof) for one in objects]
    if all(oids):
        wanted = f"SELECT w.at, w.oid FROM unnest('{{{','.join(oids)}}}'::oid[]) WITH ORDINALITY AS w (oid, at)"
    else:
        names = _array([quoted_name(one.schema, one.name) for one in objects])
        wanted = (
            "SELECT w.at, pg_catalog.to_regclass(w.name) AS oid "
            f"FROM unnest({names}) WITH ORDINALITY AS w (name, at) OFFSET 0"
        )
    return (
        f"SELECT c.at::int, c.size, CASE WHEN c.size IS NOT NULL THEN {proof} END "
        f"FROM (SELECT o.at, o.oid, pg_catalog.pg_total_relation_size(o.oid)::float8 AS size FROM ({wanted}) AS o OFFSET 0) AS c"
    )


def present(wanted: MaintainedObject) -> str:
    """The query for an object by its name."""
    name = _literal(quoted_name(wanted.schema, wanted.name))
    return f"SELECT w FROM pg_catalog.to_regclass({name}) AS w WHERE w IS NOT NULL"


def _array(texts: Sequence[str]) -> str:
    return f"ARRAY[{', '.join(map(_literal, texts))}]"


def _literal(text: str) -> str:
    """A text as a literal, whatever `standard_conforming_strings` is."""
    return "E'" + text.replace("'", "''").replace("\\", "\\\\") + "'"


def _finding_proof(wanted: MaintainedObject) -> str:
    """Of a leftover that it is there, for a DROP INDEX that was cut off leaves it invalid; of an invalid index whether it is valid."""
    if wanted.kind == LEFTOVER:
        return "c.oid::text"
    return "c.oid::text || '/' || (SELECT i.indisvalid FROM pg_catalog.pg_index AS i WHERE i.indexrelid = c.oid)::text"


def may_be_silent(options: MaintenanceOptions) -> bool:
    """Whether an object may be left out without a warning. A table that is named is, with SKIP_LOCKED, only below another one.

    REINDEX of an index that is named rebuilds it, warns, or fails.
    """
    return options.skip_locked or options.full or options.command not in {"vacuum", "freeze", "analyze", "reindex"}


def at_end(options: MaintenanceOptions, server: ServerFacts) -> tuple[str, ...]:
    """The age of the database, once for all tables."""
    vacuums = options.command in {"vacuum", "freeze"} and not options.full
    return ("VACUUM (ONLY_DATABASE_STATS)",) if vacuums and server.version >= DATABASE_STATS else ()


LIMITS = (
    "SELECT current_setting('max_parallel_maintenance_workers')::int, current_setting('max_worker_processes')::int, "
    "pg_is_in_recovery()"
)


def refuse(options: MaintenanceOptions, rows: Rows, server: ServerFacts) -> str:
    """Why the server cannot do it: it is a standby, or the options ask for more workers than it has."""
    per_command, workers, standby = int(str(rows[0][0])), int(str(rows[0][1])), bool(rows[0][2])
    if standby:
        return "the server is a standby, which cannot be maintained: name the primary"
    most = min(per_command, workers)
    if options.parallel is not None and options.parallel > most:
        setting = "max_parallel_maintenance_workers" if per_command <= workers else "max_worker_processes"
        return f"--parallel {options.parallel} is more than the {most} workers of the server ({setting}): use {most} or less"
    if options.buffer_usage_limit and server.version < DATABASE_STATS:
        return "--buffer-usage-limit needs PostgreSQL 16 or newer: leave it out"
    return ""


PROGRESS = """\
SELECT p.relation::regclass::text, p.what FROM (
    SELECT v.pid, v.relid AS relation, v.phase || CASE WHEN v.heap_blks_total > 0
           THEN ' ' || (100 * v.heap_blks_scanned / v.heap_blks_total)::text || '%' ELSE '' END AS what
      FROM pg_catalog.pg_stat_progress_vacuum AS v
    UNION ALL
    SELECT a.pid, a.relid, a.phase || CASE WHEN a.sample_blks_total > 0
           THEN ' ' || (100 * a.sample_blks_scanned / a.sample_blks_total)::text || '%' ELSE '' END
      FROM pg_catalog.pg_stat_progress_analyze AS a
    UNION ALL
    SELECT x.pid, x.relid, x.phase || CASE WHEN x.blocks_total > 0
           THEN ' ' || (100 * x.blocks_done / x.blocks_total)::text || '%' ELSE '' END
           || CASE WHEN x.current_locker_pid > 0 THEN ', waits for pid ' || x.current_locker_pid::text ELSE '' END
      FROM pg_catalog.pg_stat_progress_create_index AS x
    UNION ALL
    SELECT k.pid, k.relid, k.phase || CASE WHEN k.heap_blks_total > 0
           THEN ' ' || (100 * k.heap_blks_scanned / k.heap_blks_total)::text || '%' ELSE '' END
      FROM pg_catalog.pg_stat_progress_cluster AS k) AS p
  JOIN pg_catalog.pg_stat_activity AS s ON s.pid = p.pid
 WHERE s.application_name = {application} ORDER BY s.query_start LIMIT 1"""
"""What the oldest command does now. Only columns that are the same in all versions are read."""

SESSIONS = "SELECT pid FROM pg_catalog.pg_stat_activity WHERE application_name = {application} AND pid <> pg_backend_pid() ORDER BY 1"

LASTING = ("SELECT pg_catalog.txid_current()",)
"""Its transaction has an id, so its end waits for the disk, which has then all that the commands before it did."""

SETTINGS = frozenset({"full", "analyze", "skip_locked", "parallel", "buffer_usage_limit", "concurrently"})
"""Fields of the options that change a command."""

MAINTENANCE = MaintenanceCatalog(
    commands=COMMANDS,
    objects=object_query,
    read=read,
    statement=statement,
    together=together,
    in_one_transaction=in_one_transaction,
    statement_of_all=statement_of_all,
    judge=judge,
    of_server=frozenset({"checkpoint"}),
    settings=SETTINGS,
    prove=prove,
    moved=moved,
    identity=identity,
    prove_all=prove_all,
    sizes=sizes,
    late=late,
    lasting=LASTING,
    present=present,
    may_be_silent=may_be_silent,
    at_end=at_end,
    limits=LIMITS,
    refuse=refuse,
    leftovers=LEFTOVERS,
    read_leftovers=read_leftovers,
    read_invalid=read_invalid,
    needs_notices=True,
    sessions=SESSIONS,
    progress=PROGRESS,
)
"""All of it."""
