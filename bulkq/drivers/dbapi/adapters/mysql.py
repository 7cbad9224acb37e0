"""MySQL and MariaDB through a DB-API library (PyMySQL, aiomysql, asyncmy, mysqlclient ...)."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, cast

from bulkq.dialects import MYSQL
from bulkq.drivers.bind_parameters import Binding, Style
from bulkq.drivers.dbapi import multi_statement_packet
from bulkq.drivers.dbapi.adapter_return_types import ErrorDescription, QueryDescription, Refusal
from bulkq.drivers.dbapi.adapters import (
    mysql_connector,
    mysql_counters,
    mysql_engines,
    mysql_multi_statement_packet,
    mysql_odbc,
    mysql_results,
)
from bulkq.drivers.dbapi.adapters.base import TABLE, Adapter, one_line, returns_rows
from bulkq.drivers.dbapi.adapters.error_facts import said
from bulkq.drivers.dbapi.adapters.parameters import NATIVE, convert, unfit
from bulkq.drivers.tls_url_options import add_encryption, is_remote
from bulkq.model import Column, Server, StatementClass
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import URL

    from bulkq.drivers.dbapi.adapter_return_types import Ask, Counters, Forms, Probe
    from bulkq.drivers.dbapi.multi_statement_packet import Write
    from bulkq.drivers.dbapi.pep249 import DbapiConnection, DbapiCursor
    from bulkq.model import Decoding, Limits, Query, Reply

STATES = {
    # what policy.retry acts on, by PostgreSQL's names
    1213: "40001",  # deadlock: the whole transaction was rolled back
    1020: "40001",  # record has changed since it was read
    1205: "55P03",  # lock wait timeout
    3572: "55P03",  # NOWAIT
    1317: "57014",  # KILL QUERY
    1969: "57014",  # max_statement_time of MariaDB
    3024: "57014",  # max_execution_time of MySQL
    1028: "57014",  # sort aborted: killed in the middle of one
    1792: "25006",  # READ ONLY transaction
    1290: "25006",  # --read-only server
    1836: "25006",
    1040: "53300",  # too many connections
    1203: "53300",
    1226: "53300",
    1021: "53100",  # disk full
    1114: "53100",  # the table is full: no space for its file, or its limit is reached
    1053: "57P01",  # shutdown in progress
    1927: "57P01",  # connection was killed
    # the server's own, which the libraries leave out
    1062: "23000",
    1048: "23000",
    1451: "23000",
    1452: "23000",
    3819: "23000",  # CHECK in MySQL
    4025: "23000",  # CHECK in MariaDB
    1364: "23000",  # a column without default was left out
    1146: "42S02",
    1051: "42S02",
    1054: "42S22",
    1050: "42S01",
    1064: "42000",
    1149: "42000",
    1044: "42000",
    1142: "42000",
    1143: "42000",
    1227: "42000",
    1370: "42000",
    1305: "42000",
    1046: "3D000",
    1049: "42000",
    1045: "28000",
    1264: "22003",
    1690: "22003",
    1406: "22001",
    1292: "22007",
    1366: "22007",
    1365: "22012",
    1060: "42S21",
    1644: "45000",
}
"""https://mariadb.com/kb/en/mariadb-error-code-reference/ and https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html"""

PLAIN = frozenset(
    (name, value)
    for names, values in (
        (("ssl_disabled",), ("true", "1")),
        (("ssl",), ("false", "0")),
        (("ssl_mode", "sslmode"), ("disabled", "disable", "preferred", "prefer")),
    )
    for name in names
    for value in values
)
"""Options of these libraries that allow plain text."""

ODBC_STATES = {"HY018": "57014", "70100": "57014"}
"""A statement that was cancelled, as the ODBC driver and the server say it."""

ODBC_FOUND_ROWS = "OPTION=2"
"""https://mariadb.com/docs/connectors/mariadb-connector-odbc/mariadb-connector-odbc-guide"""

LOST = frozenset({2006, 2013, 2014, 2055, 4031, 1927, 1053, 1152, 1158, 1159, 1160, 1161})
"""The connection is gone, or out of step."""

