"""Look at the targets of a maintenance run before its first command: rights, objects, workers, leftovers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.lifecycle import open_targets
from bulkq.lifecycle.maintain.gone_objects import as_now
from bulkq.lifecycle.maintain.target_objects import choose, look_at, refuse_unknown_names, unknown_exclusions
from bulkq.lifecycle.preflight import connections_are_free, recognize
from bulkq.text.message_parts import counted, first_names, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.lifecycle.maintain.target_objects import TargetObjects
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model.maintenance import MaintainedObject, MaintenanceOptions
    from bulkq.protocols import Connection

NAMED = 5
"""Objects that a notice names at most."""


async def prepare_maintenance(opened: OpenRun) -> OpenRun:
    """Look at all targets. Of several, those that cannot be maintained are set aside, and a notice says so.

    Raises:
        UsageError, TargetError, RefusedError: as `look_at_targets`.
    """
    for target in await look_at_targets(opened):
        opened.say(f"{target.label}: {target.reason}: the other targets continue")
    return opened


async def look_at_targets(opened: OpenRun, *, exact: bool = False) -> Sequence[OpenTarget]:
    """Connect to all targets side by side, list the objects of each, and say what a person should know of them.

    Args:
        opened: its targets are looked at.
        exact: the sizes of all objects are wanted now, and not only when each is done.

    Returns:
        Of several targets, those that cannot be maintained.

    Raises:
        UsageError: a database does not have the command, or a name means no object.
        TargetError: no target can be reached.
        RefusedError: the only target is a standby; two names for one database.
    """
    request = opened.request
    lost = await open_targets.on_each(
        opened.targets,
        partial(_prepare, opened, exact),
        write=False,
        connect_timeout_s=request.limits.connect_timeout_s,
    )
    if opened.several:
        open_targets.refuse_twins(request, opened.targets, opened.say)
    if opened.resume.record is None and opened.maintained:
        everywhere, options = list(opened.maintained.values()), options_of(opened)
        refuse_unknown_names(everywhere, options)
        for pattern in unknown_exclusions(everywhere, options):
            opened.say(
                f"--exclude {quoted(pattern)}: no object of {options.command} has this name: nothing is left out"
            )
        for target in opened.targets:
            if (made := opened.maintained.get(target.parts[0].spec.number)) is not None:
                _tell(opened, target, made)
    return lost


def options_of(opened: OpenRun) -> MaintenanceOptions:
    """The options of the run."""
    options = opened.request.maintenance
    assert options is not None, "the request of maintenance has its options"
    return options


async def _prepare(opened: OpenRun, exact: bool, target: OpenTarget, connection: Connection) -> None:
    target.server = connection.server
    await recognize(opened, target, connection)
    options = options_of(opened)
    (part,) = target.parts
    dialect = dialect_for(dialect_of(target.definition.url))
    made = await look_at(connection, target, dialect, options, exact=exact)
    recorded = _recorded(options, part.spec.number)
    made.anew = not recorded
    if recorded:
        _follow(opened, target, made, recorded)
    else:
        made.objects = choose(list(made.listed.values()), options)
    if recorded and part.spec.number <= len(options.leftovers):
        tables, earlier = {one.table for one in made.objects}, options.leftovers[part.spec.number - 1]
        made.before = tuple(one for one in made.before if one.drop in earlier or one.table not in tables)
    source = opened.sources.objects[part.spec.number]
    together = max(made.catalog.together(options, made.server), made.catalog.in_one_transaction(options))
    quick = (n for n, one in enumerate(made.objects, 1) if together > 1 and n not in made.taken and made.is_quick(one))
    source.begin(made.objects, opened.resume.done.get(part.spec.number, ()), together=together, quick=quick)
    part.objects = source
    opened.maintained[part.spec.number] = made
    connections_are_free(opened, target, connection.server)


def _follow(opened: OpenRun, target: OpenTarget, made: TargetObjects, recorded: Sequence[MaintainedObject]) -> None:
    """Take the objects of the record, with the names that they have now, and say which were renamed and are not done."""
    now = as_now(made.catalog, recorded, made.listed.values(), by_name=bool(options_of(opened).tables))
    made.objects = tuple(then if one is None else one for then, one in zip(recorded, now, strict=True))
    made.taken = frozenset(n for n, one in enumerate(now, 1) if one is None)
    renamed = {n: (then.shown, one.shown) for n, (then, one) in enumerate(zip(recorded, made.objects, strict=True), 1)}
    renamed = {n: (then, one) for n, (then, one) in renamed.items() if then != one}
    made.former = {one: then for then, one in renamed.values()}
    done = opened.resume.done.get(target.parts[0].spec.number, ())
    left = [pair for n, pair in renamed.items() if not any(first <= n <= last for first, last in done)]
    where = f"{target.label}: " if opened.several else ""
    if len(left) > NAMED:
        names = first_names([f"{then} is {one} now" for then, one in left], NAMED)
        opened.say_once(f"{where}{len(left)} objects were renamed since the run began: {names}")
        return
    for then, one in left:
        opened.say_once(f"{where}{then} was renamed since the run began: it is {one} now")


def _recorded(options: MaintenanceOptions, part: int) -> Sequence[MaintainedObject]:
    """The objects that an earlier process has recorded; () if it could not list them."""
    return options.objects[part - 1] if part <= len(options.objects) else ()


def _tell(opened: OpenRun, target: OpenTarget, made: TargetObjects) -> None:
    where = f"{target.label}: " if opened.several else ""
    if not made.objects:
        opened.say(f"{where}no object is selected: nothing to do")
    missing = [facts for facts in made.chosen if facts.missing]
    if missing:
        names = first_names([facts.object.shown for facts in missing], NAMED)
        opened.say(f"{where}{counted(len(missing), 'object')} will be skipped ({names}): {missing[0].missing}")
    if made.before:
        names = first_names([f"{one.schema}.{one.name}" for one in made.before], NAMED)
        opened.say(
            f"{where}{counted(len(made.before), 'leftover')} of earlier rebuilds ({names}): bulkq maintain indexes --repair removes them"
        )
    if made.invalid:
        count, names = counted(len(made.invalid), "invalid index", "invalid indexes"), first_names(made.invalid, NAMED)
        opened.say(f"{where}{count} left out ({names}): bulkq maintain indexes --repair rebuilds invalid indexes")
