"""What differs between a worker and the run."""

from __future__ import annotations

import pytest

pytest.importorskip("distributed")

from bulkq.engine.executors import dask_cluster
from bulkq.engine.executors.dask_worker import PROBE
from bulkq.model import ExecutorChoice


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"bulkq": ""}, "worker tcp://w:1 on h1 has no bulkq: run pip install 'bulkq[dask]=="),
        ({"bulkq": "9.9"}, "has bulkq 9.9, and this process "),
        ({"python": "3.9.1"}, "has Python 3.9.1, and this process "),
        ({"distributed": "1.0"}, "has distributed 1.0, and this process "),
    ],
)
def test_other_versions_are_refused_by_name(change: dict[str, str], words: str) -> None:
    """Each with the worker and the next step."""
    found = {**eval(PROBE, {}), "host": "h1"}
    found["python"] = change.get("python", found["python"])
    found["packages"] |= {name: value for name, value in change.items() if name != "python"}
    wrong = dask_cluster._difference("tcp://w:1", found)
    assert (words in wrong) if words else wrong == ""


def test_tls_files_come_from_the_choice_or_from_dask() -> None:
    """Without files, Dask's own configuration holds."""
    assert not dask_cluster._security(ExecutorChoice(text="x", address="tcp://h:1")).require_encryption
    made = dask_cluster._security(ExecutorChoice(text="x", address="tls://h:1", tls_ca="ca.pem", tls_cert="c.pem"))
    assert (made.require_encryption, made.tls_ca_file, made.tls_client_cert) == (True, "ca.pem", "c.pem")
