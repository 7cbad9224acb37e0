"""Raise the errors of runs with advice that can be written in Python."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError, RefusedError, StoppedError, TargetError, UsageError
from bulkq.lifecycle.check_api_arguments import in_python

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.model import RunSummary


@contextmanager
def in_terms_of_python() -> Iterator[None]:
    """Errors inside this block advise what can be written in Python."""
    try:
        yield
    except (RefusedError, UsageError) as error:
        error.args = (in_python(str(error)),)
        raise


def raise_for(summary: RunSummary, raised: Exception | None = None) -> None:
    """Raise what a summary with exit code 3 to 5 stands for, or what the caller's own parameter sets have `raised`."""
    if raised is not None:
        raise raised
    kinds: dict[int, type[BulkqError]] = {3: TargetError, 4: RefusedError, 5: StoppedError}
    if summary.exit_code in kinds:
        reason = summary.reason or f"{summary.unknown} parameter sets have an unknown outcome"
        raise kinds[summary.exit_code](f"{reason}: {summary.resume} continues" if summary.resume else reason)


def refuse_unusable(opened: asyncio.AbstractEventLoop, *, closed: bool) -> None:
    """Refuse a run of a database that is closed, or was `opened` in another event loop, where its connections would hang.

    Raises:
        UsageError: says which of the two it is.
    """
    if closed:
        raise UsageError("bulkq.open was left: this database is closed")
    if asyncio.get_running_loop() is not opened:
        raise UsageError(
            "this database was opened in another event loop: use it in that one, or open one here "
            "(asyncio.run makes a loop each time; with pytest-asyncio, give fixture and test one loop_scope)"
        )
