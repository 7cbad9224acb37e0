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
from bulkq.throttles.throttle_context import ThrottleContext

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AsyncExitStack

    from bulkq.model.run import LimitOptions
    from bulkq.policy.gentle_pace import GentlePace
    from bulkq.protocols import Throttle


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
    if not texts:
        return ()
    from bulkq.throttles.window import Windows

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
    option = "--critical" if critical else "--throttle"
    return await _opened(_made(expressions, context, option), stack, context, critical=critical)


def _made(expressions: Iterable[str], context: ThrottleContext, option: str = "--throttle") -> list[Throttle]:
    """The throttles of `expressions`. Their modules are not imported for a run without any."""
    wanted = [parse_expression(text, option) for text in expressions]
    if not wanted:
        return []
    from bulkq.throttles.make_throttles import throttles_of

    return [throttle for expression in wanted for throttle in throttles_of(expression, context)]


def _made_of_targets(limits: LimitOptions, context: ThrottleContext) -> list[Throttle]:
    if not any(target.throttle for _, target in context.targets):
        return []
    from bulkq.throttles.make_throttles import throttles_of_targets

    return [*throttles_of_targets(limits, context)]


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
    every = _made(holding, context)
    own = _made_of_targets(limits, context) if limits.target_throttles else []
    timed = await _opened([*every, *own], stack, context, critical=False)
    critical = await open_throttle(limits.critical, stack, context, critical=True) if stops else None
    parts: list[Throttle] = [timed] if timed is not None else []
    if limits.window:
        from bulkq.throttles.window import Windows

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
    from bulkq.throttles.others_activity import OthersActivity

    found: dict[str, GentlePace] = {}
    for label, target in context.targets:
        others = OthersActivity(context, label, target)
        stack.push_async_callback(others.close)
        if await others.open():
            found[label] = others.pace
    return Pace(rate, gentle=found)
