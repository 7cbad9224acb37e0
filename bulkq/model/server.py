"""What a connection found at the other end."""

from __future__ import annotations

from bulkq.model.frozen_dataclass import frozen


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
