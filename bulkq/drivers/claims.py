"""What a claim that was not granted has met. Called by drivers with the row that `markers.look` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bulkq.errors import AlreadyApplied, DatabaseError, NotOwner
from bulkq.model import Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Claim


def refused(found: Sequence[Sequence[object]], claim: Claim) -> DatabaseError:
    """The error to raise: the marker outranks the owner, and a run row that is gone has none.

    Args:
        found: the rows of `markers.look(claim)`, seen in the same transaction: one or none.
        claim: that was not granted.
    """
    if not found:
        return NotOwner(None, phase=Phase.CLAIMING)
    owner, last, rows = cast("tuple[str, int | None, int]", tuple(found[0]))
    if last is not None:
        return AlreadyApplied(int(last), int(rows), phase=Phase.CLAIMING)
    if owner != claim.owner:
        return NotOwner(owner, phase=Phase.CLAIMING)
    return DatabaseError("the run came back to us while we claimed", sqlstate="40001", phase=Phase.CLAIMING)
