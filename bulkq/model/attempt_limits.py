"""What one attempt may take and change."""

from __future__ import annotations

from bulkq.model.frozen_dataclass import frozen

POOLER_S = 150.0
"""How long a transaction through a pooler may wait for a session of the server, in seconds. It is no time of its statements.

PgBouncer itself ends the wait after 120 s by default: https://www.pgbouncer.org/config.html#query_wait_timeout
"""


@frozen
class Limits:
    """What one attempt may take. None means no limit, and only the user says so, by name."""

    timeout_s: float | None = 30.0  # per query, enforced by the server
    lock_timeout_s: float | None = 2.0
    read_only: bool = True
    transaction: bool = True
    expect_rows: int | None = None  # each set must change exactly so many, else it fails (sqlstate ROWS_UNEXPECTED)
    ordered: bool = True  # False: a driver may send the sets in the order of `Query.sorting`
    together: bool = (
        False  # a driver may execute all sets of a read by one statement, where `Capabilities.sets_together`
    )
    followed: bool = False  # another attempt follows at once: a driver may end the transaction of a read in the first message of that
    whole_floats: bool = False  # floating-point numbers are read with all their digits, whatever the session's settings
    snapshot: str | None = None  # of `SnapshotConnection.export_snapshot`: a read sees what that transaction sees
