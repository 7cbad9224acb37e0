"""The targets of an open run: connect to them concurrently, examine and identify them.

A target that is down, hangs or answers garbage is set aside with its reason; the others go on without it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from bulkq.dialects import LOCKED
from bulkq.dialects.sqlstates import NOT_NOW
from bulkq.engine.pool import MOST_OPEN, ConnectionPool
from bulkq.errors import BulkqError, DatabaseError, NoRoom, RefusedError, StoppedError, TargetError, UsageError
from bulkq.lifecycle import database_identity
from bulkq.model.frozen_dataclass import mutable
from bulkq.policy import safety
from bulkq.targets import open_target
from bulkq.targets.bounded_concurrency import gather_concurrently

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.model import MarkerTables, Run, Server, Target
    from bulkq.protocols import Connection, Driver

LOOK_S = 30.0
"""How long one target of several may take to answer before the first statement, once it is connected."""

SILENT = ": no answer"
"""Behind the label of a target that cannot be connected to in time."""

LOOKS = 3
"""Work before the first statement is begun so often, if its connection breaks each time."""

SHOWN = 20


@mutable
class OpenTarget:
    """One target of a run, with the schemas of it that the run works on.

    Attributes:
        definition: what the user named, without a schema.
        label: what it is called in output.
        places: of its schemas among `Run.targets`, ascending; the numbers of its parts follow from them.
        sessions: its connections; `gone` says why there will be none.
        identity: which database it is, once it has answered; a resume must find the same.
        physical: the same, whatever way leads there; another after a failover.
        tables: of its markers, in a run that writes exactly once.
        first: it is a canary.
        skips: of checks, by their place in the request: why each is skipped here, see `find_skipped`.
        snapshot: exported at the start, so that its other connections see the same rows.
    """

    definition: Target
    label: str
    places: tuple[int, ...]
    driver: Driver
    sessions: ConnectionPool
    parts: list[PartState] = field(default_factory=list)
    server: Server | None = None
    identity: str = ""
    physical: str = ""
    tables: MarkerTables | None = None
    first: bool = False
    skips: Sequence[str | None] = ()
    snapshot: str | None = None

    def lose(self, error: BulkqError) -> None:
        """Set it aside."""
        self.sessions.gone = error

    @property
    def lost(self) -> BulkqError | None:
        """Why it takes no part, or not any more."""
        return self.sessions.gone

    @property
    def reason(self) -> str:
        """The same in one line, without the target's name."""
        text = " ".join(str(self.lost or "").split("\n"))
        return text.removeprefix(f"{self.label}: ")


def labels(request: Run, targets: Iterable[OpenTarget]) -> list[str]:
    """What each of `Run.targets` is called in output, in their order: `name`, or `name/schema`."""
    found = [""] * len(request.targets.selected)
    for target in targets:
        for place in target.places:
            schema = request.targets.selected[place].schema
            found[place] = f"{target.label}/{schema}" if schema else target.label
    return found


def open_all(
    request: Run,
    application_name: str,
    say: Callable[[str], None],
    remote: Callable[[Target, Driver], Driver] | None = None,
) -> list[OpenTarget]:
    """The targets of `request`; nothing is connected yet. Schemas of one target share its connections.

    Args:
        request: of the run.
        application_name: how the server's lists of sessions show the connections.
        say: shows a message to the user.
        remote: gives the driver whose connections are opened on other machines.

    Raises:
        UsageError: a URL cannot be used.
        MissingDriver: its library is not installed.
    """
    different = _different(request.targets.selected)
    several = len(different) > 1
    targets: list[OpenTarget] = []
    labels: Counter[str] = Counter()
    for definition, places in different:
        driver = open_target(definition, application_name=application_name, read_only=not request.safety.write)
        if remote is not None:
            driver = remote(definition, driver)
        target = _open_target(request, definition, tuple(places), driver, say, several=several)
        twins = labels[target.label]
        target.label += f"#{twins + 1}" if twins else ""
        labels[target.label.partition("#")[0]] += 1
        target.sessions.label = target.label
        targets.append(target)
    return targets


def _different(selected: Sequence[Target]) -> list[tuple[Target, list[int]]]:
    """The databases of `selected`, each with the places of its schemas."""
    found: list[tuple[Target, list[int]]] = []
    alike: dict[tuple[str, str], list[tuple[Target, list[int]]]] = {}
    for place, one in enumerate(selected):
        definition = one.bare
        others = alike.setdefault((definition.url, definition.name), [])
        known = next((other for other in others if other[0] == definition), None)
        if known is None:
            known = (definition, [])
            others.append(known)
            found.append(known)
        known[1].append(place)
    return found


