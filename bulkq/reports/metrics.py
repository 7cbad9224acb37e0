"""The status of a run as metrics of Prometheus, for `--metrics`. docs/reference/metrics.md lists them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import bulkq
from bulkq.model.counts import UNCOUNTED
from bulkq.model.run_status import Activity
from bulkq.text.prometheus import format_exposition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.model import Reading
    from bulkq.model.run_status import RunStatus
    from bulkq.text.prometheus import Family, Sample


def metrics_text(status: RunStatus) -> str:
    """Return the metrics of a run. Every sample has the label `run`, so that the files of several runs can be read together."""
    return format_exposition(
        (name, kind, help_text, [({"run": status.run, **labels}, value) for labels, value in samples])
        for name, kind, help_text, samples in (
            *_of_run(status),
            *_of_sets(status),
            *_of_rows(status),
            *_of_lanes(status),
            *_of_throttles(status),
        )
    )


def _of_run(status: RunStatus) -> Iterator[Family]:
    labels = {"name": status.name, "command": status.command, "mode": status.mode, "version": bulkq.__version__}
    yield "bulkq_run_info", "gauge", "What runs; always 1.", [(labels, 1)]
    states: list[Sample] = [({"activity": str(one)}, one is status.activity) for one in Activity]
    yield "bulkq_run_activity", "gauge", "1 for what the run is doing, 0 for the others.", states
    if status.started_at:
        begun = datetime.fromisoformat(status.started_at).timestamp()
        yield "bulkq_run_start_time_seconds", "gauge", "When the process of the run started.", [({}, begun)]
    yield "bulkq_run_elapsed_seconds", "gauge", "Time since the process of the run started.", [({}, status.elapsed_s)]
    yield "bulkq_run_progress_ratio", "gauge", "Part of the run that is done, 0 to 1.", _known(_ratio(status.percent))
    yield "bulkq_run_eta_seconds", "gauge", "Time left.", _known(status.eta_s)
    yield "bulkq_run_exit_code", "gauge", "Exit code of a run that has ended.", _known(status.exit_code)


def _of_sets(status: RunStatus) -> Iterator[Family]:
    counts = status.counts
    ended: list[Sample] = [
        ({"outcome": name}, value)
        for name, value in (("ok", counts.ok), ("failed", counts.failed), ("unknown", counts.unknown))
    ]
    yield "bulkq_sets_total", "counter", "Parameter sets that have ended, by outcome.", ended
    yield "bulkq_sets_expected", "gauge", "Parameter sets of the whole run.", _known(status.total)
    yield "bulkq_sets_retried_total", "counter", "Parameter sets that were sent again.", [({}, counts.retried)]
    yield "bulkq_sets_in_flight", "gauge", "Parameter sets that were sent and have not ended.", [({}, status.in_flight)]
    yield "bulkq_batch_sets", "gauge", "Parameter sets of the batch that ended last.", _known(status.batch)
    quantiles = [
        ({"quantile": q}, value) for q, value in (("0.5", status.p50_s), ("0.95", status.p95_s)) if value is not None
    ]
    yield "bulkq_query_latency_seconds", "gauge", "Latency of a query since the start.", quantiles
    yield "bulkq_query_latency_max_seconds", "gauge", "Longest latency of a query.", _known(status.max_s)


def _of_rows(status: RunStatus) -> Iterator[Family]:
    changed = status.counts.changed
    yield "bulkq_rows_total", "counter", "Result rows.", [({}, status.rows)]
    yield "bulkq_rows_changed_total", "counter", "Changed rows.", _known(None if changed == UNCOUNTED else changed)
    found = status.backfill
    if found is not None:
        yield "bulkq_backfill_rows_total", "counter", "Rows of the key that ranges have passed.", [({}, found.done)]
        yield (
            "bulkq_backfill_rows_expected",
            "gauge",
            "Rows of the key in all; may be an estimate.",
            _known(found.total),
        )
        yield "bulkq_backfill_range_rows", "gauge", "Rows of a range.", _known(found.range_rows)
        yield "bulkq_backfill_range_seconds", "gauge", "Time that the last range took.", _known(found.range_s)


def _of_lanes(status: RunStatus) -> Iterator[Family]:
    lanes = status.lanes
    yield "bulkq_lanes", "gauge", "Connections that work.", [({}, lanes.working)]
    yield "bulkq_lanes_allowed", "gauge", "Connections that may work.", [({}, lanes.allowed)]
    if status.workers is not None:
        yield "bulkq_workers", "gauge", "Workers of the cluster that get batches.", [({}, status.workers.working)]
        yield "bulkq_workers_lost_total", "counter", "Workers that were lost.", [({}, status.workers.lost)]
    yield "bulkq_targets", "gauge", "Databases of the run.", [({}, status.targets)]
    yield "bulkq_targets_done", "gauge", "Databases on which the run has ended.", [({}, status.targets_done)]


def _of_throttles(status: RunStatus) -> Iterator[Family]:
    waited = "Time in which connections waited for throttles."
    yield "bulkq_throttled_seconds_total", "counter", waited, [({}, status.throttled_s)]
    readings = [(_labels(reading), reading) for reading in status.throttles]
    tripped: list[Sample] = [(labels, reading.reason is not None) for labels, reading in readings]
    yield "bulkq_throttle_tripped", "gauge", "1 if the throttle holds the run, else 0.", tripped
    values = [(labels, reading.number) for labels, reading in readings if reading.number is not None]
    yield "bulkq_throttle_value", "gauge", "Last value of the throttle, in the unit of the label.", values
    limits = [(labels, float(reading.limit)) for labels, reading in readings if reading.limit is not None]
    yield "bulkq_throttle_limit", "gauge", "The run waits from this value on.", limits
    loads = [(labels, reading.load) for labels, reading in readings if reading.load is not None]
    yield "bulkq_throttle_load_ratio", "gauge", "Value of the throttle divided by its limit.", loads


def _labels(reading: Reading) -> dict[str, str]:
    unit = "" if reading.unit is None else str(reading.unit)
    return {"throttle": reading.name, "signal": reading.signal, "target": reading.target or "", "unit": unit}


def _known(value: float | None) -> list[Sample]:
    return [] if value is None else [({}, value)]


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else round(percent / 100, 6)
