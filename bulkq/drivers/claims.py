"""Whether a claim was granted, and what one that was not has met."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, cast

from bulkq import markers
from bulkq.errors import AlreadyApplied, DatabaseError, NotOwner
from bulkq.model import Phase
from bulkq.model.states import MARKER_EARLY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.model import Claim

NO_COUNT = -1
"""In a marker: the library did not say how many rows were changed. What is less is the token of an attempt."""


def refused(found: Sequence[Sequence[object]], claim: Claim) -> DatabaseError:
    """The error to raise: the marker outranks the owner, and a run row that is gone has none.

    Args:
        found: the rows of `markers.look(claim)`, seen in the same transaction: one or none.
        claim: that was not granted.
    """
    if not found:
        return NotOwner(None, phase=Phase.CLAIMING)
    owner, last, rows = cast("tuple[str, int | None, int]", tuple(found[0]))
    if last is not None and int(rows) < NO_COUNT:
        error = DatabaseError(
            "their marker was committed before their work: look in the database whether these sets are applied",
            sqlstate=MARKER_EARLY,
            phase=Phase.COMMITTING,
        )
        error.broken_off = True
        return error
    if last is not None:
        return AlreadyApplied(int(last), int(rows), phase=Phase.CLAIMING, ours=owner == claim.owner)
    if owner != claim.owner:
        return NotOwner(owner, phase=Phase.CLAIMING)
    return DatabaseError("the run came back to us while we claimed", sqlstate="40001", phase=Phase.CLAIMING)


def prove(ask: Callable[[str], Sequence[Sequence[object]]], claim: Claim, dialect: str) -> None:
    """Claim through a library whose row counts are not believed: the marker itself says which attempt inserted it.

    Until `markers.count` is sent, which is before COMMIT, the marker has a random negative number where its rows belong.

    Args:
        ask: executes a statement in the open transaction and gives its rows.
        claim: what is wanted.
        dialect: as `markers` knows it.

    Raises:
        AlreadyApplied: another attempt's marker is there.
        NotOwner: the run row has another owner, or is gone.
        DatabaseError: neither, so nothing is known of these sets.
    """
    token = NO_COUNT - 1 - secrets.randbits(60)
    for text in markers.claiming(claim, dialect, rows=token):
        ask(text)
    found = ask(markers.look(claim))
    if [tuple(map(str, row)) for row in found] != [(claim.owner, str(claim.last), str(token))]:
        raise refused(found, claim)
