"""The JSON form of a run's status."""

from __future__ import annotations

import json

import pytest

from bulkq.model import Reading, Unit
from bulkq.model.counts import UNCOUNTED, Counts
from bulkq.model.run_status import (
    Activity,
    LaneStatus,
    RowStatus,
    RunChange,
    RunStatus,
    StatusFailure,
    parse_status,
    status_object,
)
from tests.support.worker_statuses import WORKERS

WHOLE = RunStatus(
    run="01kb4x",
    command="backfill",
    activity=Activity.THROTTLED,
    reason="lag 4.1s > 2s",
    counts=Counts(ok=3, failed=1, changed=12),
    lanes=LaneStatus(working=3, allowed=4, why="one more brought nothing"),
    throttles=(
        Reading(
            name="lag<2s", signal="lag", target="db", value="4.1s", number=4.1, limit=2.0, unit=Unit.SECONDS, load=2.05
        ),
        Reading(name="file:/run/hold", signal="file"),
    ),
    waits=("waiting for locks: pid 4711",),
    failures=(StatusFailure(n=3, message="division by zero"),),
    changes=(RunChange(at="2026-11-22T13:05:10Z", by="alice@db7", text="concurrency 8 -> 4"),),
    workers=WORKERS,
    backfill=RowStatus(done=5, total=10, total_kind="exact"),
)


@pytest.mark.parametrize("status", [WHOLE, RunStatus(), RunStatus(counts=Counts(changed=UNCOUNTED))])
def test_json_keeps_everything(status: RunStatus) -> None:
    """A status that went through JSON text is equal to the one that was sent."""
    assert parse_status(json.loads(json.dumps(status_object(status)))) == status


def test_unknown_numbers_are_null() -> None:
    """Changed rows that the library does not count are null, as everywhere in JSON."""
    found = status_object(RunStatus(counts=Counts(changed=UNCOUNTED)))
    assert found["counts"]["changed"] is None
    assert found["version"] == 1


def test_other_versions_are_read() -> None:
    """Fields of a later version are ignored, and missing fields have their defaults."""
    assert parse_status({"run": "a", "mood": "good", "lanes": {"allowed": 2, "color": "red"}}) == RunStatus(
        run="a", lanes=LaneStatus(allowed=2)
    )


def test_what_is_no_status_is_refused() -> None:
    """An activity that does not exist is an error, not a guess."""
    with pytest.raises(ValueError, match="dancing"):
        parse_status({"activity": "dancing"})
