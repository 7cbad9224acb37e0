"""OpenTelemetry: a span for a run, one for each attempt of a batch below it, and the duration of attempts as a metric.

tracer_and_meter   whether the process uses OpenTelemetry, and what it gives bulkq
trace_connection   a connection whose attempts have spans
trace_run          the span of a run

The libraries of OpenTelemetry are used only if the process has loaded them: by opentelemetry-instrument, or as an application.
Values of parameters, texts of queries and messages of errors are in no span.
"""

from __future__ import annotations
