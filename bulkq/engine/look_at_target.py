"""Stop a run of whose target an error says that every further parameter set would fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.sqlstates import NO_ROOM
from bulkq.errors import StoppedError
from bulkq.model import Outcome

if TYPE_CHECKING:
    from bulkq.engine.batch_outcome import BatchOutcome
    from bulkq.errors import DatabaseError

TEMPORARY = "pgsql_tmp"
"""In messages about files of one large sort: other parameter sets may need none."""


async def look_at_target(tally: BatchOutcome, error: DatabaseError, outcome: Outcome) -> None:
    """Look whether the target can go on after `error`, which repeats did not help against.

    Args:
        tally: of the batch that failed.
        error: its failure.
        outcome: what it says of the batch.

    Raises:
        StoppedError: every range, or every write, would fail.
    """
    part, spec = tally.part, tally.spec
    full = error.sqlstate in NO_ROOM
    if part.ranges is not None:
        if full or outcome is not Outcome.UNKNOWN:
            await part.ranges.check(tally.batch, error, () if part.transform is None else (spec.query,))
    elif full and not spec.limits.read_only and outcome is not Outcome.UNKNOWN and TEMPORARY not in str(error):
        raise StoppedError(f"the target has no room left: {error}: free space, then resume the run") from error
