"""OpenTelemetry in the process of a test, with exporters that keep spans and metrics in memory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from bulkq.telemetry import tracer_and_meter

if TYPE_CHECKING:
    from collections.abc import Iterator


class Exported:
    """What was exported."""

    def __init__(self) -> None:
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self._spans, self._metrics = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers, self.meters = TracerProvider(), MeterProvider([self._metrics])
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))

    def spans(self) -> list[object]:
        """The spans that have ended, in the order of their ends."""
        return list(self._spans.get_finished_spans())

    def points(self, name: str) -> list[object]:
        """The data points of a metric."""
        found = self._metrics.get_metrics_data()
        if found is None:
            return []
        metrics = [one for each in found.resource_metrics for scope in each.scope_metrics for one in scope.metrics]
        return [point for one in metrics if one.name == name for point in one.data.data_points]


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exported]:
    """OpenTelemetry is loaded during the test, and not any more after it: later tests run without it."""
    before = set(sys.modules)
    pytest.importorskip("opentelemetry.sdk.trace")
    import opentelemetry.metrics
    import opentelemetry.trace

    found = Exported()
    for provider, module in ((found.tracers, opentelemetry.trace), (found.meters, opentelemetry.metrics)):
        name = "get_tracer" if module is opentelemetry.trace else "get_meter"
        monkeypatch.setattr(module, name, getattr(provider, name))
    yield found
    found.tracers.shutdown()
    found.meters.shutdown()
    tracer_and_meter._durations.cache_clear()
    tracer_and_meter._ended_sets.cache_clear()
    for name in {one for one in set(sys.modules) - before if one.startswith("opentelemetry")}:
        del sys.modules[name]
