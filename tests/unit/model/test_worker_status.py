"""The JSON form of the workers of a run."""

from __future__ import annotations

import json

import pytest

from bulkq.model.worker_status import WorkersStatus, WorkerStatus, parse_workers, workers_object
from tests.support.worker_statuses import WORKERS


def test_json_keeps_everything() -> None:
    """Also through text."""
    assert parse_workers(json.loads(json.dumps(workers_object(WORKERS)))) == WORKERS


def test_other_versions_are_read() -> None:
    """Fields of a later version are ignored, missing fields have their defaults, and another form is an error."""
    values = {"executor": "x", "mood": 1, "listed": [{"address": "a", "mood": 2}]}
    assert parse_workers(values) == WorkersStatus(executor="x", listed=(WorkerStatus(address="a"),))
    with pytest.raises(ValueError, match="'asleep' is not a valid"):
        parse_workers({"executor": "x", "listed": [{"address": "a", "state": "asleep"}]})
