"""Open the throttles of expressions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.policy.gentle_pace import chooses_pace
from bulkq.policy.pace import Pace, parse_rate
from bulkq.policy.throttle_expressions import parse_expression, path_of
from bulkq.text.message_parts import quoted
from bulkq.throttles.any_of import AnyOf
from bulkq.throttles.commit_latency import CommitLatency
from bulkq.throttles.file import FileThrottle
from bulkq.throttles.http import HttpThrottle
from bulkq.throttles.named_replica_lag import NamedReplicaLag
from bulkq.throttles.others_activity import OthersActivity
from bulkq.throttles.replication_lag import ReplicationLag
from bulkq.throttles.server_value import ServerValue
from bulkq.throttles.sql import SqlThrottle
from bulkq.throttles.throttle_context import ThrottleContext
from bulkq.throttles.wal_rate import WalRate
from bulkq.throttles.window import Windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AsyncExitStack

    from bulkq.model import Target
    from bulkq.model.run import LimitOptions
    from bulkq.policy.gentle_pace import GentlePace
    from bulkq.policy.throttle_expressions import ThrottleExpression
    from bulkq.protocols import Throttle
    from bulkq.throttles.base import PolledThrottle
    from bulkq.throttles.database_throttle import DatabaseThrottle


@frozen(kw_only=True)
class RunThrottles:
    """What holds the lanes of a run, and what ends it. All of it is open.

    Attributes:
        throttle: holds the lanes; None if nothing does.
        timed: the same without the hours of the day.
        critical: its reason ends the run.
        pace: how fast the lanes may work.
    """

    throttle: Throttle | None = None
    timed: Throttle | None = None
    critical: Throttle | None = None
    pace: Pace | None = None


READERS: Mapping[str, type[DatabaseThrottle]] = {
    "lag": ReplicationLag,
    "wal": WalRate,
    "archive": ServerValue,
    "slot": ServerValue,
    "waiters": ServerValue,
    "active": ServerValue,
    "oldest_xact": ServerValue,
    "autovacuum": ServerValue,
    "sql": SqlThrottle,
}
"""What each signal of a database is read by."""


NO_THROTTLE = ("none",)
"""Of `--throttle`: none, not even those of the targets."""


def check_throttles(expressions: Sequence[str], option: str = "--throttle") -> tuple[str, ...]:
    """The expressions of `option` if each is valid; () for the single word `none`.

    Raises:
        UsageError: an expression is not valid.
    """
    if tuple(expressions) == NO_THROTTLE:
        return ()
    _check_alone(expressions, option)
    for expression in expressions:
        parse_expression(expression, option)
    return tuple(expressions)


def check_windows(texts: Sequence[str]) -> tuple[str, ...]:
    """The texts of `--window` if each is valid; () for the single word `none`.

    Raises:
        UsageError: a text is not a window, or names an unknown time zone.
    """
    if tuple(texts) == NO_THROTTLE:
        return ()
    _check_alone(texts, "--window")
    Windows(texts)
    return tuple(texts)


def _check_alone(texts: Sequence[str], option: str) -> None:
    """Refuse `none` beside other values of an option."""
    others = [text for text in texts if text not in NO_THROTTLE]
    if len(others) < len(texts):
        raise UsageError(
            f"{option} none: it cannot be combined with {option} {quoted((others or texts)[0])}: leave one of them out"
        )


def fix_paths(expressions: Sequence[str]) -> tuple[str, ...]:
    """`expressions` with absolute paths, for a process that changes its working directory before it opens them."""
    return tuple(map(_fix_path, expressions))


def _fix_path(expression: str) -> str:
    path = path_of(expression)
    if not path:
        return expression
    return f"{expression.partition(':')[0]}:{os.path.abspath(path)}"  # noqa: PTH100 - resolves no links: the name counts


async def open_throttle(
    expressions: Iterable[str],
    stack: AsyncExitStack,
    context: ThrottleContext | None = None,
    *,
    critical: bool = False,
) -> AnyOf | None:
    """Open one throttle for all `expressions`, which `stack` closes. None if there are none.

    A signal of a database is read from each target. All lanes wait if one of them has a reason; of `critical` ones, the run ends.

    Raises:
        UsageError: an expression is not valid, or its signal cannot be read.
        TargetError: the only target cannot be reached. One of several is left out.
        RefusedError: the role lacks a right.
    """
    context = context or ThrottleContext()
    throttles = [throttle for text in expressions for throttle in _made(parse_expression(text), context)]
    return await _opened(throttles, stack, context, critical=critical)


async def _opened(
    throttles: Sequence[Throttle], stack: AsyncExitStack, context: ThrottleContext, *, critical: bool
) -> AnyOf | None:
    if not throttles:
        return None
    throttle = AnyOf(throttles, context.say if len(context.targets) > 1 else None, critical=critical)
    stack.push_async_callback(throttle.close)
    await throttle.open()
    return throttle


async def open_throttles(limits: LimitOptions, stack: AsyncExitStack, context: ThrottleContext) -> RunThrottles:
    """Open what holds the lanes of a run, and what ends it.

    Raises:
        UsageError, TargetError, RefusedError: as `open_throttle`.
    """
    stops = limits.on_critical == "stop"
    holding = limits.throttle if stops else (*limits.throttle, *limits.critical)
    own = _of_targets(limits, context) if limits.target_throttles else ()
    every = [throttle for text in holding for throttle in _made(parse_expression(text), context)]
    timed = await _opened([*every, *own], stack, context, critical=False)
    critical = await open_throttle(limits.critical, stack, context, critical=True) if stops else None
    parts: list[Throttle] = [timed] if timed is not None else []
    if limits.window:
        parts.append(Windows(limits.window))
    return RunThrottles(
        throttle=AnyOf(parts) if parts else None,
        timed=timed,
        critical=critical,
        pace=await _pace(limits, stack, context),
    )


async def _pace(limits: LimitOptions, stack: AsyncExitStack, context: ThrottleContext) -> Pace:
    """The pace of a run; of `--nice auto`, that of each target whose server says what others do."""
    rate = parse_rate(limits.max_rate, backfill=bool(context.table)) if limits.max_rate is not None else None
    own = [text for _, target in context.targets for text in target.throttle] if limits.target_throttles else []
    if not chooses_pace(limits, [*limits.throttle, *own], backfill=bool(context.table)):
        return Pace(rate, limits.nice if isinstance(limits.nice, float | int) else 0.0)
    found: dict[str, GentlePace] = {}
    for label, target in context.targets:
        others = OthersActivity(context, label, target)
        stack.push_async_callback(others.close)
        if await others.open():
            found[label] = others.pace
    return Pace(rate, gentle=found)


def _made(expression: ThrottleExpression, context: ThrottleContext) -> Iterator[Throttle]:
    """The throttles of an expression for all targets; not open yet.

    Raises:
        UsageError: the run has no such signal.
    """
    if expression.signal == "commit" and not context.writes:
        raise UsageError(f"--throttle {expression.text}: the run commits no changes: leave it out")
    if expression.signal in {"http", "file"}:
        yield _of_all(expression, context)
        return
    for label, target in context.targets:
        yield _of_target(expression, context, label, target)


def _of_targets(limits: LimitOptions, context: ThrottleContext) -> Iterator[Throttle]:
    """The throttles that the configuration has for the targets, without those of `--throttle` and those that the run has no use for."""
    for label, target in context.targets:
        for text in target.throttle:
            expression = parse_expression(text)
            if text not in limits.throttle and not _useless(expression, context):
                yield _of_target(expression, context, label, target)


def _useless(expression: ThrottleExpression, context: ThrottleContext) -> bool:
    """Whether a signal of every run on a target does not concern this one: it commits nothing, or has no table."""
    if expression.signal == "commit":
        return not context.writes
    return expression.signal == "autovacuum" and not (expression.argument or context.table)


def _of_all(expression: ThrottleExpression, context: ThrottleContext, label: str | None = None) -> PolledThrottle:
    """A throttle that no database gives; it holds the lanes of the target `label`, or of all."""
    if expression.signal == "http":
        return HttpThrottle(expression, context, label)
    return FileThrottle(
        expression.argument, context.every_s, context.title(f"file {expression.argument}", label), label
    )


def _of_target(expression: ThrottleExpression, context: ThrottleContext, label: str, target: Target) -> Throttle:
    """The throttle of a target, which may be one that the configuration has for it."""
    throttle = _reader_of(expression, context, label, target)
    throttle.owned = expression.text in target.throttle
    return throttle


def _reader_of(expression: ThrottleExpression, context: ThrottleContext, label: str, target: Target) -> PolledThrottle:
    replica = context.replicas.get(expression.argument) if expression.signal == "lag" else None
    if replica is not None:
        return NamedReplicaLag(expression, context, label, target, replica)
    reader = READERS.get(expression.signal)
    if reader is not None:
        return reader(expression, context, label, target)
    if expression.signal != "commit":
        return _of_all(expression, context, label)
    throttle = CommitLatency(expression, context, label)
    context.commits.setdefault(label, []).append(throttle.record)
    return throttle
