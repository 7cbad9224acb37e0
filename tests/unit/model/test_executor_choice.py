"""The executor in the recorded request of a run."""

from __future__ import annotations

from bulkq.lifecycle.request_json import from_json, to_json
from bulkq.model import ExecutorChoice
from bulkq.model.run import make_run


def test_the_executor_is_recorded() -> None:
    """A resume uses the same one."""
    choice = ExecutorChoice(text="dask=tls://h:1", address="tls://h:1", tls_ca="/ca.pem")
    for executor in (choice, None):
        found, _ = from_json(to_json(make_run(executor=executor), "/"))
        assert found.limits.executor == executor