BROKEN = (AttributeError, RuntimeError)
"""What aiomysql raises on a connection that was cut or cancelled under a statement: its reader is gone, or in use."""

LOST_AT_ONCE = 2013
FOREIGN = "Packet sequence number wrong"
IN_TRANSACTION = 1
"""SERVER_STATUS_IN_TRANS in the status that every answer carries."""

FOREVER_S = 31_536_000
GIVEN_UP_WAITING = frozenset({1205, 1213})
"""A lock was not had: the statement was undone, or not begun."""

PACKET_TOO_LARGE = 1153
TRUNCATED_VALUE = 1292

IGNORE = compile_late(r"\bignore\b", re.IGNORECASE)
"""In a text that holds the word, errors may be wanted as warnings."""
NOT_ROLLED_BACK = 1196
NOT_PREPARABLE = 1295
NOT_IN_READ_ONLY = 1792
"""A SELECT that writes, through a function, is refused when it is prepared; when it is executed, the guard says so."""

READ_ONLY = "read_only is on, and the user has no privilege that overrides it: connect to the primary, or SET GLOBAL read_only = 0 there"
EXEMPT = """\
SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES
 WHERE PRIVILEGE_TYPE IN ('SUPER', 'READ ONLY ADMIN', 'READ_ONLY ADMIN', 'CONNECTION_ADMIN')
   AND GRANTEE = concat('''', replace(current_user(), '@', '''@'''), '''')"""
"""Privileges that let a user write while `read_only` is on. Versions differ in them; where this is wrong, the server says it."""


