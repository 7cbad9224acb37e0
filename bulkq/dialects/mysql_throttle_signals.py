"""What MySQL and MariaDB say of their load. A connection of ours has no name there, so the lanes of the run are counted too."""

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


def _may(privilege: str) -> str:
    """The query whether the role has a privilege on the whole server."""
    return (
        f"SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = '{privilege}' "
        "AND GRANTEE = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')"
    )


_MAY_SEE = _may("PROCESS")
_GRANT = "GRANT PROCESS ON *.* TO {role}"

FILE_SIZE = float(2**40)
"""Positions in the binary log are its file number times this, and the offset in the file: they never fall, and are not bytes."""

SOURCE_FILE, EXECUTED, SOURCE_ID = 11, 23, 41
"""Columns of SHOW ALL SLAVES STATUS: the file and the offset of the primary that were executed, and the server_id of the primary."""

# Seconds_Behind_Master is not read: it is 0 while a receiver hangs, and NULL while a thread is stopped.
_PRIMARY = SignalQuery(
    sql="SHOW MASTER STATUS",
    allowed=_may("BINLOG MONITOR"),
    grant="GRANT BINLOG MONITOR ON *.* TO {role}",
    impossible=(
        "SELECT CASE WHEN VERSION() NOT LIKE '%MariaDB%' THEN 'replicas are read of MariaDB, not of MySQL' "
        "WHEN NOT @@log_bin THEN 'its binary log is off' END"
    ),
)
_REPLICA = SignalQuery(
    sql="SHOW ALL SLAVES STATUS", allowed=_may("SLAVE MONITOR"), grant="GRANT SLAVE MONITOR ON *.* TO {role}"
)


def read_primary(rows: Sequence[tuple[object, ...]], identity: str) -> PrimaryState:
    """The row of SHOW MASTER STATUS. The timeline is the name of the log without its number."""
    name, offset = str(rows[0][0]), float(str(rows[0][1]))
    return PrimaryState(_position(name, offset), identity, name.rpartition(".")[0])


def read_replica(rows: Sequence[tuple[object, ...]], primary: PrimaryState) -> ReplicaState:
    """The row of SHOW ALL SLAVES STATUS that is for the primary."""
    sources = {str(row[SOURCE_ID]): row for row in rows}
    row = sources.get(primary.identity)
    if row is None:
        known = f"servers {', '.join(sorted(sources))}" if len(sources) > 1 else f"server {next(iter(sources), '')}"
        wrong = f"it replicates from {known}, and the server_id of the primary is {primary.identity}"
        return ReplicaState(0.0, wrong if sources else "it is not a replica")
    file = str(row[SOURCE_FILE] or "")
    if not file:  # its first connection is still to come
        return ReplicaState(0.0)
    if file.rpartition(".")[0] != primary.timeline:
        return ReplicaState(0.0, f"it reads the log {file}, and that of the primary is {primary.timeline}")
    return ReplicaState(_position(file, float(str(row[EXECUTED] or 0))))


def _position(file: str, offset: float) -> float:
    number = file.rpartition(".")[2]
    return (int(number) if number.isdecimal() else 0) * FILE_SIZE + offset


SIGNALS = SignalCatalog(
    values={
        "active": SignalQuery(
            sql=(
                "SELECT COUNT(*), NULL FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND COMMAND NOT IN "
                "('Sleep', 'Daemon', 'Binlog Dump', 'Binlog Dump GTID', 'Slave_IO', 'Slave_SQL', 'Slave_worker')"
            ),
            allowed=_MAY_SEE,
            grant=_GRANT,
        ),
        "oldest_xact": SignalQuery(
            sql=(
                "SELECT TIMESTAMPDIFF(MICROSECOND, trx_started, NOW(6)) / 1000000, CONCAT('thread ', trx_mysql_thread_id) "
                "FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id <> CONNECTION_ID() ORDER BY trx_started LIMIT 1"
            ),
            allowed=_MAY_SEE,
            grant=_GRANT,
        ),
    },
    named_replica=ReplicaCatalog(
        primary=_PRIMARY,
        identity="SELECT @@server_id",
        read_primary=read_primary,
        replica=_REPLICA,
        read_replica=read_replica,
        counts_bytes=False,
    ),
)
