"""Reasons to wait: one module for each signal that `--throttle` reads.

base                    a signal that is read on a timer: how long a reading may take, how it is ended, what one that fails means
file, http, sql         signals that need no knowledge of a database
database_throttle       a signal of a database: server_value for most, and replication_lag, named_replica_lag, wal_rate
commit_latency          how long our own commits take
window                  `--window`
others_activity         what `--nice auto` compares, and what the user is told of it; the pace is decided in `bulkq.policy.gentle_pace`
signal_reader, monitor_connection    how a database is asked
make_throttles, open, throttle_context    expressions -> throttles -> open ones; what they know of the run
any_of                  several as one, and which are left out because their target cannot be reached

How a signal is written, and its text with the limit that it has now: `bulkq.policy.throttle_expressions`. The queries, and how their
answers are read and compared: `bulkq.dialects.throttle_signal_catalog`, and the modules of the databases there.
"""

from __future__ import annotations

from bulkq.throttles.any_of import AnyOf
from bulkq.throttles.open import (
    NO_THROTTLE,
    RunThrottles,
    check_throttles,
    check_windows,
    fix_paths,
    open_throttle,
    open_throttles,
)
from bulkq.throttles.throttle_context import ThrottleContext, describe_run

__all__ = [
    "NO_THROTTLE",
    "AnyOf",
    "RunThrottles",
    "ThrottleContext",
    "check_throttles",
    "check_windows",
    "describe_run",
    "fix_paths",
    "open_throttle",
    "open_throttles",
]
