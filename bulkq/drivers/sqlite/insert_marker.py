"""Insert the marker that claims a batch in SQLite, inside its `BEGIN IMMEDIATE`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq import markers
from bulkq.model import Phase

if TYPE_CHECKING:
    from bulkq.drivers.sqlite.transaction import Handle
    from bulkq.model import Claim


def insert_marker(db: Handle, claim: Claim) -> None:
    """Insert the marker of `claim`. No other connection writes meanwhile, so a claim fails for one of two reasons.

    Raises:
        AlreadyApplied: the marker exists, whichever process owns the run.
        NotOwner: the run row has another owner, or is gone.
        DatabaseError: SQLite refuses it: the tables are not there.
    """
    db.run_own(markers.claim(claim, "sqlite"), Phase.CLAIMING)
    if db.own.rowcount == 1:
        return
    raise markers.refusal(db.run_own(markers.look(claim), Phase.CLAIMING), claim)
