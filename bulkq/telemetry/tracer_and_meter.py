"""Whether the process uses OpenTelemetry, and its tracer and meter for bulkq."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.metrics import Counter, Histogram, Meter
    from opentelemetry.trace import Tracer

SCHEMA = "https://opentelemetry.io/schemas/1.33.0"
"""Of the names of attributes: the first version in which those of databases are stable."""

BOUNDARIES = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
"""Buckets in seconds that the conventions advise; https://opentelemetry.io/docs/specs/semconv/database/database-metrics/"""


def is_active() -> bool:
    """Whether the process has loaded OpenTelemetry. Loading it is left to the user, because it takes time in every run."""
    return "opentelemetry.trace" in sys.modules


def tracer() -> Tracer:
    """Return the tracer of bulkq, of the provider of the process."""
    from opentelemetry import trace

    return trace.get_tracer("bulkq", _version(), schema_url=SCHEMA)


def durations() -> Histogram:
    """Return the histogram of durations of attempts, in seconds."""
    return _durations(_meter())


def ended_sets() -> Counter:
    """Return the counter of parameter sets that have ended."""
    return _ended_sets(_meter())


def _meter() -> Meter:
    from opentelemetry import metrics

    return metrics.get_meter("bulkq", _version(), schema_url=SCHEMA)


@cache
def _version() -> str:
    from importlib.metadata import version

    return version("bulkq")


@cache  # a meter warns of an instrument that is made twice
def _durations(meter: Meter) -> Histogram:
    return meter.create_histogram(
        "db.client.operation.duration",
        unit="s",
        description="Duration of database client operations.",
        explicit_bucket_boundaries_advisory=BOUNDARIES,
    )


@cache
def _ended_sets(meter: Meter) -> Counter:
    return meter.create_counter("bulkq.run.sets", unit="{set}", description="Parameter sets that have ended.")
