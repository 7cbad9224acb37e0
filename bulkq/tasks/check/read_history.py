"""`bulkq runs --check NAME`: read what earlier runs have found of a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.tasks.check.open_check import in_project
from bulkq.text.message_parts import suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.ledger.check_results import RecordedCheck


async def read_history(name: str, ledger: str) -> Sequence[RecordedCheck]:
    """Return the checks with the name `name` or `FILE:NAME` in the ledger at `ledger`, one for each target and parameter set.

    Raises:
        UsageError: there is none; the message has the nearest name.
    """
    from bulkq.ledger import open_ledger
    from bulkq.ledger.check_results import CheckHistory

    kept = await open_ledger(ledger, create=False)
    try:
        history = CheckHistory(kept.database)
        known = await history.named(name) or await history.named(_in_project(name))
        names = await history.names() if not known else ()
    finally:
        await kept.close()
    if not known:
        raise UsageError(f'no check "{name}" in the ledger "{kept.place.shown}"{_nearest(name, names)}')
    return known


def _in_project(name: str) -> str:
    """Return `FILE:NAME` with the path relative to the project, as the ledger records it."""
    file, colon, check = name.rpartition(":")
    return f"{in_project(file)}:{check}" if colon and file else name


def _nearest(name: str, names: Sequence[str]) -> str:
    return suggestion(name.rpartition(":")[2], names, "{}", most=3) if names else ": no check has been recorded yet"
