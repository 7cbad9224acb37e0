"""The status of a run: one value with one JSON form, documented in docs/reference/status.md. Pure."""

from __future__ import annotations

from dataclasses import field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from bulkq.model.counts import UNCOUNTED, Counts, changed_number, counts_of
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.throttle_readings import Reading, Unit, reading_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.model.worker_status import WorkersStatus

STATUS_VERSION = 1
"""Version of the JSON form. Fields may be added to a version; none changes its meaning."""

T = TypeVar("T")


class Activity(StrEnum):
    """What a run is doing."""

    RUNNING = "running"
    THROTTLED = "throttled"  # a throttle, or the hours of the day, hold every lane
    PAUSED = "paused"  # by a user
    WAITING = "waiting"  # for a target that was lost
    STOPPING = "stopping"  # no batch starts; running batches may finish
    ENDED = "ended"


@frozen(kw_only=True)
class LaneStatus:
    """The lanes of a run.

    Attributes:
        working: lanes that have a connection.
        allowed: lanes that may work at present.
        wanted: the value of `-j`; None for `auto`.
        why: of `auto`: why the number is not larger; "" if it is not known.
    """

    working: int = 0
    allowed: int = 0
    wanted: int | None = None
    why: str = ""


@frozen(kw_only=True)
class RowStatus:
    """How far a backfill is.

    Attributes:
        done: rows of the key space that its ranges have passed, changed or not.
        total: rows of the key space; None if they are not known.
        total_kind: `exact` or `estimate`; None without a total.
        range_rows: rows of the next range; None before the first one.
        range_s: seconds that the last range took; None before.
        holds: what bounds the speed, for people: `server`, `client`, `cutting ranges`; "" if it is not known.
        position: the condition of the range that was cut last, with values of the key; "" before.
    """

    done: int = 0
    total: int | None = None
    total_kind: str | None = None
    range_rows: int | None = None
    range_s: float | None = None
    holds: str = ""
    position: str = ""


@frozen(kw_only=True)
class StatusFailure:
    """A parameter set that failed, without its values."""

    n: int
    source: str = ""
    target: str = ""
    query: str = ""
    outcome: str = ""
    sqlstate: str | None = None
    message: str = ""


@frozen(kw_only=True)
class RunChange:
    """A change that a user made to a run.

    Attributes:
        at: ISO 8601, UTC.
        by: `alice@db7`.
        text: `concurrency 8 -> 4`.
    """

    at: str
    by: str = ""
    text: str = ""


@frozen(kw_only=True)
class RunStatus:
    """What a run is doing, and how far it is. Counts are of parameter sets unless the name says otherwise.

    Attributes:
        run: its id.
        name: what is running, for people.
        command: `run`, `backfill`, `check` or `maintain`.
        mode: as in `RunSummary.mode`.
        process: `host "db7", process 4711`.
        at: when the status was taken. ISO 8601, UTC, as `started_at`.
        activity: what the run is doing.
        reason: why, for people: `file /run/hold exists`; "" while it runs.
        activity_s: seconds since the activity or its reason changed.
        elapsed_s: seconds since this process of the run started.
        throttled_s: seconds in which lanes waited for throttles.
        percent: 0 to 100: by rows in a backfill, else by count, else by bytes; None if the end is not known.
        done: parameter sets (of a backfill: ranges) that have ended, however.
        total: None if it is not known.
        counts: by outcome.
        rows: result rows.
        rate: per second in the last ten seconds, in `rate_unit`.
        rate_average: per second since the start.
        rate_unit: `sets`, or `rows` of the key space for a backfill.
        eta_s: seconds left; None if they are not known. `eta_low_s` and `eta_high_s`: bounds, for a backfill.
        batch: sets of the batch that ended last; None before, and for a backfill.
        in_flight: sets that were sent and have not ended.
        throttles: the last reading of each.
        p50_s: latency of a query, in seconds, as `p95_s` and `max_s`; None before the first one ended.
        waits: what else the run waits for, for people.
        failures: the first few.
        changes: the last few, the newest last.
        workers: of a run with `--executor`; None for any other.
        backfill: its rows; None for any other run.
        exit_code: None before the end.
        resume: the command that continues from here; None if there is none.
    """

    run: str = ""
    name: str = ""
    command: str = "run"
    mode: str = ""
    process: str = ""
    started_at: str = ""
    at: str = ""
    activity: Activity = Activity.RUNNING
    reason: str = ""
    activity_s: float = 0.0
    elapsed_s: float = 0.0
    throttled_s: float = 0.0
    percent: float | None = None
    done: int = 0
    total: int | None = None
    counts: Counts = field(default_factory=Counts)
    rows: int = 0
    rate: float = 0.0
    rate_average: float = 0.0
    rate_unit: str = "sets"
    eta_s: float | None = None
    eta_low_s: float | None = None
    eta_high_s: float | None = None
    lanes: LaneStatus = field(default_factory=LaneStatus)
    batch: int | None = None
    in_flight: int = 0
    targets: int = 1
    targets_done: int = 0
    throttles: tuple[Reading, ...] = ()
    p50_s: float | None = None
    p95_s: float | None = None
    max_s: float | None = None
    waits: tuple[str, ...] = ()
    failures: tuple[StatusFailure, ...] = ()
    changes: tuple[RunChange, ...] = ()
    workers: WorkersStatus | None = None
    backfill: RowStatus | None = None
    exit_code: int | None = None
    resume: str | None = None


