"""Resolve the targets of `-t`: URLs, names, globs over names, groups, tags."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from bulkq import dialects
from bulkq.drivers import EXAMPLE
from bulkq.errors import UsageError, join_errors
from bulkq.model import Target
from bulkq.policy.throttle_expressions import replica_names
from bulkq.targets.same_database import guard_of
from bulkq.text import urls
from bulkq.text.message_parts import first_names, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bulkq.model import Run
    from bulkq.targets.config import Config

TAG = "tag:"
SHOWN = 20
"""Names that are listed where one is not known."""


def resolve_targets(wanted: Sequence[str], config: Config) -> tuple[Target, ...]:
    """The targets that `wanted` names, each once, in that order; a group's in the order of the group, others' in that of the file.

    Args:
        wanted: of `-t`: a URL, a name, a glob over names (`prod-*`), a group, or `tag:x`.
        config: the names.

    Raises:
        UsageError: a line for each that names nothing, with the nearest names.
    """
    found: dict[str, Target] = {}
    errors: list[str] = []
    guards = [(name, target.url) for name, target in config.targets.items() if target.protected]
    throttled = [(name, target.url) for name, target in config.targets.items() if target.throttle]
    for text in wanted:
        if urls.parse_scheme(text) is not None:
            guard = guard_of(text, guards)
            owner = guard_of(text, throttled)
            throttle = config.targets[owner].throttle if owner else ()
            target = Target(url=text, protected=bool(guard), guard=guard, throttle=throttle, throttled_as=owner)
            found.setdefault(text, target)
            continue
        try:
            names = find_names(text, config)
        except UsageError as error:
            errors.append(str(error))
            continue
        for name in names:
            found.setdefault(name, config.targets[name])
    if errors:
        raise join_errors(UsageError, errors)
    return tuple(found.values())


def renew_target(target: Target, config: Config) -> Target:
    """`target` of an earlier run as the configuration describes it now: hosts move, and passwords are not kept with a run."""
    known = config.targets.get(target.name)
    return target if known is None else known.like(target)


def with_replicas(request: Run, config: Config) -> Run:
    """`request` with the targets that its throttles name as replicas; a name that is not known any more stays what it was."""
    names = replica_names((*request.throttles, *request.limits.critical))
    found = {target.name: target for target in request.targets.replicas}
    found |= {name: config.targets[name] for name in names if name in config.targets}
    replicas = tuple(found[name] for name in names if name in found)
    return replace(request, targets=replace(request.targets, replicas=replicas))


def find_names(text: str, config: Config) -> tuple[str, ...]:
    """The names of targets that one text of `-t`, or of a group, stands for.

    Raises:
        UsageError: it stands for none.
    """
    if text in config.targets:
        return (text,)
    if text in config.groups:
        return list_members(text, config)
    if text.startswith(TAG):
        tag = text.removeprefix(TAG)
        tagged = tuple(name for name, target in config.targets.items() if tag in target.tags)
        if not tagged:
            tags = sorted({tag for target in config.targets.values() for tag in target.tags})
            raise UsageError(f'no target has the tag "{tag}"{_nearest(tag, tags, "tags")}')
        return tagged
    if any(sign in text for sign in "*?["):
        matched = tuple(name for name in config.targets if fnmatchcase(name, text))
        if not matched:
            raise UsageError(f'no target matches "{text}" ({_listed(config.targets, "targets")})')
        return matched
    raise UsageError(_unknown(text, config))


def list_members(group: str, config: Config) -> tuple[str, ...]:
    """The targets in a group, each once.

    Raises:
        UsageError: the group contains itself, or names nothing.
    """
    return tuple(dict.fromkeys(_members(group, config, ())))


def groups_of(name: str, config: Config) -> tuple[str, ...]:
    """The groups that the target `name` is in, directly or through another."""
    return tuple(group for group in config.groups if name in list_members(group, config))


def broken_groups(config: Config) -> list[str]:
    """A line, with its place, for each group that contains itself or names what is not there."""
    errors: list[str] = []
    circles: set[frozenset[str]] = set()
    for group, texts in config.groups.items():
        circle = _circle(group, config, ())
        if circle:
            if frozenset(circle) not in circles:
                errors.append(f'{config.places[group]}: group "{group}" contains itself: {" -> ".join(circle)}')
            circles.add(frozenset(circle))
            continue
        for text in texts:
            if urls.parse_scheme(text) is not None:
                errors.append(
                    f'{config.places[group]}: group "{group}": a group cannot contain a URL: add a [targets.NAME]'
                )
            elif text not in config.groups:
                try:
                    find_names(text, config)
                except UsageError as error:
                    errors.append(f'{config.places[group]}: group "{group}": {error}')
    return errors


def _circle(group: str, config: Config, way: tuple[str, ...]) -> tuple[str, ...]:
    """The way from `group` back to itself; () where there is none."""
    if way and group == way[0]:
        return (*way, group)
    if group in way:  # a circle, but another group's
        return ()
    inner = (text for text in config.groups[group] if text in config.groups)
    return next((found for text in inner if (found := _circle(text, config, (*way, group)))), ())


def _members(group: str, config: Config, way: tuple[str, ...]) -> list[str]:
    if group in way:
        circle = (*way[way.index(group) :], group)
        raise UsageError(f'group "{group}" contains itself: {" -> ".join(circle)}')
    found: list[str] = []
    for text in config.groups[group]:
        found += _members(text, config, (*way, group)) if text in config.groups else find_names(text, config)
    return found


def _unknown(text: str, config: Config) -> str:
    known = [*config.targets, *config.groups]
    if "@" in text:  # a URL without its scheme, perhaps with a password
        return f'target "***{text[text.rindex("@") :]}" is not a URL: write it like {EXAMPLE}'
    if not known:
        return (
            f'target "{urls.hide_passwords(text)}" is not a URL: write -t sqlite:///app.db or -t postgresql://host/database, '
            "or define the name in bulkq.toml (no targets are defined here)"
        )
    return f'unknown target "{urls.hide_passwords(text)}"{_as_url(text) or _nearest(text, known, "targets")}'


def _as_url(text: str) -> str:
    """The advice for a file or an address without `scheme://`; "" for what may be a name."""
    suffix = text.rpartition(".")[2]
    scheme = dialects.SCHEME_OF_SUFFIX.get(suffix, "")
    if scheme:
        return f": write {scheme}:///{text}"
    return f": a URL is written like {EXAMPLE}" if "/" in text else ""


def _nearest(text: str, known: Collection[str], what: str) -> str:
    return suggestion(text, known, "{}", most=3) or f" ({_listed(known, what)})"


def _listed(known: Collection[str], what: str) -> str:
    if not known:
        return f"there are no {what}"
    return f"there are: {first_names(list(known), SHOWN)}"
