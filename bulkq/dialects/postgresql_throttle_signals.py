"""What PostgreSQL says of its load, its replicas and the sessions that wait.

A role without the right sees rows whose columns are NULL, so the right is asked for before the first reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.throttle_signal_catalog import (
    PrimaryState,
    ReplicaCatalog,
    ReplicaState,
    SignalCatalog,
    SignalQuery,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAY_SEE = "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"
_GRANT = "GRANT pg_read_all_stats TO {role}"
_STANDBY = "WHEN pg_is_in_recovery() THEN 'the server is a standby: it is read on a primary'"
_OURS = "application_name IN ({ours}, {reader})"

WAL_POSITION = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text"
"""Exact at every moment, also for work that is not committed; `pg_stat_wal` is up to ten seconds behind."""

# `replay_lag` is not read: it is NULL in up to a third of the samples of a healthy standby, stays small while a standby hangs, and stays
# large after it has caught up. A row without `replay_lsn` is not a replica but pg_receivewal or a backup.
_REPLICAS = SignalQuery(
    sql=(
        "SELECT r.application_name::text, r.pid, pg_wal_lsn_diff(w.at, '0/0')::float8, pg_wal_lsn_diff(r.replay_lsn, '0/0')::float8, "
        "extract(epoch FROM r.reply_time)::float8, "
        "(SELECT greatest(setting::float8 / 2000, 30) FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout') "
        "FROM (SELECT pg_current_wal_lsn() AS at) AS w LEFT JOIN pg_catalog.pg_stat_replication AS r "
        "ON r.state IN ('streaming', 'catchup') AND r.replay_lsn IS NOT NULL AND {name} IN ('', r.application_name)"
    ),
    allowed=_MAY_SEE,
    grant=_GRANT,
    impossible=f"SELECT CASE {_STANDBY} END",
)

_PRIMARY = SignalQuery(
    sql=(
        "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8, (SELECT system_identifier::text FROM pg_control_system()), "
        "left(pg_walfile_name(pg_current_wal_lsn()), 8)"
    ),
    impossible=f"SELECT CASE {_STANDBY} END",
)

# A standby that restores from an archive has no receiver: then the timeline is that of its last restartpoint.
_REPLICA = SignalQuery(
    sql=(
        "SELECT pg_is_in_recovery(), CASE WHEN pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::float8 END, "
        "(SELECT system_identifier::text FROM pg_control_system()), lpad(upper(to_hex(coalesce("
        "(SELECT received_tli FROM pg_catalog.pg_stat_wal_receiver), (SELECT timeline_id FROM pg_control_checkpoint())))), 8, '0')"
    ),
    allowed=_MAY_SEE,
    grant=_GRANT,
)


def read_primary(rows: Sequence[tuple[object, ...]], _: str = "") -> PrimaryState:
    """The row of `_PRIMARY`."""
    ((position, identity, timeline),) = rows
    return PrimaryState(float(str(position)), str(identity), str(timeline))


def read_replica(rows: Sequence[tuple[object, ...]], primary: PrimaryState) -> ReplicaState:
    """The row of `_REPLICA`, compared with its primary. A clone that was promoted has the same identifier on another timeline."""
    ((recovering, applied, identity, timeline),) = rows
    if str(identity) != primary.identity:
        wrong = f"its system identifier is {identity}, and that of the primary {primary.identity}"
        return ReplicaState(0.0, wrong)
    if not recovering:
        return ReplicaState(0.0, "it is not a standby")
    if str(timeline) != primary.timeline:
        wrong = f"it follows timeline {int(str(timeline), 16)}, and the primary is on {int(primary.timeline, 16)}"
        return ReplicaState(0.0, wrong)
    return ReplicaState(float(str(applied or 0)))


_SLOT = SignalQuery(
    sql=(
        "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8, slot_name::text FROM pg_catalog.pg_replication_slots "
        "WHERE restart_lsn IS NOT NULL AND {name} IN ('', slot_name) ORDER BY 1 DESC LIMIT 1"
    ),
    impossible=(
        f"SELECT CASE {_STANDBY} WHEN {{name}} <> '' AND NOT EXISTS "
        "(SELECT FROM pg_catalog.pg_replication_slots WHERE slot_name = {name}) THEN 'there is no slot ' || {name} END"
    ),
)

_ARCHIVE = SignalQuery(
    sql="SELECT count(*)::float8, min(name)::text FROM pg_ls_archive_statusdir() WHERE right(name, 6) = '.ready'",
    allowed="SELECT has_function_privilege('pg_ls_archive_statusdir()', 'EXECUTE')",
    grant="GRANT pg_monitor TO {role}",
    impossible=f"SELECT CASE {_STANDBY} WHEN current_setting('archive_mode') = 'off' THEN 'archive_mode is off' END",
)

# `pg_blocking_pids` names what is ahead in the queue, so the chain is walked. A session that waits for a row behind a waiter of ours waits
# for the holder of the row, not for us: its lock is of type `tuple`.
_WAITERS = SignalQuery(
    sql=(
        f"WITH RECURSIVE ours AS (SELECT pid FROM pg_catalog.pg_stat_activity WHERE {_OURS}), "
        "waiting AS (SELECT pid, bool_or(locktype = 'tuple') AS queued FROM pg_catalog.pg_locks WHERE NOT granted GROUP BY pid), "
        "edges AS (SELECT w.pid, w.queued, b.by FROM waiting AS w, unnest(pg_blocking_pids(w.pid)) AS b(by)), "
        "behind AS (SELECT e.pid FROM edges AS e JOIN ours ON ours.pid = e.by "
        "WHERE NOT (e.queued AND e.by IN (SELECT pid FROM waiting)) "
        "UNION SELECT e.pid FROM edges AS e JOIN behind ON behind.pid = e.by) "
        "SELECT count(*)::float8, 'pid ' || min(pid) FROM behind WHERE pid NOT IN (SELECT pid FROM ours)"
    ),
)

_ACTIVE = SignalQuery(
    sql=(
        "SELECT count(*)::float8, NULL FROM pg_catalog.pg_stat_activity "
        f"WHERE state = 'active' AND backend_type = 'client backend' AND NOT {_OURS}"
    ),
    allowed=_MAY_SEE,
    grant=_GRANT,
)

_OLDEST_XACT = SignalQuery(
    sql=(
        "SELECT extract(epoch FROM clock_timestamp() - x.began)::float8, x.who FROM ("
        "SELECT xact_start, 'pid ' || pid FROM pg_catalog.pg_stat_activity "
        f"WHERE datname = current_database() AND backend_type = 'client backend' AND NOT {_OURS} "
        "UNION ALL SELECT prepared, 'prepared ' || gid FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()"
        ") AS x(began, who) WHERE x.began IS NOT NULL ORDER BY x.began LIMIT 1"
    ),
    allowed=_MAY_SEE,
    grant=_GRANT,
)

_AUTOVACUUM = SignalQuery(
    sql=(
        "SELECT 1::float8, v.relid::regclass || ', pid ' || v.pid FROM pg_catalog.pg_stat_progress_vacuum AS v "
        "JOIN pg_catalog.pg_stat_activity AS a ON a.pid = v.pid AND a.backend_type = 'autovacuum worker' "
        "WHERE v.datname = current_database() AND (v.relid = to_regclass({name}) "
        "OR v.relid IN (SELECT relid FROM pg_partition_tree(to_regclass({name})))) LIMIT 1"
    ),
    allowed=_MAY_SEE,
    grant=_GRANT,
    impossible="SELECT CASE WHEN to_regclass({name}) IS NULL THEN 'there is no table ' || {name} END",
)

# A role without the right sees neither the type nor the state of the sessions of others: they count as busy, and their numbers decide.
_OTHERS = SignalQuery(
    sql=(
        "SELECT d.datid::text, d.active_time / 1000, (d.xact_commit + d.xact_rollback)::float8, b.busy "
        "FROM pg_catalog.pg_stat_database AS d, (SELECT count(*)::float8 FROM pg_catalog.pg_stat_activity "
        f"WHERE datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend' AND NOT {_OURS} "
        "AND (state IS NULL OR state = 'active' OR state_change > clock_timestamp() - interval '1s')) AS b(busy) WHERE d.datid <> 0"
    ),
    impossible=(
        "SELECT CASE WHEN current_setting('server_version_num')::int < 140000 "
        "THEN 'PostgreSQL counts the time of its sessions from version 14 on' "
        "WHEN current_setting('track_activities') = 'off' THEN 'track_activities is off' END"
    ),
)

SIGNALS = SignalCatalog(
    values={
        "slot": _SLOT,
        "archive": _ARCHIVE,
        "waiters": _WAITERS,
        "active": _ACTIVE,
        "oldest_xact": _OLDEST_XACT,
        "autovacuum": _AUTOVACUUM,
    },
    replicas=_REPLICAS,
    named_replica=ReplicaCatalog(
        primary=_PRIMARY, read_primary=read_primary, replica=_REPLICA, read_replica=read_replica
    ),
    position=SignalQuery(sql=WAL_POSITION, impossible=f"SELECT CASE {_STANDBY} END"),
    others=_OTHERS,
)
