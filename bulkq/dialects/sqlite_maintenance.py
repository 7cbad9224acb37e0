"""Maintenance of SQLite: of the file as a whole, and statistics table by table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.maintenance_catalog import MaintenanceCatalog, database_object
from bulkq.model.maintenance import MaintainedObject, ObjectFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.maintenance_catalog import ServerFacts, SizeForm
    from bulkq.dialects.row_key_catalog import Rows
    from bulkq.model.maintenance import CommandReply, MaintenanceOptions

COMMANDS = {
    "vacuum": "write the file anew, without free pages",
    "analyze": "collect statistics for the planner",
    "reindex": "rebuild indexes, one by one",
    "checkpoint": "move all pages of the write-ahead log into the file",
    "optimize": "collect the statistics that are missing",
    "integrity": "check the file for damage",
}

STATEMENTS = {
    "vacuum": "VACUUM",
    "checkpoint": "PRAGMA wal_checkpoint(TRUNCATE)",
    "optimize": "PRAGMA optimize",
    "integrity": "PRAGMA integrity_check",
}
"""Commands for the whole file."""

OF_FILE = """\
SELECT c.page_count * s.page_size, f.freelist_count * s.page_size, f.freelist_count * 100.0 / max(1, c.page_count)
  FROM pragma_page_count() AS c, pragma_page_size() AS s, pragma_freelist_count() AS f"""

OF_KIND = """\
SELECT name, tbl_name FROM sqlite_schema WHERE type = '{kind}' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"""

SHOWN_FAULTS = 3


def object_query(options: MaintenanceOptions, server: ServerFacts, *, bloat: bool, sizes: SizeForm) -> str:
    """The query for the file, its tables or its indexes."""
    del server, bloat, sizes
    if options.command in STATEMENTS:
        return OF_FILE
    return OF_KIND.format(kind="index" if options.command == "reindex" else "table")


def read(options: MaintenanceOptions, server: ServerFacts, rows: Rows) -> Sequence[ObjectFacts]:
    """The objects that the answer describes."""
    del server
    if options.command in STATEMENTS:
        size, free, percent = (float(str(value)) for value in rows[0])
        return [ObjectFacts(database_object("main"), {"size": size, "bloat": free, "bloat%": percent})]
    kind = "index" if options.command == "reindex" else "table"
    return [ObjectFacts(MaintainedObject(kind, "", str(name), str(table))) for name, table in rows]


def statement(options: MaintenanceOptions, wanted: MaintainedObject, server: ServerFacts) -> str:
    """The text of the command."""
    del server
    if options.command in STATEMENTS:
        return STATEMENTS[options.command]
    return f"{options.command.upper()} `{wanted.name.replace('`', '``')}`"


def judge(options: MaintenanceOptions, facts: ObjectFacts, reply: CommandReply) -> str:
    """What the rows say: the faults of the file, or that another connection reads the write-ahead log."""
    del facts
    if options.command == "integrity":
        faults = [str(row[0]) for row in reply.rows if str(row[0]).lower() != "ok"]
        more = f" and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
        return "; ".join(faults[:SHOWN_FAULTS]) + more
    if options.command == "checkpoint" and reply.rows and str(reply.rows[0][0]) == "1":
        return "another connection uses the write-ahead log, so not all of it could be moved"
    return ""


def failed(options: MaintenanceOptions, reply: CommandReply) -> bool:
    """A fault of the file stays."""
    del reply
    return options.command == "integrity"


MAINTENANCE = MaintenanceCatalog(
    commands=COMMANDS, objects=object_query, read=read, statement=statement, judge=judge, failed=failed
)
"""All of it."""