def status_object(status: RunStatus) -> dict[str, object]:
    """Return the JSON form of `status`: its fields by name. Numbers that are not known are None."""
    found: dict[str, object] = {"version": STATUS_VERSION, **_by_name(status)}
    found["counts"] = {**counts_of(status.counts), "changed": changed_number(status.counts.changed)}
    found["lanes"] = _by_name(status.lanes)
    found["throttles"] = [reading_object(reading) for reading in status.throttles]
    found["failures"] = [_by_name(failure) for failure in status.failures]
    found["changes"] = [_by_name(change) for change in status.changes]
    found["waits"] = list(status.waits)
    found["workers"] = _workers_object(status.workers)
    found["backfill"] = None if status.backfill is None else _by_name(status.backfill)
    return found


def parse_status(values: Mapping[str, object]) -> RunStatus:
    """Return the status of its JSON form. Unknown fields are ignored; missing fields have their defaults.

    Raises:
        ValueError, TypeError: `values` is not the JSON form of a status.
    """
    known: dict[str, Any] = dict(values)
    counts = dict(known.get("counts") or {})
    if "changed" in counts and counts["changed"] is None:
        counts["changed"] = UNCOUNTED
    known |= {
        "activity": Activity(known.get("activity", Activity.RUNNING)),
        "counts": _from_names(Counts, counts),
        "lanes": _from_names(LaneStatus, known.get("lanes") or {}),
        "waits": tuple(known.get("waits") or ()),
        "throttles": tuple(_reading(one) for one in known.get("throttles") or ()),
        "failures": tuple(_from_names(StatusFailure, one) for one in known.get("failures") or ()),
        "changes": tuple(_from_names(RunChange, one) for one in known.get("changes") or ()),
        "workers": _parse_workers(known.get("workers")),
        "backfill": None if not known.get("backfill") else _from_names(RowStatus, known["backfill"]),
    }
    return _from_names(RunStatus, known)


def _workers_object(workers: WorkersStatus | None) -> dict[str, object] | None:
    if workers is None:
        return None
    from bulkq.model.worker_status import workers_object  # most runs have none

    return workers_object(workers)


def _parse_workers(values: Mapping[str, Any] | None) -> WorkersStatus | None:
    if not values:
        return None
    from bulkq.model.worker_status import parse_workers

    return parse_workers(values)


def _reading(values: Mapping[str, Any]) -> Reading:
    unit = values.get("unit")
    return _from_names(Reading, {**values, "unit": None if unit is None else Unit(unit)})


def _by_name(value: object) -> dict[str, object]:
    return {one.name: getattr(value, one.name) for one in fields(value)}  # type: ignore[arg-type]


def _from_names(kind: type[T], values: Mapping[str, Any]) -> T:
    return kind(**{one.name: values[one.name] for one in fields(kind) if one.name in values})  # type: ignore[arg-type]
