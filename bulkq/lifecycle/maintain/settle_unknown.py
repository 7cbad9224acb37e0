"""Find out on the server what a process that died has done to the objects that it had announced.

The record has the proof of each object at the start of the run. If the catalog has another one now, the object was done. If it has the
same, and no session of the run is left on the server, it was not done. Neither was one whose command had moved it and not ended. An
object that is gone needs no command any more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.lifecycle.maintain.gone_objects import as_now, is_gone
from bulkq.lifecycle.maintain.target_objects import list_objects, read_rows, server_facts
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.dialects.maintenance_catalog import MaintenanceCatalog
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.model.maintenance import MaintainedObject, MaintenanceOptions
    from bulkq.protocols import Connection

PATIENCE_S = 15.0
"""How long sessions of the process that died are waited for: the server ends what they run when it sees that they are gone."""

LOOK_S = 0.2


@frozen
class SettledObjects:
    """Numbers of objects that were done, and of those that were not, or are gone. Of all others nothing is known."""

    done: tuple[int, ...] = ()
    undone: tuple[int, ...] = ()


async def settle_unknown(
    connection: Connection,
    target: OpenTarget,
    run: str,
    options: MaintenanceOptions,
    unknown: Sequence[tuple[int, MaintainedObject]],
    say: Callable[[str], None],
) -> SettledObjects:
    """Compare proofs.

    Args:
        connection: to the target.
        target: whose objects they are.
        run: its id.
        options: of the run.
        unknown: number and name of the objects whose outcome is not known.
        say: shows a line to the user.
    """
    dialect = dialect_for(dialect_of(target.definition.url))
    catalog = dialect.maintenance
    if catalog is None or not catalog.sessions:
        return SettledObjects()
    query = catalog.sessions.format(application=dialect.literal(f"bulkq/{run}"))
    if not await _ended(connection, query, say):
        return SettledObjects()
    server = server_facts(connection)
    found = await list_objects(connection, catalog, options, server)
    names = as_now(catalog, [one for _, one in unknown], found, by_name=bool(options.tables))
    unknown = [(n, one if name is None else name) for (n, one), name in zip(unknown, names, strict=True)]
    now = {(one.object.schema, one.object.name): one.proof for one in found}
    moved = {n: _moved(catalog, one, now.get((one.schema, one.name))) for n, one in unknown}
    moved |= dict.fromkeys(
        await _cut_off(connection, catalog, options, [pair for pair in unknown if moved[pair[0]]]), False
    )
    gone = {
        n
        for n, one in unknown
        if (one.schema, one.name) not in now and await is_gone(connection, catalog, server, options, one)
    }
    return SettledObjects(
        tuple(n for n, _ in unknown if moved[n]),
        tuple(n for n, _ in unknown if moved[n] is False or n in gone),
    )


def _moved(catalog: MaintenanceCatalog, one: MaintainedObject, now: str | None) -> bool | None:
    """Whether the proof of an object shows that it was done; None if nothing shows it."""
    return catalog.moved(one.proof, now) if one.proof and now is not None else None


async def _cut_off(
    connection: Connection,
    catalog: MaintenanceCatalog,
    options: MaintenanceOptions,
    moved: Sequence[tuple[int, MaintainedObject]],
) -> Sequence[int]:
    """Return the numbers of those objects that moved whose command has not ended, such as a VACUUM before it came to the TOAST table."""
    query = catalog.prove_all(options, [one for _, one in moved]) if moved else ""
    rows = await read_rows(connection, query) if query else ()
    ended = {(str(schema), str(name)): bool(whole) for schema, name, _, whole in rows}
    return [n for n, one in moved if not ended.get((one.schema, one.name), True)]


async def _ended(connection: Connection, query: str, say: Callable[[str], None]) -> bool:
    """Whether no session of the process that died is left, now or soon."""
    left_s = PATIENCE_S
    while pids := [str(pid) for (pid,) in await read_rows(connection, query)]:
        if left_s == PATIENCE_S:
            say(f"waiting for the sessions of the process that died: pid {', '.join(pids)}")
        if left_s <= 0:
            say(f"they are still there: the outcome of their objects is unknown: pid {', '.join(pids)}")
            return False
        await asyncio.sleep(LOOK_S)
        left_s -= LOOK_S
    return True
