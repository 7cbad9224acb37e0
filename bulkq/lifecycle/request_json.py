"""A `Run` as JSON and back: what the ledger keeps of a request, so that `resume` needs nothing but the run's id.

Passwords are left out of URLs, and the values of `--param` are kept elsewhere (`bulkq.sources.spool.save_constants`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from bulkq.model import (
    Behind,
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
from bulkq.text import urls

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
MASKED = ":***@"


def to_json(request: Run, folder: str) -> str:
    """`request`, made in `folder`, without secrets."""
    bare = replace(
        request,
        targets=tuple(map(_safe, request.targets)),
        params_target=_safe(request.params_target) if request.params_target else None,
        targets_from=_safe(request.targets_from) if request.targets_from else None,
        ledger="",
        constants={},
    )
    return json.dumps({"version": VERSION, "folder": folder, "run": asdict(bare)}, default=sorted)


def from_json(text: str) -> tuple[Run, str]:
    """The request and the folder that it was made in. A password that was masked is left out of the URL."""
    kept = json.loads(text)
    values = {name: value for name, value in kept["run"].items() if name in {field.name for field in fields(Run)}}
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(value)
    values["queries"] = tuple(_query(query) for query in kept["run"]["queries"])
    values["allow"] = frozenset(values["allow"])
    values["max_failures"] = Threshold(**values["max_failures"]) if values["max_failures"] else None
    values["targets"] = tuple(_target(target) for target in kept["run"]["targets"])
    for name in ("params_target", "targets_from"):
        if values.get(name):
            values[name] = _target(values[name])
    return Run(**values), kept["folder"]


def _safe(target: Target) -> Target:
    """A command's arguments may be secret; it is looked up again by the target's name."""
    secret = replace(target.password, command=None) if target.password is not None else None
    return replace(target, url=urls.safe(target.url), password=secret)


def _bare(url: str) -> str:
    return url.replace(MASKED, "@")


def _target(values: Mapping[str, Any]) -> Target:
    secret = values["password"]
    if secret is not None:
        secret = Secret(**secret)
    behind = Behind(*map(tuple, (values.get("behind") or asdict(Behind())).values()))
    made = {"url": _bare(values["url"]), "password": secret, "tags": tuple(values["tags"]), "behind": behind}
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
