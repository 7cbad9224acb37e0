"""What a driver can do."""

from __future__ import annotations

from bulkq.model.frozen_dataclass import frozen


@frozen
class Capabilities:
    """What a driver can do. Decisions depend on these attributes, not on the name of a driver."""

    name: str
    pipelined: bool  # a batch is one round trip
    cancels: bool  # a running statement can be stopped on the server
    copies: bool  # `Connection.copy` works
    describes: bool  # columns and parameter types are known before execution
    text_parameters: bool  # the server converts text to the parameter's type
    isolates_errors: bool  # in a read batch, one bad set does not spoil the others
    sets_together: bool = False  # `Limits.together` is honoured
    in_process: bool = False  # the database runs inside our interpreter: threads fight for the GIL
    schemas: bool = False  # `Query.schema` is honoured
    concurrent_reads: bool = True
    concurrent_writes: bool = True
    notices: bool = False  # `BaseConnection.command` gives the messages of the server
    dynamic_types: bool = False  # a value keeps its own type beside an expression (SQLite): `'5' = 5` is false