def _open_target(
    request: Run,
    definition: Target,
    places: tuple[int, ...],
    driver: Driver,
    say: Callable[[str], None],
    *,
    several: bool,
) -> OpenTarget:
    label = definition.name or driver.target

    def tell(text: str) -> None:
        say(f"{label}: {text}" if several else text)

    ordered = 1 if request.limits.ordered else None
    limits = [most for most in (request.limits.per_target, definition.concurrency, ordered) if most is not None]
    writes = any(safety.mode_of(query, request.safety) != safety.READ for query in request.queries.selected)
    sessions = ConnectionPool(
        driver, outage_s=request.limits.outage_s, say=tell, most=min(limits, default=None), writes=writes
    )
    return OpenTarget(definition, label, places, driver, sessions)


def choose_canaries(request: Run, targets: Sequence[OpenTarget]) -> None:
    """Mark those that `--order` puts first.

    Raises:
        UsageError: a name is no target's.
    """
    for name in request.targets.canaries:
        chosen = [target for target in targets if fnmatchcase(target.label, name)]
        if not chosen:
            known = ", ".join(target.label for target in targets[:SHOWN])
            raise UsageError(f'--order canary:{name}: no target is called "{name}" (there are: {known})')
        for target in chosen:
            target.first = True


async def side_by_side(
    targets: Sequence[OpenTarget],
    work: Callable[[OpenTarget], Awaitable[None]],
    *,
    write: bool = False,
    all_may_fail: bool = False,
    reserved: int = 0,
) -> list[OpenTarget]:
    """Do `work` for every target that is not lost, at most `MOST_OPEN` at once. Of more targets, no connection is kept.

    Of several, one that cannot be reached is lost; so is one that is not what it should be, unless something would be written.

    Args:
        targets: each with its place for the reason if it is lost.
        work: connects.
        write: a target that is not what it should be is an error.
        all_may_fail: the only target, or all of them, may be lost.
        reserved: connections that will be open beside those that are kept.

    Returns:
        Those that are lost, now or before.

    Raises:
        TargetError: the only one, or all, cannot be reached; a line each.
        BulkqError: what is wrong for all of them, as the first found it.
    """
    several = len(targets) > 1
    keeps = len(targets) + reserved <= MOST_OPEN

    async def one(target: OpenTarget) -> None:
        try:
            await work(target)
        except (TargetError, RefusedError) as error:
            if not all_may_fail and (not several or (write and isinstance(error, RefusedError))):
                raise
            target.lose(error)
        finally:
            if not keeps:
                await target.sessions.close()

    await gather_concurrently([target for target in targets if target.lost is None], one, at_once=MOST_OPEN)
    lost = [target for target in targets if target.lost is not None]
    if several and len(lost) == len(targets) and not all_may_fail:
        raise type(targets[0].lost or TargetError())(
            "\n".join(f"{target.label}: {target.reason}" for target in targets)
        )
    return lost


async def keep_all(_: OpenTarget) -> None:
    """Nothing has to be taken back."""


async def on_each(
    targets: Sequence[OpenTarget],
    work: Callable[[OpenTarget, Connection], Awaitable[None]],
    *,
    write: bool,
    connect_timeout_s: float | None = None,
    undo: Callable[[OpenTarget], Awaitable[None]] = keep_all,
    patient: bool = True,
) -> list[OpenTarget]:
    """Do `work` for every target as `side_by_side` does, over its first connection, which is kept for a lane.

    Among several, a target that is connected and gives no answer within `LOOK_S` is lost, too. Of one target, `work` outlasts an
    outage that begins after the first connection.

    Args:
        targets: of the run.
        work: may be begun again, after `undo`.
        write: as of `side_by_side`.
        connect_timeout_s: for the first connection.
        undo: takes back what `work` has done when its connection broke.
        patient: as of `visit`.
    """
    several = len(targets) > 1

    async def one(target: OpenTarget) -> None:
        if several:
            await visit(target, work, connect_timeout_s=connect_timeout_s)
        else:
            await visit(target, work, connect_timeout_s=connect_timeout_s, answer_s=None, undo=undo, patient=patient)

    return await side_by_side(targets, one, write=write)


