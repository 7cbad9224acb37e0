#!/usr/bin/env bash
# OpenTelemetry for Python: the span of a query that was cancelled or ran into asyncio.timeout() has no error, no exception and no status.
#
# opentelemetry-sdk 1.45.2, Python 3.11. A good guess: an exception that leaves `with tracer.start_as_current_span(...)` sets the status to ERROR and is
# recorded, as the manual says of record_exception and set_status_on_exception. Only subclasses of Exception are. asyncio.CancelledError
# is none since Python 3.8, and a timeout is a cancellation inside its block: TimeoutError appears only outside of it. The other tasks of a
# TaskGroup that fails end the same way. So do KeyboardInterrupt and SystemExit. If the timeout lies inside the span, the error is there.
# For many queries: a dashboard of failed spans shows none of the slowest queries; catch CancelledError in the span and set its status.
#
# Output seen:
#   raises ValueError              ERROR  exception
#   timeout() inside the span      ERROR  exception
#   timeout() round the span       UNSET  no event
#   wait_for() of the coroutine    UNSET  no event
#   task.cancel()                  UNSET  no event
#   beside a task that fails       UNSET  no event
#   KeyboardInterrupt              UNSET  no event
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'opentelemetry-sdk==1.45.2'
cd "$folder"

venv/bin/python - <<'PY'
import asyncio

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
tracer = provider.get_tracer("queries")


async def query(name, error=None):
    with tracer.start_as_current_span(name):
        await asyncio.sleep(0.1)
        if error is not None:
            raise error
        await asyncio.sleep(60)


async def limit_inside():
    with tracer.start_as_current_span("timeout() inside the span"):
        async with asyncio.timeout(0.2):
            await asyncio.sleep(60)


async def limit_round():
    async with asyncio.timeout(0.2):
        await query("timeout() round the span")


async def cancel():
    task = asyncio.create_task(query("task.cancel()"))
    await asyncio.sleep(0.2)
    task.cancel()
    await task


async def fail_beside():
    async with asyncio.TaskGroup() as group:
        group.create_task(query("beside a task that fails"))
        await asyncio.sleep(0.2)
        raise RuntimeError


async def main():
    for attempt in (
        query("raises ValueError", ValueError("bad")), limit_inside(), limit_round(),
        asyncio.wait_for(query("wait_for() of the coroutine"), 0.2), cancel(), fail_beside(),
    ):  # fmt: skip
        try:
            await attempt
            raise AssertionError("no exception")
        except (ValueError, TimeoutError, asyncio.CancelledError, ExceptionGroup):
            pass


asyncio.run(main())
try:
    with tracer.start_as_current_span("KeyboardInterrupt"):
        raise KeyboardInterrupt
except KeyboardInterrupt:
    pass
found = []
for span in exporter.get_finished_spans():
    found.append((span.status.status_code.name, ", ".join(event.name for event in span.events) or "no event"))
    print(f"{span.name:<31}{found[-1][0]}  {found[-1][1]}")
assert found == [("ERROR", "exception")] * 2 + [("UNSET", "no event")] * 5
PY
