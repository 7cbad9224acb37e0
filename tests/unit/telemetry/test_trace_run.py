"""The span of a run."""

from __future__ import annotations

from typing import Any

import pytest

from bulkq.model.counts import Counts
from bulkq.policy.progress import Progress
from bulkq.telemetry.trace_run import trace_run


def test_a_run_that_fails_has_its_counts(exported: Any) -> None:
    """Also after an error, whose message is not in the span; what earlier processes did is not counted again."""
    progress = Progress(run="01kb4x", name="fix", command="backfill", mode="write", counts=Counts(ok=5))
    with pytest.raises(ValueError, match="secret"), trace_run(progress):
        progress.counts = Counts(ok=7, failed=1)
        raise ValueError("secret")
    (span,) = exported.spans()
    assert span.name == "bulkq backfill"
    assert (span.attributes["bulkq.run.sets.ok"], span.attributes["bulkq.run.sets.failed"]) == (2, 1)
    assert "secret" not in span.to_json()
    assert {point.value for point in exported.points("bulkq.run.sets")} == {2, 1, 0}
