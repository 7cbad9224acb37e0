"""The signals of MySQL and MariaDB."""

from __future__ import annotations

import pytest

from bulkq.dialects.mysql_throttle_signals import EXECUTED, SIGNALS, SOURCE_FILE, SOURCE_ID, read_primary, read_replica
from bulkq.dialects.throttle_signal_catalog import ReplicaState


def test_each_needs_the_right_to_see_other_sessions() -> None:
    """Without PROCESS a role sees its own sessions only, which would look like a quiet server."""
    assert all("PROCESS" in query.allowed for query in SIGNALS.values.values())


def status(source: int, file: str, executed: int) -> tuple[object, ...]:
    """A row of SHOW ALL SLAVES STATUS."""
    row: list[object] = [""] * 58
    row[SOURCE_FILE], row[EXECUTED], row[SOURCE_ID] = file, executed, source
    return tuple(row)


PRIMARY = read_primary([("bin.000002", 373, "", "")], "1")


def test_positions_never_fall() -> None:
    """A new file is behind all offsets of the one before."""
    assert read_primary([("bin.000001", 2**39, "", "")], "1").position < PRIMARY.position
    assert (PRIMARY.identity, PRIMARY.timeline) == ("1", "bin")
    assert read_primary([("bin", 5, "", "")], "1").position == 5.0


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        ([status(1, "bin.000002", 373)], ReplicaState(PRIMARY.position)),
        ([status(7, "log.000001", 4), status(1, "bin.000002", 373)], ReplicaState(PRIMARY.position)),
        ([status(1, "", 0)], ReplicaState(0.0)),
        ([], ReplicaState(0.0, "it is not a replica")),
        (
            [status(7, "bin.000002", 373)],
            ReplicaState(0.0, "it replicates from server 7, and the server_id of the primary is 1"),
        ),
        (
            [status(7, "a.000002", 373), status(8, "b.000002", 373)],
            ReplicaState(0.0, "it replicates from servers 7, 8, and the server_id of the primary is 1"),
        ),
        (
            [status(1, "log.000002", 373)],
            ReplicaState(0.0, "it reads the log log.000002, and that of the primary is bin"),
        ),
    ],
)
def test_a_replica_belongs_to_its_primary(rows: list[tuple[object, ...]], state: ReplicaState) -> None:
    """By the server_id of its source, and the name of its log."""
    assert read_replica(rows, PRIMARY) == state
