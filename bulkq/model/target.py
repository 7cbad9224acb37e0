"""Targets: the configured target, the capabilities of a driver, and the properties of a server."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


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


@frozen
class Setting:
    """A setting of the server that a connection asks for by libpq's means: PGOPTIONS, PGTZ, `options=`, the URL."""

    name: str  # in lower case
    value: str
    source: str  # `PGOPTIONS`, `service "shop"`, `the URL`


@frozen
class Server:
    """What a connection found at the other end; printed by `doctor` and the first line of a run."""

    product: str  # "postgresql", "sqlite"
    version: str  # "18.4"
    version_number: int  # 180004; 3040001
    pid: int | None = None
    pooled: bool = False  # transaction pooler in between
    tls: str = ""  # "", "off", "unverified", "verified"
    database: str = ""
    user: str = ""
    superuser: bool = False
    in_recovery: bool = False
    free_connections: int | None = None
    max_connections: int | None = None
    counts: bool = True  # the library says how many rows a write changed
    rolls_back: bool = True  # a transaction of ours was seen to be undone, or is known to be
    read_only: str = ""  # why its sessions cannot write, with the next step; "" if they can, or if that is unknown
    settings: tuple[Setting, ...] = ()  # what its sessions (through a pooler: transactions) are given


@frozen
class FallbackSchemas:
    """The schemas behind the one of `--schemas` in the search path."""

    shared: tuple[str, ...] = ()  # of --schemas-with: everything in them may be named
    extensions: tuple[str, ...] = ()  # of installed extensions: only what belongs to an extension may be named


ALONE = FallbackSchemas()


@frozen
class Secret:
    """Where a password comes from; it is looked up again for every new connection, because passwords rotate."""

    env: str | None = None
    file: str | None = None
    command: tuple[str, ...] | None = None  # argv; a string in the file is run by /bin/sh -c
    folder: str = ""  # in which the command runs: that of the file which names it


@frozen(kw_only=True)
class Target:
    """One database that a run works on: a URL as typed, or a name of bulkq.toml with what stands there."""

    url: str
    name: str = ""  # "" where a URL was typed
    password: Secret | None = None
    protected: bool = False  # wants --confirm NAME before a write
    concurrency: int | None = None  # lanes on this target at most
    tags: tuple[str, ...] = ()
    expect: Mapping[str, str] = field(default_factory=dict)  # identity, compared on every new connection
    schema: str | None = None  # of --schemas: SET LOCAL search_path in every transaction
    behind: FallbackSchemas = ALONE
    guard: str = ""  # of a URL that leads to the database of a protected target: the name to confirm
    throttle: tuple[str, ...] = ()  # expressions that hold its lanes in every run
    throttled_as: str = ""  # of a URL that leads to the database of a target with throttles, which it has too: its name

    @property
    def bare(self) -> Target:
        """The database, without a schema of it."""
        return replace(self, schema=None, behind=ALONE)

    def like(self, other: Target) -> Target:
        """The same database with the schema of `other`."""
        return replace(self, schema=other.schema, behind=other.behind)


@frozen
class RecordedDatabase:
    """What a run has recorded of the database of one of its targets; a process that goes on must find the same."""

    identity: str  # "" if no process has connected to it yet
    settings: Mapping[str, str] | None  # that its connections asked for; None if they are not known