class MySQL(Adapter):
    """MySQL or MariaDB."""

    name = "mysql"
    temporary = f"CREATE TEMPORARY TABLE {TABLE} (a integer)"
    tried = frozenset({"pymysql", "aiomysql", "asyncmy", "mysqldb", "mariadbconnector"})
    cancels = True
    ends_quietly = True  # BENCHMARK gives 0, GET_LOCK gives NULL, DO SLEEP succeeds
    autocommit = True
    says_begin = True
    nothing = "DO 0"

    def __init__(self, dialect: Any) -> None:
        super().__init__(dialect)
        self._mariadb = False
        self._packet = 0  # bytes of the largest statement that the server takes
        self._strict = False
        self.limits_time = False
        self.warned = mysql_results.WARNED.get(dialect.driver, mysql_results.warnings)

    def url(self, url: URL, *, read_only: bool) -> URL:
        """Only PyMySQL itself knows the option that allows plain text; ODBC is told to count rows that keep their values, too."""
        known = super().url(url, read_only=read_only)
        if self.dialect.driver == "pyodbc" and not any(name.upper().startswith("OPTION") for name in url.query):
            whole = url.query.get("odbc_connect")
            return known.update_query_dict({"odbc_connect": f"{whole};{ODBC_FOUND_ROWS}"} if whole else {"OPTION": "2"})
        return (
            known.difference_update_query(["ssl_disabled"]) if self.dialect.driver in {"aiomysql", "asyncmy"} else known
        )

    def arguments(self, url: URL, application_name: str) -> dict[str, object]:
        """How long the network may take, and TLS where the host is not this machine and the URL does not say otherwise."""
        if self.dialect.driver not in {"pymysql", "aiomysql", "asyncmy"}:
            return {}
        given: dict[str, object] = {"connect_timeout": 10}
        if self.dialect.driver == "pymysql" and "client_flag" not in url.query:
            given["client_flag"] = mysql_multi_statement_packet.FLAGS
        if self.dialect.driver != "asyncmy":
            given["program_name"] = application_name
        if is_remote(url) and not any(name.startswith("ssl") for name in url.query):
            given["ssl"] = add_encryption()
        return given

    def plain_allowed(self, url: URL) -> bool:
        """A certificate to verify is no leave to do without: PyMySQL then goes on in plain text where the server has no TLS."""
        told = {(name.lower(), str(value).lower()) for name, value in url.query.items()}
        return not PLAIN.isdisjoint(told)

    def look(self, ask: Ask, connection: DbapiConnection) -> Server:
        """Which of the two it is, and how it is reached."""
        ((version, pid, database, user, most, read_only, packet, mode),) = ask(
            "SELECT version(), connection_id(), database(), current_user(), @@max_connections, @@global.read_only, "
            "@@max_allowed_packet, @@sql_mode"
        )
        self._packet = int(str(packet))
        self.joins = self.dialect.driver in mysql_multi_statement_packet.WRITERS and mysql_multi_statement_packet.joins(
            connection
        )
        self.largest_packet = min(multi_statement_packet.MOST_BYTES, self._packet // 2)
        self._strict = "STRICT_" in str(mode)
        cipher = ask("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        numbers = [int(n) for n in re.findall(r"\d+", str(version))[:3]]
        self._mariadb = "mariadb" in str(version).lower()
        self.limits_time = self._mariadb
        locked = str(read_only) in {"1", "ON"}
        return Server(
            product="mariadb" if self._mariadb else "mysql",
            version=".".join(map(str, numbers)),
            version_number=sum(part * 10 ** (4 - 2 * i) for i, part in enumerate(numbers)),
            pid=int(str(pid)),
            tls="unverified" if cipher and cipher[0][1] else "off",
            database=str(database or ""),
            user=str(user),
            in_recovery=locked,
            max_connections=int(str(most)),
            read_only=READ_ONLY if locked and not ask(EXEMPT) else "",
        )

    def kill(self, pid: int) -> str | None:
        """From another session."""
        return f"KILL QUERY {pid}"

    # transactions

    def opening(self, limits: Limits, path: Sequence[str]) -> Sequence[str]:
        """Limits are the session's, which is ours alone; a lock is waited for by the second."""
        return (*self.alone(limits, path), f"START TRANSACTION{' READ ONLY' if limits.read_only else ''}")

    def alone(self, limits: Limits, path: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        """MySQL's own limit is for SELECT only, so there we end statements ourselves."""
        patience_s = FOREVER_S if limits.lock_timeout_s is None else max(1, math.ceil(limits.lock_timeout_s))
        settings = [f"innodb_lock_wait_timeout = {patience_s}", f"lock_wait_timeout = {patience_s}"]
        if self._mariadb:
            settings.append(f"max_statement_time = {limits.timeout_s or 0:g}")
        return (f"SET SESSION {', '.join(settings)}",)

    def afterwards(self, query: Query) -> Sequence[str]:
        """A procedure may leave a transaction open: what it did in it is not to be committed by the next one."""
        return ("ROLLBACK", "SET autocommit = 1") if query.verb == "CALL" else ()

    def counters(self, ask: Ask, query: Query) -> Counters:
        """What a procedure did cannot be told from the outside, but the server counts the statements of a session."""
        return mysql_counters.counted(ask) if query.verb == "CALL" else {}

    def undone(self, ask: Ask, query: Query, error: Exception, before: Counters) -> bool:
        """A statement of one table's engine is undone by its error; of a procedure the counters have to show that it wrote nothing."""
        if before:
            return mysql_counters.wrote_nothing(before, mysql_counters.counted(ask))
        return query.statement is StatementClass.WRITE or said(error).number in GIVEN_UP_WAITING

    def kept(self, ask: Ask) -> str:
        """A rollback warns if tables without transactions keep their changes: the last net, where they could not be seen before."""
        rows = ask("SHOW WARNINGS")
        return next((one_line(Exception(row[2])) for row in rows if int(str(row[1])) == NOT_ROLLED_BACK), "")

    def left_open(self, ask: Ask, query: Query) -> str:
        """An answer after rows carries no new status, so the server is asked."""
        if query.verb != "CALL" or not self._mariadb:
            return ""
        ((open_, autocommit),) = ask("SELECT @@in_transaction, @@autocommit")
        if not int(str(open_)) and int(str(autocommit)):
            return ""
        return (
            "the procedure left its transaction open, or autocommit off: what it did since its last COMMIT was rolled back; "
            "let it end with COMMIT"
        )

    def broken_off(self, connection: DbapiConnection) -> bool:
        """DDL and some other statements commit; every answer says whether a transaction is open, but mysqlclient does not show it."""
        driver = mysql_results.own_connection(connection)
        if self.dialect.driver == "mysqldb":
            return self._mariadb and not mysql_multi_statement_packet.in_transaction(connection)
        status = getattr(driver, "server_status", None)
        return isinstance(status, int) and not status & IN_TRANSACTION

    def streaming(self, connection: DbapiConnection, cursor: DbapiCursor, query: Query) -> DbapiCursor:  # noqa: ARG002
        """A cursor that takes rows from the network as they are asked for."""
        if self.dialect.driver == "pymysql":
            from pymysql.cursors import SSCursor

            return cast("DbapiCursor", cast("Any", connection).cursor(SSCursor))
        if self.dialect.driver == "mysqldb":
            from MySQLdb.cursors import SSCursor as Streaming

            return cast("DbapiCursor", cast("Any", connection).cursor(Streaming))
        if self.dialect.is_async:
            return cast("DbapiCursor", cast("Any", connection).cursor(server_side=True))
        return cursor

    # queries

    def refusal(self, query: Query, text: str, connection: DbapiConnection, *, reading: bool) -> Refusal | None:  # noqa: ARG002
        """A READ ONLY transaction lets FLUSH, KILL, SET GLOBAL and LOCK TABLES through: they are no questions."""
        if reading and query.statement is not StatementClass.READ and query.statement is not StatementClass.WRITE:
            return Refusal(f"{query.verb} may change data", "25006")
        return None

    def describe(self, asking: Probe, query: Query, binding: Binding) -> QueryDescription:
        """PREPARE says what is wrong; for a SELECT, the columns are those of the same with no rows."""
        returns = returns_rows(query, self.name)
        probe = Binding(query, binding.identifiers, typed=False, style=MARKS)
        try:
            asking.ask(f"PREPARE bulkq_probe FROM {MYSQL.literal(probe.sample)}")
        except Exception as error:
            if said(error).number not in {NOT_PREPARABLE, NOT_IN_READ_ONLY}:
                raise
            return QueryDescription(returns_rows=returns, lasting=self._lasting(asking, query, binding))
        asking.ask("DEALLOCATE PREPARE bulkq_probe")
        columns: tuple[Column, ...] = ()
        if query.statement is StatementClass.READ:
            columns = self._columns(asking, binding)
        return QueryDescription(columns, returns, lasting=self._lasting(asking, query, binding))

    def _lasting(self, asking: Probe, query: Query, binding: Binding) -> str:
        """MyISAM, Aria and others keep what a transaction did when it is rolled back."""
        if query.statement not in {StatementClass.READ, StatementClass.WRITE} and query.verb != "DO":
            return ""
        return mysql_engines.lasting(asking.ask, binding.sample, changes=query.statement is StatementClass.WRITE)

    def _columns(self, asking: Probe, binding: Binding) -> tuple[Column, ...]:
        """() where the database will not say without executing, because of a LIMIT of the user's and two columns of one name."""
        for text in (f"{binding.sample}\nLIMIT 0", f"SELECT * FROM (\n{binding.sample}\n) AS q LIMIT 0"):
            cursor = asking.cursor
            try:
                cursor.execute(text) if binding.bare else cursor.execute(text, binding.nulls)
                cursor.fetchmany(1)
            except Exception as error:
                if self.trouble(error).lost:
                    raise
            else:
                return self.columns(asking, cursor, json_wanted=False)
        return ()

    # answers

    def decode(self, connection: DbapiConnection, decoding: Decoding) -> None:
        """These libraries look up what makes a Python value of a field for every result anew."""
        driver = mysql_results.own_connection(connection)
        if self.dialect.driver == "mysqldb":
            mysql_results.convert(driver, decoding)
        elif self.dialect.driver == "pyodbc":
            mysql_odbc.convert(driver, decoding)
        if not isinstance(getattr(driver, "decoders", None), dict):
            return
        if not hasattr(driver, "bulkq_decoders"):
            driver.bulkq_decoders = mysql_results.Decoders(driver.decoders)
        driver.decoders = driver.bulkq_decoders.of(decoding)

    def reading(self, connection: DbapiConnection, decoding: Decoding) -> DbapiCursor | None:  # noqa: ARG002
        """The cursor of a library whose usual ones give None for a date that Python does not have."""
        options = mysql_results.READERS.get(self.dialect.driver)
        return None if options is None else cast("DbapiCursor", cast("Any", connection).cursor(**options))

    def forms(self, asking: Probe, cursor: DbapiCursor, decoding: Decoding) -> Forms:
        """A TIME is no time of a day, so libraries give a timedelta."""
        described = cursor.description or ()
        if self.dialect.driver == "mysqlconnector":
            return mysql_connector.raw_forms(
                described, decoding, mysql_results.own_connection(asking.connection).python_charset
            )
        if self.dialect.driver == "mariadbconnector":
            return mysql_results.mariadb_connector_forms(described, decoding)
        if self.dialect.driver == "pyodbc":
            return mysql_results.odbc_forms(described)
        return mysql_results.time_forms(described, decoding)

    killed_in_warnings = frozenset({"DO"})

    def means_killed(self, code: int) -> bool:
        """KILL QUERY, or a limit of the server's."""
        return STATES.get(code) == "57014"

    def refuses_warning(self, query: Query, code: int | None = None) -> bool:
        """In strict mode, MariaDB refuses `UPDATE ... WHERE id = '12abc'`; of DELETE it only warns, and deletes row 12.

        See findings/mariadb_strict_mode_deletes_by_text_that_update_refuses.sh. DELETE IGNORE asks for the warning.
        """
        strict = self._strict and query.verb == "DELETE" and not IGNORE.search(query.sql)
        return strict and code in {None, TRUNCATED_VALUE}

    def too_large(self, values: Sequence[object], error: Exception) -> str:
        """The server says so, or ends the connection while it is sent the statement."""
        number = said(error).number
        size = sum(
            len(value.encode(errors="replace") if isinstance(value, str) else value)
            for value in values
            if isinstance(value, (str, bytes))
        )
        if number != PACKET_TOO_LARGE and not (size >= self._packet and self.trouble(error).lost):
            return ""
        return (
            f"the set holds {size:,} bytes, and max_allowed_packet of the server is {self._packet:,}: raise that variable, "
            "or send smaller values"
        )

    def writer(self, cursor: DbapiCursor, *, bare: bool) -> Write:
        """As the library writes values into a statement itself."""
        return mysql_multi_statement_packet.WRITERS[self.dialect.driver](cursor, bare=bare)

    def failure_in(self, query: Query, reply: Reply) -> str:
        """OPTIMIZE and its like say in a row what went wrong."""
        return mysql_results.failure_in(query.verb, reply)

    def has_more(self, query: Query, cursor: DbapiCursor) -> bool:
        """A library that does not say may have one."""
        return query.verb == "CALL" and mysql_results.has_more(cursor)

    def next_result(self, query: Query, cursor: DbapiCursor) -> bool:
        """A procedure gives as many results as it has SELECTs."""
        return query.verb == "CALL" and mysql_results.next_result(cursor)

    # errors

    def trouble(self, error: Exception) -> ErrorDescription:
        """By the number of the error."""
        found = said(error)
        number, message = found.number, mysql_results.explain_system_error(error, found.words)
        lost = number in LOST or isinstance(error, BROKEN) or self.is_disconnect(error)
        state = STATES.get(number or 0) or getattr(error, "sqlstate", None)  # PyMySQL keeps it from 1.2 on
        return ErrorDescription(message, state if state != "HY000" else None, lost)

    def why_not(self, error: Exception, where: str) -> str:
        """The server's or the library's words, with the next step."""
        found = said(error)
        number, message = found.number, found.words
        if isinstance(error, UnicodeError) or FOREIGN in message:
            return f"{where} does not answer as MySQL does: is it the right host and port?"
        if number == LOST_AT_ONCE:
            return f"{where} closed the connection at once: is it MySQL, and does it expect TLS?"
        if number in {2002, 2003}:
            return f"{message}: is the server running?"
        if number == 1045:
            return f"{message}: wrong user or password"
        if number == 1040:
            return f"{message}: lower -j"
        if number == 2026 or "SSL" in message:
            return (
                f"TLS refused: {where}: {message}: add ?ssl_disabled=true to the URL to allow an unencrypted connection"
            )
        return message


MARKS = Style("?", None, NATIVE, convert, unfit, lambda _: None)
