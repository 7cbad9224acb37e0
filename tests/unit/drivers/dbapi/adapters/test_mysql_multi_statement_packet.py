"""How PyMySQL's statements become bytes."""

from __future__ import annotations

import pytest

from bulkq.drivers.dbapi.adapters.mysql_multi_statement_packet import FLAGS, WRITERS


def test_the_flags_are_those_of_the_protocol() -> None:
    """The rows that an UPDATE found are counted, and several statements may come at once."""
    flags = pytest.importorskip("pymysql.constants.CLIENT")
    assert flags.FOUND_ROWS | flags.MULTI_STATEMENTS == FLAGS


def test_a_statement_is_what_the_library_sends() -> None:
    """Values are written by the library itself; a text without values keeps its percent signs."""
    pymysql = pytest.importorskip("pymysql")
    connection = pymysql.connect(defer_connect=True, charset="utf8mb4")
    connection.server_status = 0  # a server's greeting says it
    cursor = connection.cursor()
    write = WRITERS["pymysql"](cursor, bare=False)
    assert write("select %s, %s, '%%'", ("it's é\\", None)) == "select 'it\\'s é\\\\', NULL, '%'".encode()
    assert write("select %s", (b"\xff'",)) == b"select '\xff\\''"
    with pytest.raises(UnicodeEncodeError):
        write("select %s", ("\ud800",))
    assert WRITERS["pymysql"](cursor, bare=True)("select '%'", ()) == b"select '%'"
