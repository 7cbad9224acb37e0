"""What a PostgreSQL URL and its environment ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkq.drivers.asyncpg import options
from bulkq.errors import UsageError


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg", "PostgreSQL"])
def test_the_schemes_of_one_driver(scheme: str) -> None:
    """SQLAlchemy's name of the driver means the same database, whose TLS rule holds."""
    found = options.read(f"{scheme}://u:p%40@db1:5432/d?sslmode=require&connect_timeout=3", {})
    assert found.dsn.partition("?")[0] == "postgresql://u:p%40@db1:5432/d"
    assert (found.hosts, found.timeout_s) == (("db1",), 3.0)


@pytest.mark.parametrize(
    ("url", "environment", "required"),
    [
        ("postgresql://", {}, False),
        ("postgresql://localhost/db", {}, False),
        ("postgresql://127.0.0.2:5432/db", {}, False),
        ("postgresql://[::1]:5432/db", {}, False),
        ("postgresql:///db?host=/run/postgresql", {}, False),
        ("postgresql://%2Frun%2Fpostgresql/db", {}, False),
        ("postgresql://db1/db", {}, True),
        ("postgresql://u:p@db1:5432/db", {}, True),
        ("postgresql://localhost,db1/db", {}, True),
        ("postgresql://[2001:db8::1]:5432/db", {}, True),
        ("postgresql://127.0.0.1.example.com/db", {}, True),
        ("postgresql:///db?host=db1", {}, True),
        ("postgresql://", {"PGHOST": "db1"}, True),
        ("postgresql://localhost", {"PGHOST": "db1"}, False),
        ("postgresql://db1/db?sslmode=disable", {}, False),
        ("postgresql://db1/db?sslmode=prefer", {}, False),
        ("postgresql://db1/db", {"PGSSLMODE": "disable"}, False),
    ],
)
def test_the_tls_rule(url: str, environment: dict[str, str], required: bool) -> None:
    """A host that is not this machine gets TLS, unless somebody said otherwise by name."""
    found = options.read(url, environment)
    assert found.required is required
    assert found.ssl == ("require" if required else None)


@pytest.mark.parametrize("port", ["99999", "65536", "0", "1" * 5000, "abc"])
def test_a_port_that_cannot_be_is_an_error_in_the_url(port: str) -> None:
    """It is found before anybody connects, and not repeated: it may be a piece of a password."""
    with pytest.raises(UsageError, match="port number from 1 to 65535"):
        options.read(f"postgresql://127.0.0.1:{port}/db", {})
    with pytest.raises(UsageError, match="in a user or password") as caught:
        options.read("postgresql://u:99999/word@db1/db", {})
    assert "99999" not in str(caught.value)


def test_service_files(tmp_path: Path) -> None:
    """A service's host and sslmode count; one that is not there is an error with the file's name."""
    path = tmp_path / "services"
    path.write_text("[far]\nhost=db1\n[off]\nhost=db1\nsslmode=disable\n[odd]\npassword=100%\n")
    environment = {"PGSERVICEFILE": str(path)}
    assert options.read("postgresql://?service=far", environment).required
    assert options.read("postgresql://", environment | {"PGSERVICE": "far"}).service == "far"
    assert not options.read("postgresql://?service=off", environment).required
    assert options.read("postgresql://?service=odd", environment).password
    with pytest.raises(UsageError, match='no service "none" in'):
        options.read("postgresql://?service=none", environment)
    path.write_text("no section")
    with pytest.raises(UsageError, match="cannot be read"):
        options.read("postgresql://?service=far", environment)


def test_options_of_libpqs_own_side_do_not_reach_the_server() -> None:
    """They are honoured, or harmless to leave out; everything else stays as it was written."""
    url = "postgresql://h/db?keepalives=1&connect_timeout=3&options=-c%20jit%3Doff&channel_binding=prefer&sslrootcert=system"
    found = options.read(url, {})
    assert found.dsn == "postgresql://h/db?options=-c%20jit%3Doff"
    assert found.timeout_s == 3
    assert options.read("postgresql://h/db?connect_timeout=60", {}).dsn == "postgresql://h/db"
    assert options.read("postgresql://h/db?connect_timeout=60", {}).timeout_s == options.CONNECT_S
    assert options.read("postgresql://h/db", {"PGCONNECT_TIMEOUT": "2"}).timeout_s == 2
    assert options.read("postgresql://h/db?application_name=mine", {}).application_name == "mine"


def test_the_machines_certificates() -> None:
    """`sslrootcert=system` verifies against what this machine trusts, the name included."""
    found = options.read("postgresql://db1/db?sslmode=verify-full&sslrootcert=system", {})
    assert not isinstance(found.ssl, (str, type(None)))
    assert found.ssl.check_hostname
    assert not found.required


def test_an_exposed_password_file_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password file that others may read is not used, and no warning of a library says so."""
    path = tmp_path / "pgpass"
    path.write_text("*:*:*:*:hunter2")
    path.chmod(0o644)
    assert options.read("postgresql://h/db", {"PGPASSFILE": str(path)}).passfile == f"{path}.ignored"
    path.chmod(0o600)
    assert options.read("postgresql://h/db", {"PGPASSFILE": str(path)}).passfile is None
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError))
    assert options.read("postgresql://h/db", {}).passfile is None
