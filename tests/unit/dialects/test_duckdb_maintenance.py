"""Statements of DuckDB's maintenance."""

from __future__ import annotations

import duckdb

from bulkq.dialects.duckdb_maintenance import MAINTENANCE
from bulkq.dialects.maintenance_catalog import ServerFacts, SizeForm
from bulkq.model.maintenance import CommandReply, MaintenanceOptions


def test_every_command_is_one_that_the_library_takes() -> None:
    """The file is their only object."""
    server = ServerFacts()
    with duckdb.connect() as file:
        for command in MAINTENANCE.commands:
            options = MaintenanceOptions(command=command)
            query = MAINTENANCE.objects(options, server, bloat=False, sizes=SizeForm.EXACT)
            [one] = MAINTENANCE.read(options, server, file.execute(query).fetchall())
            file.execute(MAINTENANCE.statement(options, one.object, server))
            assert MAINTENANCE.judge(options, one, CommandReply()) == ""
            assert one.object.name == "memory"
