"""Which physical database a connection leads to, whatever its name, and which targets of a run are the same one."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.errors import DatabaseError, TargetError
from bulkq.text.urls import hide_passwords

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkq.protocols import Connection


async def identity(connection: Connection, url: str) -> str:
    """Which physical database this is, whatever it is called; "" where every connection has its own, in memory."""
    server = connection.server
    known = dialect_for(dialect_of(url))
    if known.is_file:
        return _file(server.database)
    if not known.identity:
        return f"{place_of(url)}/{server.database}"
    try:
        found = await connection.administer([known.identity])
    except DatabaseError as error:
        if error.connection_lost:
            raise TargetError(str(error)) from error
        return f"{place_of(url)}/{server.database}"
    return str(found[0][0])


def _file(name: str) -> str:
    """The whole path and which file that is: another one that was put there has the same name, and other rows."""
    if name in {"", ":memory:"}:
        return ""
    path = os.path.realpath(name)
    try:
        return f"{path}#{os.stat(path).st_ino}"  # noqa: PTH116 - on a local disk
    except OSError:
        return path


async def physical(connection: Connection, identity: str) -> str:
    """Tells two names for one database (hard links of a file, ways to one MySQL server), and a server from its disk's copy.

    It changes with a restart or a failover, so it is nothing that a resume could insist on.
    """
    server = connection.server
    if dialect_for(server.product).is_file:
        with contextlib.suppress(OSError):
            file = os.stat(server.database)  # noqa: PTH116 - on a local disk
            return f"{file.st_dev}/{file.st_ino}"
        return identity
    known = dialect_for(server.product)
    if known.server and identity:
        try:
            found = await connection.administer([known.server])
        except DatabaseError as error:
            if error.connection_lost:
                raise TargetError(str(error)) from error
            return identity
        alike = identity if known.server_has_identity else server.product
        return f"{alike}/{found[0][0]}"
    return identity


async def identify(connection: Connection, url: str) -> tuple[str, str]:
    """`identity` and `physical` of a database."""
    found = await identity(connection, url)
    return found, await physical(connection, found)


def twins(named: Iterable[tuple[str, str, str | None]]) -> list[str]:
    """A line for each two names of one physical database.

    Args:
        named: label, physical database ("" where it is not known) and schema of each target.
    """
    seen: dict[tuple[str, str | None], str] = {}
    lines: list[str] = []
    for label, database, schema in named:
        other = seen.setdefault((database, schema), label) if database else label
        if other != label:
            lines.append(f'"{other}" and "{label}" are the same database')
    return list(dict.fromkeys(lines))


def place_of(url: str) -> str:
    """`host:port` of a URL, as far as they stand there."""
    authority = hide_passwords(url).partition("://")[2].partition("/")[0].partition("?")[0]
    return authority.rpartition("@")[2].lower()
