"""chDB through its own Python API: ClickHouse in the process. It has no transactions, so each set of a write travels alone."""

from __future__ import annotations

import json

from chdb import session

from bulkq.drivers.dbapi.driver_of_blocking_library import Library

FORMAT = "JSONCompactEachRowWithNamesAndTypes"


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, (int, float)):
        return repr(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


class Cursor:
    def __init__(self, opened):
        self._opened = opened
        self._rows = []
        self.description = None
        self.rowcount = -1

    def execute(self, text, values=None):
        answer = self._opened.query(text if values is None else text % tuple(map(literal, values)), FORMAT).bytes()
        names, _, *rows = [json.loads(line) for line in answer.splitlines()] or [None, None]
        self.description = names and [(name,) for name in names]
        self._rows = [tuple(row) for row in rows]

    def fetchmany(self, size):
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def close(self):
        self._rows = []


class Connection:
    def __init__(self, path):
        self._opened = session.Session(path)

    def cursor(self):
        return Cursor(self._opened)

    def commit(self):
        pass

    rollback = commit

    def close(self):
        pass  # other connections of this process share the engine


class Chdb(Library):
    product = "chdb"
    library = "chdb"
    name = "clickhouse"
    paramstyle = "format"
    natives = frozenset({int, float, str, type(None)})
    quote = "`"
    explain = "EXPLAIN"
    explains_writes = False
    in_process = True
    states = {  # noqa: RUF012
        "(readonly)": "25006",
        "(unknown_table)": "42P01",
        "(syntax_error)": "42601",
        "(unknown_identifier)": "42703",
    }

    def connect(self, url, *, application_name, read_only):
        return Connection(url.database)

    def names(self, ask, connection):
        asked = "SELECT name FROM system.tables WHERE database = currentDatabase() UNION ALL SELECT name FROM system.columns"
        return {str(name) for (name,) in ask(f"{asked} WHERE database = currentDatabase()")}
