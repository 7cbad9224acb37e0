"""Open the throttles of expressions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model.dataclass import frozen
from bulkq.policy.pace import Pace, parse_rate
from bulkq.policy.throttle_expressions import parse_expression
from bulkq.throttles.any_of import AnyOf
from bulkq.throttles.commit_latency import CommitLatency
from bulkq.throttles.file import FileThrottle
from bulkq.throttles.http import HttpThrottle
from bulkq.throttles.replication_lag import ReplicationLag
from bulkq.throttles.server_value import ServerValue
from bulkq.throttles.sql import SqlThrottle, names_file
from bulkq.throttles.throttle_context import ThrottleContext
from bulkq.throttles.wal_rate import WalRate
from bulkq.throttles.window import Windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AsyncExitStack

    from bulkq.model.run import LimitOptions
    from bulkq.policy.throttle_expressions import ThrottleExpression
    from bulkq.protocols import Throttle
    from bulkq.throttles.database import DatabaseThrottle


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


def check_throttles(expressions: Sequence[str], option: str = "--throttle") -> tuple[str, ...]:
    """The expressions of `option` if each is valid; () for the single word `none`.

    Raises:
        UsageError: an expression is not valid.
    """
    if list(expressions) == ["none"]:
        return ()
    for expression in expressions:
        parse_expression(expression, option)
    return tuple(expressions)


def fix_paths(expressions: Sequence[str]) -> tuple[str, ...]:
    """`expressions` with absolute paths, for a process that changes its working directory before it opens them."""
    return tuple(map(_fix_path, expressions))


def _fix_path(expression: str) -> str:
    signal, _, path = expression.partition(":")
    if signal == "file" or (signal == "sql" and names_file(path)):
        return f"{signal}:{os.path.abspath(path)}"  # noqa: PTH100 - resolves no links: the name counts
    return expression


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
    throttles = [throttle for expression in expressions for throttle in _made(parse_expression(expression), context)]
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
    timed = await open_throttle(holding, stack, context)
    critical = await open_throttle(limits.critical, stack, context, critical=True) if stops else None
    rate = parse_rate(limits.max_rate, backfill=bool(context.table)) if limits.max_rate is not None else None
    every: list[Throttle] = [timed] if timed is not None else []
    if limits.window:
        every.append(Windows(limits.window))
    return RunThrottles(
        throttle=AnyOf(every) if every else None,
        timed=timed,
        critical=critical,
        pace=Pace(rate, limits.nice) if rate is not None or limits.nice else None,
    )


def _made(expression: ThrottleExpression, context: ThrottleContext) -> Iterator[Throttle]:
    """The throttles of an expression; not open yet."""
    reader = READERS.get(expression.signal)
    if reader is not None:
        for label, target in context.targets:
            yield reader(expression, context, label, target)
    elif expression.signal == "http":
        yield HttpThrottle(expression, context)
    elif expression.signal == "file":
        yield FileThrottle(expression.argument, context.every_s)
    elif not context.writes:
        raise UsageError(f"--throttle {expression.text}: the run commits no changes: leave it out")
    else:
        for label, _ in context.targets:
            throttle = CommitLatency(expression, context, label)
            context.commits.setdefault(label, []).append(throttle.record)
            yield throttle
