"""`[executors.NAME]` of a configuration file."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkq.errors import UsageError
from bulkq.targets import load_config

GOOD = '[executors.cluster]\ndask = "tls://h:8786"\ntls_ca = "ca.pem"\ntls_cert = "run.pem"\n[executors.near]\ndask = "h:8786"\n'


def test_a_cluster_has_a_name(tmp_path: Path) -> None:
    """Its TLS files are found from the folder of the file."""
    (tmp_path / "bulkq.toml").write_text(GOOD)
    found = load_config(folder=str(tmp_path)).executors
    assert {name: (one.text, one.address, one.tls_ca) for name, one in found.items()} == {
        "cluster": ("cluster", "tls://h:8786", str(tmp_path / "ca.pem")),
        "near": ("near", "tcp://h:8786", ""),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("executors.x = 1", "executors.x must be a table: write [executors.x] and dask ="),
        ('[executors.local]\ndask = "h:1"', '"local" cannot be the name of an executor'),
        ('[executors.x]\ndaks = "h:1"', 'unknown key "executors.x.daks" (did you mean "dask"?)'),
        ("[executors.x]\ndask = 1", "executors.x.dask must be text"),
        ("[executors.x]", "executors.x has no address: write dask ="),
        ('[executors.x]\ndask = "h"', "executors.x.dask: h is not the address of a scheduler"),
        (
            '[executors.x]\ndask = "tcp://h:1"\ntls_ca = "c"',
            "executors.x has TLS files, but its address is not at tls://",
        ),
        (
            '[executors.x]\ndask = "tls://h:1"\ntls_ca = "c"',
            "executors.x has not all TLS files: write tls_ca, tls_cert",
        ),
        ('[executors.x]\ndask = "tls://h:1"\ntls_key = "k"', "executors.x has not all TLS files"),
        ('[executors."a b"]\ndask = "h:1"', '"a b" cannot be a name'),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, text: str, words: str) -> None:
    """One line each."""
    (tmp_path / "bulkq.toml").write_text(text)
    with pytest.raises(UsageError) as raised:
        load_config(folder=str(tmp_path))
    assert words in str(raised.value)
    assert "bulkq.toml:" in str(raised.value)
