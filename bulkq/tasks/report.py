"""Rebuild the summary of a run from the ledger, for `bulkq report`.

The ledger keeps verdicts, measured values, counts, times and messages without values. It keeps no rows and no parameters, so a
report made from it shows none, and says so.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.ledger import open_ledger
from bulkq.lifecycle.maintain.recorded_results import results_from_events
from bulkq.lifecycle.request_json import recorded_queries
from bulkq.lifecycle.throttle_waits_from_events import throttle_waits_from_events
from bulkq.lifecycle.timeline_from_events import timeline_from_events
from bulkq.lifecycle.workers_from_events import workers_from_events
from bulkq.model import QueryCounts, RunState, RunSummary, Verdict
from bulkq.model.counts import UNCOUNTED, Counts, counts_of
from bulkq.model.failure import failure_counts
from bulkq.policy import exit_codes
from bulkq.policy.merged_number_ranges import numbers_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import CheckResult, RecordedPart, RunRecord

NO_ROWS = "(from the ledger, which contains neither rows nor parameters)"
"""A remark: why a run ended is not kept."""


async def recall_summary(run: str | None, ledger: str) -> RunSummary:
    """What is known of a run that has ended.

    Args:
        run: its id or the beginning of it; None for the newest that has ended.
        ledger: where it is recorded.

    Raises:
        UsageError: there is no such run, or it is at work.
    """
    from bulkq.ledger.check_results import CheckHistory

    kept = await open_ledger(ledger, create=False)
    try:
        record = await (kept.find(run) if run is not None else kept.last(RunState.FINISHED, RunState.STOPPED))
        if record.state is RunState.RUNNING:
            alive = await kept.owner_alive(record)
            again = "run bulkq check again" if record.mode == "check" else f"bulkq resume {record.run}"
            state = "is still running: wait until it ends" if alive else f"was killed: {again}"
            raise UsageError(f"run {record.run} {state}")
        checks = await CheckHistory(kept.database).of(record.run)
        parts = await kept.state(record.run)
        events = await kept.events(record.run)
    finally:
        await kept.close()
    throttled_s, throttles = throttle_waits_from_events(events)
    summary = _summary(record, checks, parts)
    return replace(
        summary,
        timeline=timeline_from_events(events),
        throttled_s=throttled_s,
        throttles=throttles,
        workers=workers_from_events(events),
        objects=results_from_events(events, summary.failures),
    )


def _summary(record: RunRecord, checks: Sequence[CheckResult], parts: Sequence[RecordedPart]) -> RunSummary:
    code = 5 if record.exit_code is None else record.exit_code
    failures = [failure for part in parts for failure in part.failures]
    return RunSummary(
        run=record.run,
        status=exit_codes.status_of_record(record),
        exit_code=code,
        mode=record.mode,
        targets=record.targets,
        **counts_of(record),
        elapsed_s=record.elapsed_s,
        reason=NO_ROWS if checks or failures else "",
        queries=() if checks else _queries(record, parts),
        failures=tuple(failures),
        checks=tuple(map(_without_rows, checks)),
        started_at=record.started_at,
    )


def _without_rows(check: CheckResult) -> CheckResult:
    if check.verdict is Verdict.ERROR and not check.message:
        return replace(check, message="its message was not recorded, because it may contain values")
    return check


def _queries(record: RunRecord, parts: Sequence[RecordedPart]) -> tuple[QueryCounts, ...]:
    """The counts per part, with the queries' names from the request."""
    known = {state.part: state for state in parts}
    queries = recorded_queries(record.request)
    ranges = bool(json.loads(record.request).get("run", {}).get("backfill"))
    one = len(queries) * len(record.targets) == 1
    found = []
    number = 0
    for target in record.targets:
        for query in queries:
            number += 1
            state = known.get(number)
            failures = state.failures if state is not None else ()
            counts = failure_counts(failures)
            ok = numbers_in(state.done) if state is not None else 0
            counts += Counts(ok=ok, changed=record.changed if one else UNCOUNTED if ranges else 0)
            place = (query["name"], query["file"], query["line"], target)
            found.append(QueryCounts(*place, ranges=ranges, **counts_of(counts)))
    return tuple(found)
