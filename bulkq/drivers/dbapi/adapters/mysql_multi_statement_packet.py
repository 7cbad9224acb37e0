"""Several statements in one packet: which libraries of MariaDB and MySQL can do that, and how they write a statement with its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.drivers.dbapi.multi_statement_packet import Write
    from bulkq.drivers.dbapi.pep249 import DbapiConnection

FLAGS = 1 << 1 | 1 << 16
"""CLIENT_FOUND_ROWS, which SQLAlchemy sets too, and CLIENT_MULTI_STATEMENTS: https://mariadb.com/kb/en/connection/#capabilities ."""

PROBE = "DO 0\n;\nDO 0"


def joins(connection: DbapiConnection) -> bool:
    """Whether two statements in one packet give two results: a proxy in between may not let them through."""
    cursor: Any = connection.cursor()
    try:
        cursor.execute(PROBE)
        return bool(cursor.nextset()) and not cursor.nextset()
    except Exception:  # noqa: BLE001 - then each statement travels alone
        return False
    finally:
        cursor.close()


def in_transaction(connection: DbapiConnection) -> bool:
    """Whether MariaDB has a transaction open."""
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT @@in_transaction")
        ((is_open,),) = cursor.fetchmany(2)
        return bool(is_open)
    finally:
        cursor.close()


def _pymysql(cursor: Any, *, bare: bool) -> Write:
    """See `pymysql.cursors.Cursor.execute` and `pymysql.connections.Connection.query`."""
    encoding = cursor.connection.encoding
    if bare:
        return lambda text, _: text.encode(encoding, "surrogateescape")
    mogrify = cursor.mogrify
    return lambda text, values: mogrify(text, values).encode(encoding, "surrogateescape")


def _mysqlclient(cursor: Any, *, bare: bool) -> Write:
    """See `MySQLdb.cursors.BaseCursor.execute`. Its public `mogrify` cannot give binary values."""
    mogrify = cursor._mogrify  # noqa: SLF001
    return (lambda text, _: mogrify(text, None)) if bare else mogrify


WRITERS: dict[str, Callable[..., Write]] = {"pymysql": _pymysql, "mysqldb": _mysqlclient}
"""By SQLAlchemy's names of the libraries."""
