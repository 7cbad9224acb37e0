"""Parse the expressions of `--throttle`, and open their throttles."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.text.messages import quoted, suggestion
from bulkq.throttles.any_of import AnyOf
from bulkq.throttles.file import FileThrottle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AsyncExitStack

    from bulkq.protocols import Throttle

SIGNALS: Mapping[str, Callable[[str], Throttle]] = {"file": FileThrottle}
"""What each signal is read by, given the text behind its colon."""


def parse_throttle(expression: str) -> Throttle:
    """The throttle that `expression`, such as `file:/run/hold`, stands for.

    Raises:
        UsageError: there is no such signal, or the expression is incomplete.
    """
    signal, colon, rest = expression.partition(":")
    make = SIGNALS.get(signal)
    if make is None:
        raise UsageError(
            f"--throttle {quoted(expression)}: unknown signal {quoted(signal)}{suggestion(signal, SIGNALS)}: use file:PATH"
        )
    if not colon or not rest or "\0" in rest:
        raise UsageError(f"--throttle {quoted(expression)}: the path is missing: use file:PATH")
    return make(rest)


def check_throttles(expressions: Sequence[str]) -> tuple[str, ...]:
    """The expressions of `--throttle` if each is valid; () for the single word `none`.

    Raises:
        UsageError: an expression is not valid.
    """
    if list(expressions) == ["none"]:
        return ()
    for expression in expressions:
        parse_throttle(expression)
    return tuple(expressions)


def fix_paths(expressions: Sequence[str]) -> tuple[str, ...]:
    """`expressions` with absolute paths, for a process that changes its working directory before it opens them."""
    return tuple(
        f"file:{os.path.abspath(expression.removeprefix('file:'))}" if expression.startswith("file:") else expression  # noqa: PTH100
        for expression in expressions
    )


async def open_throttle(expressions: Iterable[str], stack: AsyncExitStack) -> Throttle | None:
    """Open one throttle for all `expressions`, which `stack` closes. None if there are none.

    Raises:
        UsageError: an expression is not valid, or its signal cannot be read.
    """
    throttles = [parse_throttle(expression) for expression in expressions]
    if not throttles:
        return None
    throttle = AnyOf(throttles)
    stack.push_async_callback(throttle.close)
    await throttle.open()
    return throttle
