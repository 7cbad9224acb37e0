"""What MySQL and MariaDB say of their load. A connection of ours has no name there, so the lanes of the run are counted too."""

from __future__ import annotations

from bulkq.dialects.signal_catalog import SignalCatalog, SignalQuery

_MAY_SEE = (
    "SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = 'PROCESS' "
    "AND GRANTEE = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')"
)
_GRANT = "GRANT PROCESS ON *.* TO {role}"

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
    }
)
