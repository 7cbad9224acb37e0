"""`--executor`."""

from __future__ import annotations

import pytest

from bulkq.errors import UsageError
from bulkq.policy.parse_executor import parse_executor


def test_local_is_no_cluster() -> None:
    """Batches are executed in this process."""
    assert parse_executor("local") is None


@pytest.mark.parametrize(
    ("text", "address", "local"),
    [
        ("dask:local=4", "", 4),
        ("dask=tcp://h:8786", "tcp://h:8786", 0),
        ("dask=h.example:8786", "tcp://h.example:8786", 0),
        ("dask=tls://[::1]:8786", "tls://[::1]:8786", 0),
    ],
)
def test_a_cluster_is_started_or_found(text: str, address: str, local: int) -> None:
    """A scheme may be left out."""
    choice = parse_executor(text)
    assert choice is not None
    assert (choice.text, choice.address, choice.local) == (text, address, local)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dask:local=0", "0 is not a number from 1 to 256"),
        ("dask:local=", "the number of workers is missing: write dask:local=4"),
        ("dask:local=²", "is not a number"),
        ("dask=", "the address of a scheduler is missing: write tcp://host:8786"),
        ("dask=http://h:1", "is not the address"),
        ("dask=h", "h is not the address"),
        ("spark", 'executor "spark" is unknown: write local, dask:local=4'),
    ],
)
def test_mistakes_say_what_to_write(text: str, words: str) -> None:
    """One line each."""
    with pytest.raises(UsageError, match=words.replace("[", r"\[")):
        parse_executor(text)
