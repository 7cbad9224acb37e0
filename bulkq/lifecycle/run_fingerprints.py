"""The fingerprints of queries, sources and databases by which a resume recognizes them, in the record of a run."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.errors import RefusedError
from bulkq.ledger.location import default_path, locate
from bulkq.lifecycle import request_json
from bulkq.model import RunRecord, RunState
from bulkq.model.run_record import RecordedDatabase
from bulkq.sources.fingerprints import take_fingerprint
from bulkq.sources.source_request import request_of
from bulkq.text.urls import hide_passwords

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bulkq.lifecycle.resume_state import ResumeState
    from bulkq.model import MarkerTables, Query, Run, Server

ONLY = "only"
"""In the request of a retry: which sets it is for. A resume of it must not take all the others of its source as well."""

SETTINGS = "settings"
"""In the request: by target, the settings of the server that its connections asked for."""


def spool_folder(ledger: str) -> Path:
    """Where spools lie: beside the ledger, or where it would be by default when it is a server."""
    return (locate(ledger).path or default_path()).parent


async def fingerprints(request: Run, targets: Sequence[str]) -> str:
    """What must be the same when the run is resumed, as JSON: queries, sources, databases ("" for one not connected to yet)."""
    queries = {
        query.place: hashlib.blake2b(query.sql.encode(), digest_size=16).hexdigest()
        for query in request.queries.selected
    }
    sources = await take_fingerprint(request_of(request.sources))
    made: dict[str, object] = {"queries": queries, "sources": sources, "targets": list(targets)}
    return json.dumps(made | fingerprint_constants(request, request.queries.selected))


def fingerprint_constants(request: Run, queries: Iterable[Query]) -> dict[str, str]:
    """By which the runs of a group are told apart that differ in `--param` alone, those of secret parameters left out.

    Args:
        request: of the run.
        queries: all that its constants may be for.

    Returns:
        "constants" with their digest; {} for a run without a group or without constants.
    """
    secret = {parameter.name for query in queries for parameter in query.parameters if parameter.secret}
    shown = sorted((name, str(value)) for name, value in request.sources.constants.items() if name not in secret)
    if request.queries.group is None or not shown:
        return {}
    return {"constants": hashlib.blake2b(json.dumps(shown).encode(), digest_size=16).hexdigest()}


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
    kept: dict[str, object] = {
        SETTINGS: settings,
        "tables": [[tables.runs, tables.markers] if tables else None for tables in markers],
    }
    if resume.only is not None:
        kept[ONLY] = {str(part): list(ranges) for part, ranges in resume.only.items()}
    return RunRecord(
        run=run,
        state=RunState.RUNNING,
        mode=mode,
        name=request.queries.name or ", ".join(query.name for query in request.queries.selected),
        targets=tuple(targets),
        request=request_json.to_json(request, str(Path.cwd()), **kept),
        fingerprint=unchanged,
        owner=owner,
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        retry_of=resume.repeats.run if resume.repeats is not None else None,
        shard=request.sources.shard,
        group=request.queries.group,
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
    return {one.name: hide_passwords(f"{one.name}={one.value}").partition("=")[2] for one in server.settings}


def only(record: RunRecord) -> dict[int, list[tuple[int, int]]] | None:
    """By part: the sets that a retry is for, with their old numbers; None of a run that is over all of its source."""
    kept = json.loads(record.request).get(ONLY)
    if kept is None:
        return None
    return {int(part): [(first, last) for first, last in ranges] for part, ranges in kept.items()}
