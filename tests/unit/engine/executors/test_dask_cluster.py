"""What differs between a worker and the run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bulkq.engine.executors import dask_cluster
from bulkq.engine.executors.dask_worker import PROBE
from bulkq.errors import UsageError
from bulkq.model import ExecutorChoice


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, ""),
        ({"bulkq": ""}, "worker tcp://w:1 on h1 has no bulkq: run pip install 'bulkq[dask]=="),
        ({"bulkq": "9.9", "loaded": "9.9"}, "has bulkq 9.9, and this process "),
        ({"bulkq": "9.9", "loaded": ""}, "has bulkq 9.9, and this process "),
        ({"loaded": "0.0.1"}, "has loaded bulkq 0.0.1 before "),
        ({"python": "3.9.1"}, "has Python 3.9.1, and this process "),
        ({"distributed": "1.0"}, "has distributed 1.0, and this process "),
    ],
)
def test_other_versions_are_refused_by_name(change: dict[str, str], words: str) -> None:
    """Each with the worker and the next step."""
    found = {**eval(PROBE, {}), "host": "h1"}
    found |= {name: value for name, value in change.items() if name in found}
    found["packages"] |= {name: value for name, value in change.items() if name not in found}
    wrong = dask_cluster._difference("tcp://w:1", found)
    assert (words in wrong) if words else wrong == ""


def test_tls_files_come_from_the_choice_or_from_dask(tmp_path: Path) -> None:
    """Without files, Dask's own configuration holds."""
    assert not dask_cluster._security(ExecutorChoice(text="x", address="tcp://h:1")).require_encryption
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    certificate = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    (file := tmp_path / "c.pem").write_bytes(
        certificate.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    made = dask_cluster._security(_cluster(file, file))
    assert (made.require_encryption, made.tls_ca_file, made.tls_client_cert) == (True, str(file), str(file))


def test_tls_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    """Before a scheduler is asked."""
    (file := tmp_path / "c.pem").write_text("x")
    with pytest.raises(UsageError, match=r"executors.x.tls_cert: \S+/none is not there"):
        dask_cluster._security(_cluster(file, tmp_path / "none"))
    with pytest.raises(UsageError, match=r"executors.x: the TLS files cannot be used .*: tls_ca and tls_cert must be"):
        dask_cluster._security(_cluster(file, file))


def _cluster(ca: Path, certificate: Path) -> ExecutorChoice:
    return ExecutorChoice(text="x", address="tls://h:1", tls_ca=str(ca), tls_cert=str(certificate))
