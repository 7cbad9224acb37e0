"""Maintenance of DuckDB: of the file as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.maintenance_catalog import MaintenanceCatalog, database_object
from bulkq.model.maintenance import ObjectFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.maintenance_catalog import ServerFacts, SizeForm
    from bulkq.dialects.row_key_catalog import Rows
    from bulkq.model.maintenance import CommandReply, MaintainedObject, MaintenanceOptions

COMMANDS = {
    "checkpoint": "move the write-ahead log into the file",
    "vacuum": "reclaim the space of dead rows",
    "analyze": "collect statistics for the planner",
}


def object_query(options: MaintenanceOptions, server: ServerFacts, *, bloat: bool, sizes: SizeForm) -> str:
    """The query for the name of the database."""
    del options, server, bloat, sizes
    return "SELECT current_database()"


def read(options: MaintenanceOptions, server: ServerFacts, rows: Rows) -> Sequence[ObjectFacts]:
    """The database."""
    del options, server
    return [ObjectFacts(database_object(str(rows[0][0])))]


def statement(options: MaintenanceOptions, wanted: MaintainedObject, server: ServerFacts) -> str:
    """The text of the command."""
    del wanted, server
    return options.command.upper()


def judge(options: MaintenanceOptions, facts: ObjectFacts, reply: CommandReply) -> str:
    """Nothing: a command that was not done is an error."""
    del options, facts, reply
    return ""


MAINTENANCE = MaintenanceCatalog(commands=COMMANDS, objects=object_query, read=read, statement=statement, judge=judge)
"""All of it."""