async def visit(
    target: OpenTarget,
    work: Callable[[OpenTarget, Connection], Awaitable[None]],
    *,
    connect_timeout_s: float | None,
    answer_s: float | None = LOOK_S,
    silent: str = SILENT,
    undo: Callable[[OpenTarget], Awaitable[None]] | None = None,
    patient: bool = True,
) -> None:
    """Do `work` over the first connection, which is kept for a lane.

    Args:
        target: is connected to.
        work: asks it.
        connect_timeout_s: for the first connection, which is tried once.
        answer_s: for `work`.
        silent: as of `connected`.
        undo: takes back what `work` has done when its connection broke. `work` then begins again, after the outage.
        patient: an outage is waited for. False: a new connection is tried once.

    Raises:
        TargetError: there is no connection within `connect_timeout_s`; it broke, or gave no answer within `answer_s`.
    """
    connection = await connected(target, connect_timeout_s, silent=silent)
    looks = 1 if undo is None else LOOKS
    while True:
        looks -= 1
        try:
            async with asyncio.timeout(answer_s):
                await work(target, connection)
        except BaseException as error:
            await connection.close()
            if looks and undo is not None and _is_lost(error):
                await undo(target)
                connection = await _connected_again(target, connect_timeout_s, patient=patient)
                continue
            if isinstance(error, TimeoutError):
                raise TargetError(f"{target.label}: connected, but there was no answer within {answer_s:g}s") from None
            if isinstance(error, DatabaseError):
                raise TargetError(f"{target.label}: {_told(error)}") from error
            raise
        target.sessions.give_back(connection)
        return


def _told(error: DatabaseError) -> str:
    """What went wrong before the first statement, and the next step if the server's message has none."""
    if error.sqlstate not in LOCKED | NOT_NOW:
        return str(error)
    return (
        f"another session holds a lock that bulkq needs ({error.hint or error}): nothing was sent: give the command again when that "
        "session has ended"
    )


async def visit_again(
    target: OpenTarget, work: Callable[[OpenTarget, Connection], Awaitable[None]], *, patient: bool
) -> None:
    """Do `work` over a connection that may have broken since it was kept. If `patient`, `work` outlasts an outage.

    Raises:
        TargetError: the connection broke, or the target was away for longer than the outage budget.
    """
    await visit(target, work, connect_timeout_s=None, answer_s=None, undo=keep_all if patient else None)


def _is_lost(error: BaseException) -> bool:
    """Whether the connection broke, so that the server may be away for some time; one without room has answered."""
    if isinstance(error, DatabaseError):
        return error.connection_lost
    return isinstance(error, TargetError) and not isinstance(error, NoRoom)


async def _connected_again(target: OpenTarget, connect_timeout_s: float | None, *, patient: bool) -> Connection:
    """A new connection, when the target is back if `patient`.

    Raises:
        TargetError: it was away for longer than the outage budget.
    """
    await target.sessions.release(target.sessions.idle)  # they are of the same server
    if not patient:
        return await connected(target, connect_timeout_s)
    try:
        return await target.sessions.open()
    except StoppedError as error:
        raise TargetError(f"{target.label}: {error}") from error


async def connected(target: OpenTarget, connect_timeout_s: float | None, *, silent: str = SILENT) -> Connection:
    """The first connection, tried once.

    Raises:
        TargetError: there is none within `connect_timeout_s`; `silent` says so, behind the label.
    """
    try:
        return await target.sessions.first(connect_timeout_s)
    except TimeoutError:
        raise TargetError(f"{target.label}{silent} within {connect_timeout_s:g}s") from None


def refuse_twins(request: Run, targets: Sequence[OpenTarget], say: Callable[[str], None]) -> None:
    """Two names for one physical database: its rows come twice in a read, and would be changed twice in a write.

    Raises:
        RefusedError: in a write, a line per pair.
    """
    named = [
        (target.label, target.physical, request.targets.selected[place].schema)
        for target in targets
        for place in target.places
    ]
    lines = database_identity.twins(named)
    if lines and request.safety.write:
        raise RefusedError(
            "\n".join(f"{line}: every set would be applied twice; leave one of them out" for line in lines)
        )
    for line in lines:
        say(f"{line}: its rows come once for each name")


def without_schema(request: Run, targets: Sequence[OpenTarget]) -> None:
    """Set aside the targets whose schemas were never listed, in this process and in those that go on."""
    if not request.targets.schemas:
        return
    for target in targets:
        if target.lost is None and any(request.targets.selected[place].schema is None for place in target.places):
            target.lose(
                TargetError(
                    f"{target.label}: was unreachable when its schemas were listed: begin a new run for it with -t"
                )
            )
