"""A `Run` as JSON and back: the recorded request, so that `bulkq resume` needs only the id of the run.

Passwords are left out of URLs, and the values of `--param` are kept elsewhere (`bulkq.sources.spool.save_constants`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields, is_dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from bulkq.errors import RefusedError
from bulkq.model import (
    ExecutorChoice,
    FallbackSchemas,
    Mode,
    Parameter,
    Placeholder,
    PlaceholderKind,
    Query,
    Run,
    Secret,
    StatementClass,
    Target,
    Threshold,
)
from bulkq.model.maintenance import MaintainedObject, MaintenanceOptions
from bulkq.model.run import (
    FLAT,
    SECTIONS,
    BackfillOptions,
    LimitOptions,
    QueryOptions,
    SafetyOptions,
    SourceOptions,
    TargetOptions,
)
from bulkq.model.shard import Shard
from bulkq.text import urls

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 2
"""Of the recorded form: 2 has the sections of a `Run`; 1, which is still read, had all its fields on one level."""

MASKED = ":***@"


def to_json(request: Run, folder: str, **beside: object) -> str:
    """`request`, made in `folder`, without secrets; with what is kept `beside` it."""
    sources, targets = request.sources, request.targets
    bare = replace(
        request,
        sources=replace(sources, target=_safe(sources.target) if sources.target else None, constants={}),
        targets=replace(
            targets,
            selected=tuple(map(_safe, targets.selected)),
            replicas=tuple(map(_safe, targets.replicas)),
            listed_by=_safe(targets.listed_by) if targets.listed_by else None,
        ),
        safety=replace(request.safety, ledger=""),
    )
    return json.dumps({"version": VERSION, "folder": folder, "run": bare, **beside}, default=_plain)


def _plain(value: Any) -> object:
    """The fields of a dataclass, or the members of a set. Faster than `asdict`, which copies every value."""
    kind = type(value)
    if kind is MaintainedObject:
        return _object_as_kept(value)
    return {name: getattr(value, name) for name in _field_names(kind)} if is_dataclass(kind) else sorted(value)


def _object_as_kept(one: MaintainedObject) -> dict[str, object]:
    """Without what most objects do not have: thousands of them are in a row that the ledger writes again with each commit."""
    kept: dict[str, object] = {"kind": one.kind, "schema": one.schema, "name": one.name, "table": one.table}
    kept |= {"proof": one.proof} if one.proof else {}
    kept |= {"last": True} if one.last else {}
    return kept | ({"after": one.after} if one.after else {})


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass. A night's maintenance records thousands of values of one kind."""
    return tuple(one.name for one in fields(kind))


def from_json(text: str) -> tuple[Run, str]:
    """The request and the folder that it was made in. A password that was masked is left out of the URL.

    Raises:
        RefusedError: a newer bulkq has recorded it.
    """
    recorded = json.loads(text)
    version = recorded.get("version", 1)
    if version > VERSION:
        raise RefusedError(
            f"the request is recorded in form {version}, and this bulkq reads forms 1 to {VERSION}: use a newer bulkq"
        )
    run = recorded["run"]
    sections = _sections(run) if version == 1 else run
    made = {name: kind(**_values(kind, sections[name])) for name, kind in SECTIONS.items()}
    backfill = sections.get("backfill")
    kept = BackfillOptions(**_values(BackfillOptions, backfill)) if backfill else None
    return Run(**made, backfill=kept, maintenance=_maintenance(sections.get("maintenance"))), recorded["folder"]


def _maintenance(recorded: Mapping[str, Any] | None) -> MaintenanceOptions | None:
    if not recorded:
        return None
    values = _values(MaintenanceOptions, recorded)
    values["objects"] = tuple(tuple(_object(one) for one in part) for part in recorded["objects"])
    values["leftovers"] = tuple(tuple(part) for part in recorded.get("leftovers", ()))
    return MaintenanceOptions(**values)


def _object(recorded: Mapping[str, Any]) -> MaintainedObject:
    return MaintainedObject(**{**recorded, "after": tuple(recorded.get("after", ()))})


def recorded_queries(text: str) -> list[dict[str, Any]]:
    """The queries of a recorded request, as they stand there."""
    recorded = json.loads(text)
    run = recorded.get("run", {})
    found: list[dict[str, Any]] = (
        run.get("queries", []) if recorded.get("version", 1) == 1 else run["queries"]["selected"]
    )
    return found


def _sections(flat: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """The fields of form 1, by section."""
    found: dict[str, dict[str, object]] = {name: {} for name in SECTIONS}
    for name, value in flat.items():
        if name in FLAT:
            section, own = FLAT[name]
            found[section][own] = value
    return found


def _values(kind: type, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a section; those that this version does not know are left out."""
    known = {one.name for one in fields(kind)}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in recorded.items()
    }
    if kind is QueryOptions:
        values["selected"] = tuple(map(_query, recorded["selected"]))
    elif kind is TargetOptions:
        values["selected"] = tuple(map(_target, recorded["selected"]))
        values["replicas"] = tuple(map(_target, recorded.get("replicas", ())))
        values["listed_by"] = _target(values["listed_by"]) if values.get("listed_by") else None
    elif kind is SourceOptions:
        values["target"] = _target(values["target"]) if values.get("target") else None
        values["shard"] = Shard(**values["shard"]) if values.get("shard") else None
    elif kind is LimitOptions:
        values["max_failures"] = Threshold(**values["max_failures"]) if values["max_failures"] else None
        values["executor"] = ExecutorChoice(**values["executor"]) if values.get("executor") else None
    elif kind is SafetyOptions:
        values["allow"] = frozenset(values["allow"])
    return {name: value for name, value in values.items() if name in known}


def _safe(target: Target) -> Target:
    """A command's arguments may be secret; it is looked up again by the target's name."""
    secret = replace(target.password, command=None) if target.password is not None else None
    return replace(target, url=urls.hide_passwords(target.url), password=secret)


def _bare(url: str) -> str:
    return url.replace(MASKED, "@")


def _target(values: Mapping[str, Any]) -> Target:
    secret = values["password"]
    if secret is not None:
        secret = Secret(**secret)
    behind = FallbackSchemas(*map(tuple, (values.get("behind") or asdict(FallbackSchemas())).values()))
    made = {"url": _bare(values["url"]), "password": secret, "tags": tuple(values["tags"]), "behind": behind}
    made["throttle"] = tuple(values.get("throttle", ()))
    return Target(**{**values, **made})


def _query(values: Mapping[str, Any]) -> Query:
    made = dict(values)
    made["parameters"] = tuple(Parameter(**{**p, "kind": PlaceholderKind(p["kind"])}) for p in values["parameters"])
    made["placeholders"] = tuple(
        Placeholder(**{**p, "kind": PlaceholderKind(p["kind"])}) for p in values["placeholders"]
    )
    made["escapes"] = tuple(values["escapes"])
    made["tags"] = tuple(values["tags"])
    made.pop("behind", None)  # of a target
    made["statement"] = StatementClass(values["statement"])
    made["mode"] = Mode(values["mode"]) if values["mode"] else None
    made["metadata"] = {key: tuple(found) for key, found in values["metadata"].items()}
    return Query(**made)
