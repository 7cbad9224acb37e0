"""The identity of a run: its record, and the fingerprints of queries, sources and databases by which a resume recognizes them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.errors import DatabaseError, RefusedError, TargetError
from bulkq.ledger.location import default_path, locate
from bulkq.lifecycle import request_json
from bulkq.model import RunRecord, RunState
from bulkq.model.target import RecordedDatabase
from bulkq.sources.fingerprints import fingerprint
from bulkq.sources.request import request_of
from bulkq.text.urls import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bulkq.lifecycle.resume_state import ResumeState
    from bulkq.model import MarkerTables, Run, Server
    from bulkq.protocols import Connection

ONLY = "only"
"""In the request of a retry: which sets it is for. A resume of it must not take all the others of its source as well."""

SETTINGS = "settings"
"""In the request: by target, the settings of the server that its connections asked for."""


def spool_folder(ledger: str) -> Path:
    """Where spools lie: beside the ledger, or where it would be by default when it is a server."""
    return (locate(ledger).path or default_path()).parent


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
    authority = safe(url).partition("://")[2].partition("/")[0].partition("?")[0]
    return authority.rpartition("@")[2].lower()


async def fingerprints(request: Run, targets: Sequence[str]) -> str:
    """What must be the same when the run is resumed, as JSON: queries, sources, databases ("" for one not connected to yet)."""
    queries = {
        query.place: hashlib.blake2b(query.sql.encode(), digest_size=16).hexdigest()
        for query in request.queries.selected
    }
    sources = await fingerprint(request_of(request.sources))
    return json.dumps({"queries": queries, "sources": sources, "targets": list(targets)})


async def record(
    request: Run,
    *,
    run: str,
    owner: str,
    mode: str,
    targets: Sequence[str],
    identities: Sequence[str],
    markers: Sequence[MarkerTables | None],
    servers: Sequence[Server | None],
    resume: ResumeState,
) -> RunRecord:
    """The record of a run that begins."""
    then = resume.databases
    settings = [
        _settings(server) if server is not None else then[place].settings if place in then else None
        for place, server in enumerate(servers)
    ]
    known = [found or (then[place].identity if place in then else "") for place, found in enumerate(identities)]
    unchanged = await fingerprints(request, known)
    kept = json.loads(request_json.to_json(request, str(Path.cwd())))
    if resume.only is not None:
        kept[ONLY] = {str(part): list(ranges) for part, ranges in resume.only.items()}
    kept[SETTINGS] = settings
    kept["tables"] = [[tables.runs, tables.markers] if tables else None for tables in markers]
    return RunRecord(
        run=run,
        state=RunState.RUNNING,
        mode=mode,
        name=request.queries.name or ", ".join(query.name for query in request.queries.selected),
        targets=tuple(targets),
        request=json.dumps(kept),
        fingerprint=unchanged,
        owner=owner,
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        retry_of=resume.repeats.run if resume.repeats is not None else None,
    )


def databases(record: RunRecord) -> list[RecordedDatabase]:
    """The databases of a run, by place of the target."""
    identities = [str(identity) for identity in json.loads(record.fingerprint)["targets"]]
    settings = json.loads(record.request).get(SETTINGS) or [None] * len(identities)
    return [RecordedDatabase(*one) for one in zip(identities, settings, strict=True)]


def refuse_other(then: RecordedDatabase, label: str, identity: str, server: Server) -> None:
    """Refuse another database, or a session with other settings than the run's first: `search_path` may lead to other tables.

    Args:
        then: what the run that goes on, or is tried again, has recorded.
        label: of the target, for people.
        identity: of the database that this process has found.
        server: what its connection found.

    Raises:
        RefusedError: it is another database; or each setting that differs, with its old value.
    """
    if then.identity and identity and identity != then.identity:
        raise RefusedError(f"{label} is not the database that the run began with: give that one with -t")
    _refuse_other_settings(then.settings, label, _settings(server))


def _refuse_other_settings(then: Mapping[str, str] | None, label: str, now: Mapping[str, str]) -> None:
    if then is None or then == now:
        return
    names = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
    shown = ", ".join(f"{name} was {then.get(name, 'not set')} and is {now.get(name, 'not set')}" for name in names)
    raise RefusedError(
        f"{label}: {shown}: give the settings of the first run (PGOPTIONS, PGTZ, the service file, the URL)"
    )


def _settings(server: Server) -> dict[str, str]:
    return {one.name: safe(f"{one.name}={one.value}").partition("=")[2] for one in server.settings}


def only(record: RunRecord) -> dict[int, list[tuple[int, int]]] | None:
    """By part: the sets that a retry is for, with their old numbers; None of a run that is over all of its source."""
    kept = json.loads(record.request).get(ONLY)
    if kept is None:
        return None
    return {int(part): [(first, last) for first, last in ranges] for part, ranges in kept.items()}
