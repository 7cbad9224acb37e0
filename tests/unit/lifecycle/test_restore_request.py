"""What a resume changes of a recorded request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq import query as queries
from bulkq.errors import RefusedError, UsageError
from bulkq.lifecycle.request_json import from_json, to_json
from bulkq.lifecycle.restore_request import request_of
from bulkq.model import RunRecord, RunState, Target
from bulkq.model.run import BackfillOptions, make_run
from bulkq.targets import Config, with_replicas

if TYPE_CHECKING:
    from bulkq.model import Run

HELD = Target(url="sqlite:////a.db", name="a", throttle=("lag<2s",))


def restored(changes: dict[str, object], *, backfill: bool = True, target: Target = HELD) -> Run:
    """The request of a resume of a run on `target`."""
    run = make_run(queries=(queries.inline("select 1", "sqlite"),), targets=(target,), nice=0.5, confirmed=("b",))
    if backfill:
        run = replace(run, backfill=BackfillOptions(over="t", assignments=("a = 1",)))
    record = RunRecord(
        run="r1",
        state=RunState.STOPPED,
        mode="write",
        name="",
        targets=("a",),
        request=to_json(run, "/"),
        fingerprint="{}",
        owner="",
        started_at="",
    )
    return request_of(record, changes, "auto", Config(targets={"a": target}))[0]


def test_the_sizes_of_ranges_are_those_of_the_resume() -> None:
    """The next ranges have them; what is not given stays."""
    found = restored({"target_time_s": 0.1, "max_rows": 500})
    assert found.backfill is not None
    assert (found.backfill.target_time_s, found.backfill.min_rows, found.backfill.max_rows) == (0.1, 10, 500)
    assert found.backfill.first_rows == 500
    assert (found.limits.nice, found.throttles) == (0.5, ("lag<2s",))


def test_a_named_replica_is_recorded_and_found_again() -> None:
    """Without its password, and as the configuration describes it now."""
    replica = Target(url="postgresql://u:s3cr3t@h/d", name="r2")
    run = make_run(queries=(queries.inline("select 1", "sqlite"),), targets=(HELD,))
    run = with_replicas(
        replace(run, limits=replace(run.limits, throttle=("lag(r2)<2s",))), Config(targets={"r2": replica})
    )
    assert run.targets.replicas == (replica,)
    again, _ = from_json(to_json(run, "/"))
    assert [one.url for one in again.targets.replicas] == ["postgresql://u@h/d"]
    assert with_replicas(again, Config(targets={"r2": replica})).targets.replicas == (replica,)
    found = restored({"throttle": ("lag(a)<2s",)})
    assert [target.name for target in found.targets.replicas] == ["a"]


def test_throttles_of_a_target_stay_unless_they_are_confirmed() -> None:
    """A confirmation of the run or of the resume counts."""
    none: dict[str, object] = {"throttle": (), "target_throttles": False}
    assert restored({**none, "confirmed": ("a",)}).throttles == ()
    with pytest.raises(RefusedError, match='^target "a" has throttles in the configuration'):
        restored(none)
    assert restored(none, target=replace(HELD, throttle=())).throttles == ()


@pytest.mark.parametrize(
    ("changes", "backfill", "message"),
    [
        ({"min_rows": 5}, False, "run r1 is not a backfill: leave out --min-rows"),
        ({"target_time_s": 5.0}, False, "run r1 is not a backfill: leave out --target-time"),
        ({"capture_max": None}, False, "run r1 was started without --capture: leave out --capture-max"),
        ({"min_rows": 500, "max_rows": 50}, True, "--min-rows 500 is more than --max-rows 50"),
        ({"max_rate": "5/s"}, True, '--max-rate "5/s": a backfill counts rows: use 5rows/s'),
    ],
)
def test_what_the_run_cannot_have(changes: dict[str, object], backfill: bool, message: str) -> None:
    """The error names the option, before anything is taken over."""
    with pytest.raises(UsageError) as raised:
        restored(changes, backfill=backfill)
    assert str(raised.value) == message
