"""Maintenance of MySQL and MariaDB, table by table. The outcome is in the rows of the answer: a command that failed is no error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.maintenance_catalog import MaintenanceCatalog
from bulkq.model.maintenance import NO_SUPPORT, MaintainedObject, ObjectFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.maintenance_catalog import ServerFacts, SizeForm
    from bulkq.dialects.row_key_catalog import Rows
    from bulkq.model.maintenance import CommandReply, MaintenanceOptions

COMMANDS = {
    "optimize": "write tables anew, without free space",
    "analyze": "collect statistics for the planner",
    "check": "check tables for damage",
}

TABLES = """\
SELECT t.table_schema, t.table_name, t.data_length + t.index_length, t.table_rows, t.data_free
  FROM information_schema.tables AS t
 WHERE t.table_type = 'BASE TABLE' AND t.table_schema {schemas} ORDER BY 1, 2"""

FINE = frozenset({"ok", "table is already up to date"})
"""What the last row of an answer says of a table that was done."""


def object_query(options: MaintenanceOptions, server: ServerFacts, *, bloat: bool, sizes: SizeForm) -> str:
    """The query for the tables of the database; of other databases, if `--schema` names them."""
    del server, bloat, sizes
    own = "NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')"
    return TABLES.format(schemas=own if options.schemas else "= DATABASE()")


def read(options: MaintenanceOptions, server: ServerFacts, rows: Rows) -> Sequence[ObjectFacts]:
    """The tables that the answer describes."""
    del options, server
    return [_facts(row) for row in rows]


def _facts(row: Sequence[object]) -> ObjectFacts:
    schema, name = str(row[0]), str(row[1])
    size, count, free = (None if value is None else float(str(value)) for value in row[2:5])
    percent = None if size is None or free is None else 100.0 * free / max(1.0, size + free)
    return ObjectFacts(
        MaintainedObject("table", schema, name, f"{schema}.{name}"),
        {"size": size, "rows": count, "bloat": free, "bloat%": percent},
    )


def statement(options: MaintenanceOptions, wanted: MaintainedObject, server: ServerFacts) -> str:
    """The text of the command for one table."""
    del server
    name = ".".join(f"`{part.replace('`', '``')}`" for part in (wanted.schema, wanted.name))
    return f"{options.command.upper()} TABLE {name}"


def judge(options: MaintenanceOptions, facts: ObjectFacts, reply: CommandReply) -> str:
    """The first error or warning of the rows (table, operation, type, text), or a last row that does not say OK.

    A last row that is a note says that the engine of the table does not have the command.
    """
    del options, facts
    found = [(_text(row[2]).lower(), _text(row[3])) for row in reply.rows]
    for kind in ("error", "warning"):
        for its, text in found:
            if its == kind:
                return text
    kind, text = found[-1] if found else ("", "the server gave no answer")
    return "" if text.lower() in FINE else f"{text}{NO_SUPPORT}" if kind == "note" else text


def failed(options: MaintenanceOptions, reply: CommandReply) -> bool:
    """An answer that has no more than a warning may be better another time, and a note is no failure."""
    kinds = [_text(row[2]).lower() for row in reply.rows]
    if "error" in kinds or not kinds:
        return True
    return kinds[-1] != "note" and (options.command == "check" or "warning" not in kinds)


def _text(value: object) -> str:
    """A column of the answer, which some libraries give as bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


MAINTENANCE = MaintenanceCatalog(
    commands=COMMANDS, objects=object_query, read=read, statement=statement, judge=judge, failed=failed
)
"""All of it."""
